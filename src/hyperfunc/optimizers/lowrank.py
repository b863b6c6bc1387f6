"""Noise of a population of matrices: low-rank factors by position, and what a weighted sum of it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hyperfunc.memory import check_memory
from hyperfunc.noise import normals
from hyperfunc.spaces import LowRankStack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.spaces.stacks import Factors

__all__ = ["EntryNoise", "FactorNoise", "Noise", "fold", "noise_of", "rows_and_columns"]

_BLOCK = 1 << 22
"""Numbers of noise that are made and summed at once. Sums are cut here and nowhere else, so that they do
not depend on how the population was evaluated."""


class Noise(Protocol):
    """Perturbations of one array for one generation, with entries of mean 0 and variance 1."""

    @property
    def memory(self) -> int:
        """Bytes that are held once the noise was made."""

    def column(self, center: NDArray[np.float32], sigma: float, mirrored: bool) -> Any:
        """One value per member, centred at ``center``."""

    def fold(self, weights_G: NDArray[np.float64]) -> NDArray[np.float32]:
        """The sum over groups of weight times perturbation, in the shape of the array."""


def rows_and_columns(shape: tuple[int, ...]) -> tuple[int, int]:
    """How an array of any shape is seen as a matrix; one axis, or none, is a single row."""
    return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else (1, math.prod(shape))


def noise_of(key: int, shape: tuple[int, ...], rank: int | None, groups: int, keep: int) -> Noise:
    """Low-rank noise where the rank is below both sides of the matrix, a number for every entry otherwise.

    Args:
        key: of the random stream.
        shape: of the array.
        rank: of a perturbation; ``None`` is full rank.
        groups: pairs of mirrored members, or lone members.
        keep: bytes that the noise may take in memory; it is made anew at each use when it needs more.
    """
    rows, columns = rows_and_columns(shape)
    full = rank is None or len(shape) < 2 or rank >= min(rows, columns)
    noise = EntryNoise(key, shape, groups) if full else FactorNoise(key, shape, rank or 0, groups)
    return noise if noise.memory <= keep else replace(noise, kept=False)


def fold(left_GRO: Any, right_GRI: Any, weights_G: Any) -> Any:
    """The sum over groups of weight times left times right, as one matrix product.

    Ranks are stacked along the inner axis: K = groups * rank, and no perturbation is ever written out.
    Takes numpy arrays or torch tensors.

    Args:
        left_GRO: [groups, rank, rows].
        right_GRI: [groups, rank, columns].
        weights_G: [groups].

    Returns:
        [rows, columns].

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), section 4.2: (diag(f) A)^T B.
    """
    weighted = left_GRO * weights_G[:, None, None]
    return weighted.reshape(-1, left_GRO.shape[-1]).T @ right_GRI.reshape(-1, right_GRI.shape[-1])


@dataclass(frozen=True, slots=True)
class FactorNoise:
    """Noise ``left @ right.T / sqrt(rank)`` of one matrix; the factors of any group can be made alone.

    Numbers of group g lie at ``g * rank * (rows + columns)`` of the key's stream: per rank a column of
    the left factor, then one of the right.

    Args:
        key: of the stream.
        shape: of the matrix, at least two axes.
        rank: at least 1.
        groups: pairs of mirrored members, or lone members.
        kept: whether the numbers stay in memory once made; results are the same.
    """

    key: int
    shape: tuple[int, ...]
    rank: int
    groups: int
    kept: bool = True
    _made: list[NDArray[np.float32]] = field(default_factory=list, repr=False, compare=False)

    @property
    def numbers(self) -> int:
        """How many a group takes."""
        return self.rank * sum(rows_and_columns(self.shape))

    @property
    def memory(self) -> int:
        """Bytes that are held once the noise was made."""
        return 4 * self.groups * self.numbers if self.kept else 0

    def __call__(self, begin: int, end: int) -> Factors:
        """Factors of groups ``begin`` to ``end``, as a :class:`LowRankStack` wants them."""
        left, right = self._ranks(begin, end)
        return left.transpose(0, 2, 1), right.transpose(0, 2, 1)

    def column(self, center: NDArray[np.float32], sigma: float, mirrored: bool) -> LowRankStack:
        """The members, never written out."""
        count = 2 * self.groups if mirrored else self.groups
        scale = sigma / math.sqrt(self.rank)
        return LowRankStack(center, self, count, rank=self.rank, scale=scale, mirrored=mirrored)

    def fold(self, weights_G: NDArray[np.float64]) -> NDArray[np.float32]:
        """The sum over groups of weight times perturbation."""
        total = np.zeros(rows_and_columns(self.shape), np.float32)
        weights = (weights_G / math.sqrt(self.rank)).astype(np.float32)
        for begin, end in _blocks(self.groups, self.numbers):
            total += fold(*self._ranks(begin, end), weights[begin:end])
        return total.reshape(self.shape)

    def _ranks(self, begin: int, end: int) -> Factors:
        """[n, rank, rows] and [n, rank, columns], without copies."""
        both = _numbers(self, begin, end).reshape(end - begin, self.rank, -1)
        rows = rows_and_columns(self.shape)[0]
        return both[..., :rows], both[..., rows:]


@dataclass(frozen=True, slots=True)
class EntryNoise:
    """A number for every entry: for vectors, and for matrices no larger than the rank asked for.

    Args:
        key: of the stream.
        shape: of the array.
        groups: pairs of mirrored members, or lone members.
        kept: whether the numbers stay in memory once made; results are the same.
    """

    key: int
    shape: tuple[int, ...]
    groups: int
    kept: bool = True
    _made: list[NDArray[np.float32]] = field(default_factory=list, repr=False, compare=False)

    @property
    def numbers(self) -> int:
        """How many a group takes."""
        return math.prod(self.shape)

    @property
    def memory(self) -> int:
        """Bytes that are held once the noise was made."""
        return 4 * self.groups * self.numbers if self.kept else 0

    def column(self, center: NDArray[np.float32], sigma: float, mirrored: bool) -> NDArray[np.float32]:
        """The members [K, *shape].

        Raises:
            DoesNotFit: more than this machine's memory.
        """
        _check_memory(self, mirrored)
        change = np.float32(sigma) * self._entries(0, self.groups)
        if not mirrored:
            return center + change
        return np.stack([center + change, center - change], axis=1).reshape(-1, *self.shape)

    def fold(self, weights_G: NDArray[np.float64]) -> NDArray[np.float32]:
        """The sum over groups of weight times perturbation."""
        total = np.zeros(self.shape, np.float32)
        weights = weights_G.astype(np.float32)
        for begin, end in _blocks(self.groups, self.numbers):
            entries = self._entries(begin, end).reshape(end - begin, -1)
            total += (weights[begin:end] @ entries).reshape(self.shape)
        return total

    def _entries(self, begin: int, end: int) -> NDArray[np.float32]:
        return _numbers(self, begin, end).reshape(end - begin, *self.shape)


def _check_memory(noise: EntryNoise, mirrored: bool) -> None:
    members = noise.groups * (1 + mirrored)
    check_memory(
        4 * members * noise.numbers,
        f"a population of {members} members with full-rank noise of shape {noise.shape} would",
        "give a smaller population, or a rank",
    )


def _numbers(noise: FactorNoise | EntryNoise, begin: int, end: int) -> NDArray[np.float32]:
    """Those of groups ``begin`` to ``end``, in a row."""
    each = noise.numbers
    if not noise.kept:
        return normals(noise.key, begin * each, (end - begin) * each)
    if not noise._made:
        noise._made.append(normals(noise.key, 0, noise.groups * each))
    return noise._made[0][begin * each : end * each]


def _blocks(groups: int, numbers: int) -> list[tuple[int, int]]:
    step = max(1, _BLOCK // numbers)
    return [(begin, min(groups, begin + step)) for begin in range(0, groups, step)]
