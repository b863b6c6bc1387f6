"""A program under vmap over candidates and over examples; imported when the first program is fused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]
from torch.utils._pytree import tree_map

from hyperfunc.blas import one_torch_thread
from hyperfunc.errors import DoesNotFit
from hyperfunc.execution.floats import as_floats
from hyperfunc.execution.stacking import rebuild
from hyperfunc.program.binding import FRAME, Frame
from hyperfunc.spaces import LowRankStack
from hyperfunc.tensors import run_population
from hyperfunc.tensors.levels import mapped
from hyperfunc.tensors.modes import Batching

from .stacked import CannotFuse, written

if TYPE_CHECKING:
    from hyperfunc.execution.stacking import Group

    from .members import Part

__all__ = ["lane", "predictions"]

# What a layer puts out for one chunk should stay in cache.
_CHUNK_NUMBERS = 1 << 20
# Less work than this is not worth sharing between threads.
_SHARED = 1 << 27


def predictions(
    entry: Callable[..., Any], bind: Callable[[Mapping[str, Any]], Frame], part: Part, group: Group, *,
    chunk: int | None, device: str | None,
) -> tuple[Any, Counter[str]]:  # fmt: skip
    """What members put out on a group of examples, from one pass over the program.

    Args:
        entry: what an example runs.
        bind: a frame that hands these values to the functions.
        part: P members.
        group: n examples.
        chunk: lanes at once; ``None`` chooses by cache.
        device: where it runs; ``None`` leaves tensors where they are.

    Returns:
        A tree of tensors [P, n, …] on the inputs' device, and the operations that needed a perturbed
        matrix written out.

    Raises:
        CannotFuse: the program cannot be run under vmap, or writes into its inputs.
        DoesNotFit: memory cannot hold what all members put out.
    """
    given = group.stacked
    inputs = given if device is None else tuple([tensor.to(device) for tensor in given])
    versions = written(inputs)

    def member(values: Mapping[str, Any]) -> Any:
        frame = bind({**part.constants, **{name: as_floats(value) for name, value in values.items()}})

        def one(_level: int, *tensors: Tensor) -> Any:
            token = FRAME.set(frame)
            try:
                return entry(**rebuild(group.example, iter(tensors)))
            finally:
                FRAME.reset(token)

        return mapped(one, len(group.indices), inputs)

    columns = {name: _column(values) for name, values in part.columns.items()}
    size = len(group.indices)
    limit = _chunk(part, group) if chunk is None else max(2, chunk // size)
    try:
        # Outside of inference mode, for there nobody could see what the program writes into.
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            one_torch_thread(_work(part, min(limit, part.count) * size) < _SHARED),
        ):
            if columns:
                tree, used = run_population(member, columns, part.count, chunk=limit, device=device)
            else:
                with Batching():
                    tree, used = _repeated(member({}), part.count), Counter()
    except DoesNotFit:
        raise
    except Exception as error:  # any of them means that lanes have to run one by one
        sentence = str(error).strip().partition("\n")[0].partition(". ")[0]
        passing = isinstance(error, (ArithmeticError, IndexError, LinAlgError))
        raise CannotFuse(f"{type(error).__name__}: {sentence}".removesuffix(": "), passing) from error
    if written(inputs) != versions:
        raise CannotFuse("the program writes into its inputs")
    home = given[0].device if given else torch.device("cpu")
    return (tree if device is None else tree_map(lambda leaf: leaf.to(home), tree)), used


def lane(tree: Any, at: int, place: int) -> Any:
    """What one member put out on one example, from a tree of tensors [P, n, …]."""
    return tree_map(lambda leaf: leaf[at, place], tree)


def _repeated(tree: Any, count: int) -> Any:
    return tree_map(lambda leaf: leaf.expand(count, *leaf.shape), tree)


def _column(values: Any) -> Any:
    # A copy, because the program may write into what it is given.
    return values if isinstance(values, LowRankStack) else torch.from_numpy(values.copy())


def _chunk(part: Part, group: Group) -> int:
    """Members at once."""
    width = max((max(column.shape[1:], default=1) for column in part.columns.values()), default=1)
    numbers = max((tensor[0].numel() for tensor in group.stacked), default=1)
    members = _CHUNK_NUMBERS // (len(group.indices) * max(width, numbers))
    return min(part.count + part.count % 2, max(2, members - members % 2))


def _work(part: Part, lanes: int) -> int:
    """Multiplications of so many lanes, as far as the shapes of matrices tell."""
    return lanes * sum(math.prod(column.shape[1:]) for column in part.columns.values())
