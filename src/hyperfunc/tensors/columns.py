"""The values of a population, checked, and cut into chunks of members."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hyperfunc.errors import SpaceError
from hyperfunc.spaces import LowRankStack

from .arrays import tensor_of
from .kernels import perturbed_matrices

__all__ = ["Columns", "Parts"]

Parts = tuple[Tensor, Tensor, Tensor, Tensor]
"""Weight, left, right and scale of one matrix, for the members of a chunk."""

# Factors of several chunks are drawn together, which costs less than drawing them chunk by chunk.
_FACTOR_NUMBERS = 1 << 19


class Columns:
    """Name to the values of all members.

    Args:
        columns: low-rank stacks, or tensors [K, ...].
        count: K.
        device: where values are put; ``None`` leaves them.
        dtype: of real values; ``None`` leaves it.

    Raises:
        SpaceError: a column does not fit, or holds NaN or infinity.
    """

    def __init__(
        self, columns: Mapping[str, LowRankStack | Tensor], count: int, device: Any, dtype: torch.dtype | None
    ) -> None:
        if count < 1:
            raise SpaceError(f"count is {count}; a population has at least 1 member")
        if not columns:
            raise SpaceError("columns is empty; give at least one value that differs between members")
        self.names = tuple(columns)
        self.device = torch.device(device) if device is not None else None
        self.dtype = dtype
        self.stacks: dict[str, LowRankStack] = {}
        self._weights: dict[str, Tensor] = {}
        self._arrays: dict[str, Tensor] = {}
        self._blocks: dict[str, _Block] = {}
        for name, column in columns.items():
            if len(column) != count:
                raise SpaceError(f"{name!r} has values for {len(column)} members; count is {count}")
            if isinstance(column, LowRankStack):
                self.stacks[name] = column
                self._weights[name] = self._put(_finite(name, tensor_of(column.center)))
            else:
                self._arrays[name] = self._put(_finite(name, column))
        self.paired = any(stack.mirrored for stack in self.stacks.values())

    @property
    def width(self) -> int:
        """The longest axis of any member's value of two axes or more."""
        shapes: list[tuple[int, ...]] = [(stack.rows, stack.columns) for stack in self.stacks.values()]
        shapes += [tuple(array.shape[1:]) for array in self._arrays.values() if array.dim() > 2]
        return max((max(shape) for shape in shapes), default=1)

    def part(self, begin: int, end: int) -> tuple[dict[str, Parts], dict[str, Tensor]]:
        """Matrices and other values of members ``begin`` to ``end``."""
        arrays = {name: array[begin:end] for name, array in self._arrays.items()}
        stacks = {}
        for name, stack in self.stacks.items():
            weight = self._weights[name]
            factors = self._factors(name, begin, end)
            if _is_small(stack):
                full = perturbed_matrices(weight.flatten(1), *factors)
                arrays[name] = full.view(end - begin, *weight.shape)
            else:
                stacks[name] = (weight, *factors)
        return stacks, arrays

    def _put(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.device, self.dtype if tensor.is_floating_point() else None)

    def _factors(self, name: str, begin: int, end: int) -> tuple[Tensor, Tensor, Tensor]:
        stack = self.stacks[name]
        each = 2 if stack.mirrored else 1
        first, last = begin // each, end // each
        held = self._blocks.get(name)
        if held is None or first < held.begin or last > held.end:
            most = _FACTOR_NUMBERS // (stack.rank * (stack.rows + stack.columns))
            stop = min(stack.groups, max(last, first + most))
            left, right = stack.factors(first, stop)
            signs = [stack.scale, -stack.scale] if stack.mirrored else [stack.scale]
            parts = (tensor_of(left), tensor_of(right), torch.tensor(signs).repeat(stop - first))
            held = _Block(first, stop, *map(self._put, parts))
            self._blocks[name] = held
        at, to = first - held.begin, last - held.begin
        return held.left[at:to], held.right[at:to], held.scale[at * each : to * each]


class _Block(NamedTuple):
    """The factors of groups ``begin`` to ``end``."""

    begin: int
    end: int
    left: Tensor
    right: Tensor
    scale: Tensor


def _is_small(stack: LowRankStack) -> bool:
    """Whether a matrix takes so few numbers that working on its factors takes longer."""
    return stack.rows * stack.columns <= 2 * stack.rank * (stack.rows + stack.columns)


def _finite(name: str, tensor: Tensor) -> Tensor:
    # A sum is finite only if every entry is; it costs a third of asking each.
    if tensor.is_floating_point() and not math.isfinite(float(tensor.sum())):
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise SpaceError(f"{name!r} holds {bad} numbers that are NaN or infinite; weights must be finite")
    return tensor
