"""Takes tensors out of the ``torch.vmap`` levels they are in, and puts results back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch._C import _functorch
from torch._functorch.vmap import lazy_load_decompositions  # type: ignore[attr-defined]
from torch.utils._pytree import tree_map

__all__ = ["Batch", "arranged", "bare", "batched", "is_batched", "mapped", "peel"]

# torch.library.register_vmap would do the same by public names, at 40 microseconds an operator and level,
# and torch.vmap itself at 70; these functions are what vmap is made of, and cost one or two.
_add_batch_dim = _functorch._add_batch_dim
_get_unwrapped = _functorch.get_unwrapped
is_batched = _functorch.is_batchedtensor
_is_grad = _functorch.is_gradtrackingtensor
_bdim = _functorch.maybe_get_bdim
_enter = _functorch._vmap_increment_nesting
_leave = _functorch._vmap_decrement_nesting
_level = _functorch.maybe_get_level
_remove_batch_dim = _functorch._remove_batch_dim

Batch = tuple[tuple[int, int], ...]
"""Levels with their sizes, in the order of the leading axes of a peeled tensor."""


def mapped(call: Callable[..., Any], size: int, tensors: Sequence[Tensor]) -> Any:
    """``torch.vmap(call, randomness="error")`` over the first axes of tensors, without its search of trees.

    Args:
        call: ``call(level, *tensors) -> tree of tensors``; what it returns without the level is repeated.
        size: of the axis, at least 1.
        tensors: [size, …] each; there may be none.

    Raises:
        TypeError: the function returned something that is not a tensor.
    """
    lazy_load_decompositions()
    level = _enter(size, "error")
    try:
        made = call(level, *[_add_batch_dim(tensor, 0, level) for tensor in tensors])

        def outside(leaf: Any) -> Tensor:
            if not isinstance(leaf, Tensor):
                raise TypeError(f"{type(leaf).__name__} was returned where tensors go together")
            return _remove_batch_dim(leaf, level, size, 0)

        return outside(made) if isinstance(made, Tensor) else tree_map(outside, made)
    finally:
        _leave()


def peel(tensor: Tensor) -> tuple[Tensor, Batch] | None:
    """The tensor that vmap hides, its levels' axes in front, and these levels with their sizes.

    Returns ``None`` for a tensor that ``torch.func.grad`` and its relatives follow, which must stay wrapped.
    """
    if not is_batched(tensor):
        return None if _is_grad(tensor) else (tensor, ())
    level, bdim = _level(tensor), _bdim(tensor)
    inner = _get_unwrapped(tensor)
    if not is_batched(inner):
        if _is_grad(inner):
            return None
        return inner if bdim == 0 else inner.movedim(bdim, 0), ((level, inner.shape[bdim]),)
    found = peel(inner)
    if found is None:
        return None
    value, outer = found
    at = len(outer)
    size = value.shape[at + bdim]
    return value if bdim == 0 else value.movedim(at + bdim, at), (*outer, (level, size))


def bare(value: Tensor) -> Tensor:
    """A constant without the wrappers that ``torch.func.grad`` puts around whatever is computed inside it."""
    while _is_grad(value):
        value = _get_unwrapped(value)
    return value


def batched(value: Tensor, batch: Batch) -> Tensor:
    """Hide the leading axes of a tensor, on which no gradient depends, in their levels."""
    value = bare(value)
    if len(batch) == 1:
        return _add_batch_dim(value, 0, batch[0][0])
    left = [level for level, _ in batch]
    for level in sorted(left):
        at = left.index(level)
        value = _add_batch_dim(value, at, level)
        left.pop(at)
    return value


def arranged(value: Tensor, batch: Batch, front: Batch) -> tuple[Tensor, Batch] | None:
    """Bring the levels of ``front`` to the front of a peeled tensor as one axis, the other levels after it.

    Returns:
        the tensor [M, other levels…, …] and the other levels; ``None`` when it is in none of ``front``.
    """
    if batch[: len(front)] == front:
        rest = batch[len(front) :]
    else:
        own = {level for level, _ in batch}
        missing = [place for place in front if place[0] not in own]
        if len(missing) == len(front):
            return None
        for _, size in reversed(missing):
            value = value.expand(size, *value.shape)
        batch = (*missing, *batch)
        levels = [level for level, _ in batch]
        first = [levels.index(level) for level, _ in front]
        value = value.movedim(first, list(range(len(front))))
        rest = tuple(place for place in batch if place not in front)
    if len(front) != 1:
        value = value.reshape(math.prod(sizes(front)), *value.shape[len(front) :])
    return value, rest


def sizes(batch: Batch) -> Sequence[int]:
    """The lengths of the levels' axes."""
    return [size for _, size in batch]
