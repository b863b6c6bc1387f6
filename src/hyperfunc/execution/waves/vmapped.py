"""One batch of calls of a tensor function, written for a single call, under ``torch.vmap``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from hyperfunc.execution.floats import as_floats
from hyperfunc.execution.sharing import unchangeable
from hyperfunc.execution.stacking import form, rebuild, unstack
from hyperfunc.program.binding import FRAME, Binding
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.tensors.modes import Batching

from .company import BatchFrame, Call, Owner, Unbatchable, Values

__all__ = ["blocks", "run_batch", "run_one", "stack_numbers"]


def stack_numbers(values: list[Any]) -> torch.Tensor:
    """Numbers as ``[K]``, arrays as ``[K, …]``, both in the type a Python number takes among tensors."""
    if isinstance(values[0], float):
        return torch.tensor(values, dtype=torch.get_default_dtype())
    return torch.stack([torch.from_numpy(value.copy()) for value in values])


@dataclass(frozen=True)
class Block:
    """Calls that run at once.

    Args:
        calls: of one form; those of one candidate together.
        bindings: the candidates, K of them.
        rows: which candidate each call belongs to when candidates are gathered call by call; ``None`` when
            each has the same number of calls, which then are an axis of their own.
        columns: what differs between the candidates, ``[K, …]`` by name.
    """

    calls: Sequence[Call]
    bindings: Sequence[Binding]
    rows: Sequence[int] | None
    columns: dict[str, torch.Tensor]


def blocks(values: Values, calls: Sequence[Call]) -> list[Block]:
    """Calls of one form, arranged so that no matrix is copied for each call of its candidate."""
    rows: dict[int, list[Call]] = {}
    for call in calls:
        rows.setdefault(id(call.binding), []).append(call)
    bindings = [row[0].binding for row in rows.values()]
    columns = values.columns(bindings, stack_numbers)
    if len(rows) == len(calls) or not any(column.dim() > 1 for column in columns.values()):
        places = {key: k for k, key in enumerate(rows)}
        return [Block(calls, bindings, [places[id(call.binding)] for call in calls], columns)]
    lengths: dict[int, list[int]] = {}
    for k, row in enumerate(rows.values()):
        lengths.setdefault(len(row), []).append(k)
    ordered = list(rows.values())
    return [
        Block(
            [call for k in members for call in ordered[k]], [bindings[k] for k in members], None,
            columns if len(members) == len(rows) else {n: c[members] for n, c in columns.items()},
        )
        for members in lengths.values()
    ]  # fmt: skip


class Work(TorchFunctionMode):
    """Counts what torch is asked to do while it is entered.

    Attributes:
        operations: calls of torch functions.
        largest: numbers in the largest tensor among their arguments.
    """

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.largest = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count, and do it."""
        if getattr(func, "__name__", "") != "__get__":
            self.operations += 1
            sizes = [value.numel() for value in args if isinstance(value, torch.Tensor)]
            self.largest = max(self.largest, *sizes, 0)
        return func(*args, **(kwargs or {}))


def run_one(fn: HyperFunction, call: Call, reached: dict[Owner, None]) -> tuple[Any, Work]:
    """The plain call on inputs of its own, to compare with, and how much work it was."""
    leaves = iter([leaf.detach().clone().requires_grad_(leaf.requires_grad) for leaf in call.leaves])
    with Work() as work:
        return _enter(BatchFrame(call.binding, None, reached), fn, (call.args, call.kwargs), leaves), work


def run_batch(
    fn: HyperFunction, block: Block, owners: dict[Owner, None], reached: dict[Owner, None], device: str | None
) -> list[Any]:
    """The results of the block's calls, in their order.

    Raises:
        Unbatchable: the function does something that has no meaning for many calls at once.
    """
    calls = block.calls
    first, count = calls[0], len(calls)
    home = first.leaves[0].device if first.leaves else torch.device("cpu")
    alike = [all(call.leaves[i] is leaf for call in calls) for i, leaf in enumerate(first.leaves)]
    stacked = [
        leaf.clone() if alike[i] else torch.stack([call.leaves[i] for call in calls])
        for i, leaf in enumerate(first.leaves)
    ]
    names, columns = tuple(block.columns), list(block.columns.values())
    if block.rows is not None and len(block.bindings) not in (1, count):
        at = torch.tensor(block.rows)
        columns = [column[at] for column in columns]
    if device is not None:
        stacked = [leaf.to(device) for leaf in stacked]
        columns = [column.to(device) for column in columns]
    versions = [leaf._version for leaf in (*stacked, *columns)]
    inputs = (first.args, first.kwargs)
    example: list[Any] = []

    def lane(values: tuple[Any, ...], leaves: tuple[Any, ...]) -> tuple[Any, ...]:
        own = dict(zip(names, map(as_floats, values), strict=True))
        binding = first.binding.like({**first.binding.values, **own})
        with Batching():
            value = _enter(BatchFrame(binding, owners, reached), fn, inputs, iter(leaves))
        found: list[Any] = []
        form(value, found)
        _refuse_strange(value, found)
        example[:] = [value]
        return tuple(found)

    outs = _vmapped(lane, columns, stacked, alike, block)
    if [leaf._version for leaf in (*stacked, *columns)] != versions:
        raise Unbatchable("it writes into its inputs", final=True)
    if device is not None:
        outs = [out.to(home) for out in outs]
    return unstack(example[0], outs, count)


def _vmapped(lane: Any, columns: list[Any], stacked: list[Any], alike: list[bool], block: Block) -> list[Any]:
    """Every output as ``[B, …]``."""
    values, leaves = tuple(columns), tuple(stacked)
    over = tuple([None if same else 0 for same in alike])
    if block.rows is not None:
        if not values and all(alike):
            raise Unbatchable("its calls are all the same")
        return list(torch.vmap(lane, (0 if values else None, over))(values, leaves))
    members = len(block.bindings)
    size = len(block.calls) // members
    if all(alike):
        return [out.repeat_interleave(size, 0) for out in torch.vmap(lane, (0, None))(values, leaves)]
    cut = tuple(
        [
            leaf if same else leaf.unflatten(0, (members, size))
            for leaf, same in zip(leaves, alike, strict=True)
        ]
    )
    inner = torch.vmap(lane, (None, over))
    return [out.flatten(0, 1) for out in torch.vmap(inner, (0, over))(values, cut)]


def _enter(frame: BatchFrame, fn: HyperFunction, inputs: tuple[Any, Any], leaves: Any) -> Any:
    args, kwargs = rebuild(inputs, leaves)
    token = FRAME.set(frame)
    try:
        return frame.call(fn, args, kwargs)
    finally:
        FRAME.reset(token)


def _refuse_strange(value: Any, tensors: list[Any]) -> None:
    if not tensors:
        raise Unbatchable(f"it returns {type(value).__name__}, and no tensor", final=True)
    if isinstance(value, torch.Tensor):
        return
    # With its tensors taken out, all that is left must be safe to share between lanes.
    if not _is_plain(rebuild(value, iter([None] * len(tensors)))):
        raise Unbatchable(
            f"it returns something in a {type(value).__name__} that calls cannot share", final=True
        )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(map(_is_plain, value.values()))
    if hasattr(value, "__dataclass_fields__"):
        return all(_is_plain(getattr(value, name)) for name in value.__dataclass_fields__)
    return unchangeable(value)
