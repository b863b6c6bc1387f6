"""Perturbed copies of one matrix, kept as low-rank factors and never written out together."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Factors", "LowRankStack"]

_HASHED = 256

Factors = tuple["NDArray[np.float32]", "NDArray[np.float32]"]


class LowRankStack:
    """K matrices ``center + sign * scale * left @ right.T``, held as factors.

    A matrix of more than two axes is seen as rows [shape[0]] by columns [the rest]. With ``mirrored``,
    members 2p and 2p + 1 are a pair: they share factors p with signs +1 and -1. Otherwise member k has
    factors k and sign +1. A group is a pair or a lone member.

    Args:
        center: float32 [*shape], at least two axes.
        source: gives the factors of groups ``begin`` to ``end``: left [n, rows, rank] and right
            [n, columns, rank], the same ones every time.
        count: K; even when mirrored.
        rank: of the perturbations, at least 1.
        scale: factor of the product; sigma / sqrt(rank) gives entries of standard deviation sigma.
        mirrored: members come in pairs.

    Raises:
        SpaceError: a number that does not fit.

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), section 4.
    """

    __slots__ = ("_source", "center", "mirrored", "rank", "scale", "size")

    def __init__(
        self,
        center: NDArray[np.float32],
        source: Callable[[int, int], Factors],
        count: int,
        *,
        rank: int,
        scale: float,
        mirrored: bool = True,
    ) -> None:
        if center.ndim < 2:
            raise SpaceError(f"low-rank noise needs a matrix, but the center has shape {center.shape}")
        if count < 1 or (mirrored and count % 2):
            raise SpaceError(f"count is {count}; give at least 1, and an even number of mirrored members")
        if rank < 1 or not math.isfinite(scale):
            raise SpaceError(f"rank is {rank} and scale is {scale}; give at least 1 and a finite one")
        self.center = center
        self.rank = rank
        self.scale = scale
        self.mirrored = mirrored
        self.size = count
        self._source = source

    @property
    def shape(self) -> tuple[int, ...]:
        """[K, *shape of one member]."""
        return (self.size, *self.center.shape)

    @property
    def rows(self) -> int:
        """Length of the first axis of a member."""
        return int(self.center.shape[0])

    @property
    def columns(self) -> int:
        """Entries of a member per row."""
        return math.prod(self.center.shape[1:])

    @property
    def groups(self) -> int:
        """How many pairs, or members where they are not mirrored."""
        return self.size // 2 if self.mirrored else self.size

    def factors(self, begin: int = 0, end: int | None = None) -> Factors:
        """The factors of groups ``begin`` to ``end``: left [n, rows, rank], right [n, columns, rank]."""
        return self._source(begin, self.groups if end is None else end)

    def take(self, members: Sequence[int]) -> LowRankStack:
        """Some of the members, in this order; they are no longer pairs."""
        picked = list(members)

        def source(begin: int, end: int) -> Factors:
            made = [self._member(k) for k in picked[begin:end]]
            return np.stack([left for left, _ in made]), np.stack([right for _, right in made])

        return LowRankStack(
            self.center, source, len(picked), rank=self.rank, scale=self.scale, mirrored=False
        )  # fmt: skip

    def digest(self) -> bytes:
        """Sixteen bytes that depend on the members alone."""
        known = hashlib.blake2b(digest_size=16)
        known.update(repr((self.shape, self.rank, self.scale, self.mirrored)).encode())
        known.update(self.center.tobytes())
        for begin in range(0, self.groups, _HASHED):
            for part in self.factors(begin, min(begin + _HASHED, self.groups)):
                known.update(part.tobytes())
        return known.digest()

    def _member(self, k: int) -> Factors:
        """The factors of one member, its sign within the left one."""
        group, sign = (k // 2, 1 - 2 * (k % 2)) if self.mirrored else (k, 1)
        left, right = self.factors(group, group + 1)
        return np.float32(sign) * left[0], right[0]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        """One member written out, read-only float32 [*shape]."""
        left, right = self._member(range(self.size)[index])
        change = np.float32(self.scale) * (left @ right.T)
        member = self.center + change.reshape(self.center.shape)
        member += 0.0
        member.flags.writeable = False
        return member

    def __repr__(self) -> str:
        return f"LowRankStack({self.size} of {self.center.shape}, rank {self.rank})"
