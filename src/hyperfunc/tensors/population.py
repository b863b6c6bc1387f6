"""Runs a function that is written for one member for all members of a population at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from hyperfunc.errors import SpaceError
from hyperfunc.memory import check_memory
from hyperfunc.spaces import LowRankStack

from .chunks import Chunks
from .columns import Columns
from .levels import mapped
from .lowrank import LowRank, written_out
from .modes import Batching
from .usage import USAGE, Usage

__all__ = ["run_population"]

Call = Callable[[dict[str, Tensor]], Any]


def run_population(
    call: Call,
    columns: Mapping[str, LowRankStack | Tensor],
    count: int,
    *,
    chunk: int | None = None,
    rows: int | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[Any, Counter[str]]:
    """Call a function of one member's values for all K members, in batches under ``torch.vmap``.

    Matrices that a :class:`~hyperfunc.spaces.LowRankStack` holds reach the function as
    :class:`LowRank` tensors: products, transposes, slices, embeddings, convolutions and attention do not
    write them out, and unmodified modules take them through ``torch.func.functional_call``. Only matrices
    with no more than twice the numbers of their factors are written out from the start, which is faster.
    The function may itself use ``torch.vmap`` over examples, and ``torch.func.grad``; outside of that no
    gradients are recorded.

    Args:
        call: ``call(values) -> tree of tensors`` for one member. It runs once per chunk; what it may do is
            what ``torch.vmap`` allows, with ``randomness="error"``.
        columns: name to low-rank stack, or to a tensor [K, ...].
        count: K, at least 1.
        chunk: members at once, an even number; ``None`` chooses so that activations stay in cache and
            memory suffices.
        rows: how many rows (examples times positions) a member puts through its matrices; helps to choose
            the chunk. ``None`` finds out with a first, small chunk.
        device: where values are put, such as ``"cuda"``; ``None`` leaves them where they are. What the
            function brings along must be there already.
        dtype: of real values; ``None`` leaves it.

    Returns:
        the outputs stacked [K, ...], as one tree; and how often which torch function needed matrices
        written out, counted once per call of it and chunk.

    Raises:
        SpaceError: a column does not fit, or holds NaN or infinity.
        DoesNotFit: memory cannot hold what all members return.

    Results depend on the chunk by no more than float rounding.

    Example::

        def call(values):
            return torch.func.functional_call(net, values, (inputs,))

        outputs_KN, materialized = run_population(call, {"0.weight": stack}, len(stack))

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), section 4.
    """
    data = Columns(columns, count, device, dtype)
    chunks = Chunks(data, chunk, rows)
    usage = Usage()
    token = USAGE.set(usage)
    whole: Any = None
    try:
        begin = 0
        while begin < count:
            end = min(count, begin + chunks.size(begin, usage))
            whole = _joined(whole, _members(call, data, begin, end), begin, end, count)
            begin = end
    finally:
        USAGE.reset(token)
    return whole, usage.materialized


def _members(call: Call, data: Columns, begin: int, end: int) -> Any:
    """The outputs of members ``begin`` to ``end``, stacked."""
    stacks, arrays = data.part(begin, end)

    def one(level: int, *own: Tensor) -> Any:
        batch = ((level, end - begin),)
        values = dict(zip(arrays, own, strict=True))
        values |= {name: LowRank.made(*parts, batch) for name, parts in stacks.items()}
        values = {name: values[name] for name in data.names}
        with Batching():
            outputs = call(values)
        return _plain(outputs) if isinstance(outputs, Tensor) else tree_map(_plain, outputs)

    with torch.no_grad():
        return mapped(one, end - begin, list(arrays.values()))


def _plain(leaf: Any) -> Any:
    if isinstance(leaf, LowRank):
        return written_out(leaf, "return")
    return leaf if isinstance(leaf, Tensor) else torch.as_tensor(leaf)


def _joined(whole: Any, part: Any, begin: int, end: int, count: int) -> Any:
    """All outputs so far, with those of members ``begin`` to ``end``."""
    if end - begin == count:
        return part
    leaves, spec = tree_flatten(part)
    if whole is None:
        here = [leaf for leaf in leaves if leaf.device.type == "cpu"]
        each = sum(leaf.numel() * leaf.element_size() for leaf in here) / (end - begin)
        check_memory(count * each, f"what {count} members return would", "give a smaller population")
        whole = tree_unflatten([leaf.new_empty((count, *leaf.shape[1:])) for leaf in leaves], spec)
    held, held_spec = tree_flatten(whole)
    if held_spec != spec or any(a.shape[1:] != b.shape[1:] for a, b in zip(held, leaves, strict=True)):
        raise SpaceError("the function returned another structure for one chunk than for the first")
    for target, leaf in zip(held, leaves, strict=True):
        target[begin:end] = leaf
    return whole
