"""Values of many calls as one: trees whose tensors are stacked along a new first axis."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .sharing import Unshareable, frozen

__all__ = ["Group", "form", "group", "rebuild", "stack", "unstack"]

_ATOMS = (str, bytes, int, bool, type(None))


@dataclass(frozen=True, slots=True)
class Group:
    """Values of one form.

    Args:
        indices: where they are among all values, B of them.
        form: what they have in common: containers, constants, and the tensors' shapes.
        example: the first of them.
        leaves: the tensors of each value, in order of the tree.
        stacked: the tensors of all, each ``[B, …]``.
    """

    indices: tuple[int, ...]
    form: Hashable
    example: Any
    leaves: tuple[tuple[torch.Tensor, ...], ...]
    stacked: tuple[torch.Tensor, ...]


def form(value: Any, leaves: list[torch.Tensor]) -> Hashable:
    """What has to be equal for two values to be stacked.

    Args:
        value: tuples, lists, dicts, dataclasses and what they hold. Numbers, texts and numpy arrays are
            constants, compared by content; other objects are constants, compared by identity.
        leaves: the value's tensors are appended here, in order of the tree.

    Returns:
        The containers, the constants, and shape, dtype and device of each tensor.
    """
    kind = type(value)
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        if value.layout is not torch.strided:
            return (kind, id(value))
        leaves.append(value)
        return (value.shape, value.dtype, value.device)
    if kind is tuple or kind is list:
        return (kind, *[form(v, leaves) for v in value])
    if kind is dict:
        return (kind, *[(type(k), k, form(v, leaves)) for k, v in value.items()])
    if kind in _ATOMS:
        return (kind, value)
    if _is_record(kind):
        return (kind, *[form(v, leaves) for v in _parts(value)])
    try:
        return frozen(value)
    except Unshareable:
        return (kind, id(value))


def rebuild(value: Any, leaves: Iterator[Any]) -> Any:
    """The value with other tensors; containers are new, so that nobody shares them.

    Args:
        value: what :func:`form` was called with.
        leaves: what takes the place of its tensors, in the same order.
    """
    kind = type(value)
    if (kind is torch.Tensor or kind is torch.nn.Parameter) and value.layout is torch.strided:
        return next(leaves)
    if kind is tuple or kind is list:
        return kind([rebuild(v, leaves) for v in value])
    if kind is dict:
        return {k: rebuild(v, leaves) for k, v in value.items()}
    if kind is np.ndarray:
        return value.copy()
    if _is_record(kind):
        if issubclass(kind, tuple):
            return kind(*[rebuild(v, leaves) for v in value])
        twin = copy.copy(value)
        for name, part in zip(_names(kind), _parts(value), strict=True):
            object.__setattr__(twin, name, rebuild(part, leaves))
        return twin
    return value


def group(values: Sequence[Any], tag: Callable[[int], Hashable] = lambda _: None) -> list[Group]:
    """Values that can be stacked, put together.

    Args:
        values: trees; see :func:`form` for what makes two of them alike.
        tag: of the value at an index; values with different tags stay apart.

    Returns:
        Groups in the order in which their first members come.

    Example::

        >>> [g.indices for g in group([torch.ones(2), torch.ones(3), torch.zeros(2)])]
        [(0, 2), (1,)]
    """
    found: dict[tuple[Hashable, Hashable], list[int]] = {}
    leaves: list[tuple[torch.Tensor, ...]] = []
    for index, value in enumerate(values):
        tensors: list[torch.Tensor] = []
        found.setdefault((form(value, tensors), tag(index)), []).append(index)
        leaves.append(tuple(tensors))
    groups = []
    for key, members in found.items():
        parts = tuple([leaves[i] for i in members])
        groups.append(Group(tuple(members), key, values[members[0]], parts, stack(parts)))
    return groups


def stack(leaves: Sequence[tuple[torch.Tensor, ...]]) -> tuple[torch.Tensor, ...]:
    """The tensors of B values of one form, each ``[B, …]``."""
    return tuple([torch.stack(column) for column in zip(*leaves, strict=True)])


def unstack(example: Any, stacked: Sequence[torch.Tensor], count: int) -> list[Any]:
    """The inverse of stacking.

    Args:
        example: a value of the form; its tensors are replaced.
        stacked: tensors ``[count, …]``, in the order of the tree.
        count: values to make.

    Returns:
        Values that share no memory with each other.
    """
    columns = [_rows(column) for column in stacked]
    if len(columns) == 1 and isinstance(example, torch.Tensor):
        return list(columns[0])
    return [rebuild(example, iter([column[i] for column in columns])) for i in range(count)]


def _rows(column: torch.Tensor) -> Sequence[torch.Tensor]:
    if column.dim() and column.stride(0) == 0 and column.shape[0] > 1:
        # A row that was only repeated: whoever changes its own in place must not change the others.
        column = column.clone(memory_format=torch.contiguous_format)
    if column.requires_grad:
        # Rows of unbind may not be changed in place where gradients are kept.
        return [column[i] for i in range(column.shape[0])]
    return column.unbind(0)


def _is_record(kind: type) -> bool:
    if dataclasses.is_dataclass(kind):
        return True
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _names(kind: Any) -> tuple[str, ...]:
    return tuple([f.name for f in dataclasses.fields(kind)])


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [getattr(value, n) for n in _names(type(value))]
