"""Noise of a population that is made where the weights are, for accelerators."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hyperfunc.optimizers.lowrank import fold, rows_and_columns
from hyperfunc.rng import seed_of
from hyperfunc.spaces import LowRankStack

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DeviceNoise"]

_DRAWN = 1 << 20
"""Numbers that share a seed, about: few enough to be drawn for a part, enough to keep a device busy."""

_SUMMED = 64
"""Times as many are summed at once."""


@dataclass(frozen=True, slots=True)
class DeviceNoise:
    """What :class:`~hyperfunc.optimizers.lowrank.FactorNoise` and its kin are on the CPU, in torch.

    The numbers are those of ``torch.Generator`` on the device, so they differ from the CPU's.

    Args:
        key: of the stream.
        shape: of the array.
        rank: of a perturbation; ``None`` gives every entry a number of its own.
        groups: pairs of mirrored members, or lone members.
        device: where.
        kept: whether the numbers stay in memory once made; results are the same.
    """

    key: int
    shape: tuple[int, ...]
    rank: int | None
    groups: int
    device: torch.device
    kept: bool = True
    _made: list[Tensor] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(
        cls, key: int, shape: tuple[int, ...], rank: int | None, groups: int, keep: int, device: torch.device
    ) -> DeviceNoise:
        """Low-rank noise where the rank is below both sides of the matrix, kept if ``keep`` bytes suffice."""
        full = rank is None or len(shape) < 2 or rank >= min(rows_and_columns(shape))
        noise = cls(key, shape, None if full else rank, groups, device)
        return noise if noise.memory <= keep else replace(noise, kept=False)

    @property
    def numbers(self) -> int:
        """How many a group takes."""
        return math.prod(self.shape) if self.rank is None else self.rank * sum(rows_and_columns(self.shape))

    @property
    def memory(self) -> int:
        """Bytes that are held once the noise was made."""
        return 4 * self.groups * self.numbers if self.kept else 0

    def __call__(self, begin: int, end: int) -> tuple[Any, Any]:
        """Factors of groups ``begin`` to ``end``, as a :class:`LowRankStack` wants them."""
        left, right = self._ranks(begin, end)
        return left.transpose(1, 2), right.transpose(1, 2)

    def column(self, center: Any, sigma: float, mirrored: bool) -> Any:
        """One value per member: a stack of factors, or a tensor [K, *shape] for full noise."""
        if self.rank is None:
            change = sigma * self._flat(0, self.groups).view(-1, *self.shape)
            if not mirrored:
                return center + change
            return torch.stack([center + change, center - change], dim=1).flatten(0, 1)
        count = 2 * self.groups if mirrored else self.groups
        scale = sigma / math.sqrt(self.rank)
        return LowRankStack(center, self, count, rank=self.rank, scale=scale, mirrored=mirrored)

    def fold(self, weights_G: NDArray[Any]) -> Tensor:
        """The sum over groups of weight times perturbation, in the shape of the array."""
        scale = 1.0 if self.rank is None else 1 / math.sqrt(self.rank)
        weights = torch.as_tensor(weights_G * scale, dtype=torch.float32, device=self.device)
        total = torch.zeros(self.shape, device=self.device)
        step = _SUMMED * self._block
        for begin in range(0, self.groups, step):
            end = min(self.groups, begin + step)
            part = weights[begin:end]
            if self.rank is None:
                total += (part @ self._flat(begin, end)).view(self.shape)
            else:
                total += fold(*self._ranks(begin, end), part).view(self.shape)
        return total

    @property
    def _block(self) -> int:
        """Groups that share a seed; what a group gets depends on its place alone."""
        return max(1, min(self.groups, _DRAWN // self.numbers))

    def _ranks(self, begin: int, end: int) -> tuple[Tensor, Tensor]:
        """[n, rank, rows] and [n, rank, columns], without copies."""
        assert self.rank is not None
        both = self._flat(begin, end).view(end - begin, self.rank, -1)
        rows = rows_and_columns(self.shape)[0]
        return both[..., :rows], both[..., rows:]

    def _flat(self, begin: int, end: int) -> Tensor:
        """[n, numbers]."""
        if not self.kept:
            return self._draw(begin, end)
        if not self._made:
            self._made.append(self._draw(0, self.groups))
        return self._made[0][begin:end]

    def _draw(self, begin: int, end: int) -> Tensor:
        generator, size = torch.Generator(self.device), self._block
        first, last = begin // size, -(-end // size)
        drawn = torch.empty((last - first) * size, self.numbers, device=self.device)
        for place, block in enumerate(range(first, last)):
            generator.manual_seed(seed_of(self.key, block))
            drawn[place * size : (place + 1) * size].normal_(generator=generator)
        return drawn[begin - first * size : end - first * size]
