"""Stacking predictions and expectations along a new first axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

_TENSORS: WeakKeyDictionary[type, bool] = WeakKeyDictionary()
"""Types that were met, and whether they are tensors."""

__all__ = ["Unstackable", "is_tensor", "stack", "take"]


class Unstackable(TypeError):
    """Values of different kinds or shapes."""


def is_tensor(value: object) -> bool:
    """Whether it is a torch tensor, without importing torch."""
    kind = type(value)
    known = _TENSORS.get(kind)
    if known is None:
        known = any(base.__module__ == "torch" and base.__name__ == "Tensor" for base in kind.__mro__)
        _TENSORS[kind] = known
    return known


def stack(values: Sequence[Any]) -> Any:
    """Tensors, numbers, arrays, or equal trees of them, with a new first axis of length ``len(values)``.

    Raises:
        Unstackable: they differ in kind, shape or structure.

    Example::

        >>> stack([1.0, 2.0]).shape
        (2,)
    """
    first = values[0]
    if any(type(v) is not type(first) for v in values):
        kinds = sorted({type(v).__name__ for v in values})
        raise Unstackable(f"these are of different types: {', '.join(kinds)}")
    if is_tensor(first):
        import torch

        if any(v.shape != first.shape for v in values):
            raise Unstackable(f"these have different shapes: {sorted({tuple(v.shape) for v in values})}")
        return torch.stack(tuple(values))
    if isinstance(first, dict):
        if any(v.keys() != first.keys() for v in values):
            raise Unstackable("these have different keys")
        return {name: stack([v[name] for v in values]) for name in first}
    if isinstance(first, tuple | list) and first and not _is_number(first[0]):
        if any(len(v) != len(first) for v in values):
            raise Unstackable("these have different lengths")
        parts = [stack([v[i] for v in values]) for i in range(len(first))]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    try:
        return np.stack([np.asarray(v) for v in values])
    except ValueError as error:
        raise Unstackable("these have different shapes") from error


def take(tree: Any, places: np.ndarray, axis: int = 0) -> Any:
    """Some of what was stacked, in this order, along axis 0 or 1."""
    if isinstance(tree, dict):
        return {name: take(part, places, axis) for name, part in tree.items()}
    if isinstance(tree, tuple | list):
        parts = [take(part, places, axis) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    if is_tensor(tree):
        import torch

        return tree.index_select(axis, torch.from_numpy(places).to(tree.device))
    return np.take(tree, places, axis)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | bool)
