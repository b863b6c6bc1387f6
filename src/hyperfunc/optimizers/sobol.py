"""Points that fill the unit cube evenly: Sobol's sequence, scrambled by a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.search import Proposer
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["SOBOL_DIMS", "Sobol", "even_points", "sobol_points"]

_BITS = 30
_CHUNK = 64
_TRIES = 32

# Coordinate 2 onwards: the inner coefficients of its primitive polynomial as bits, then m_1 to m_s; s is
# the degree. The first coordinate is the van der Corput sequence.
_DIRECTIONS: tuple[tuple[int, tuple[int, ...]], ...] = (
    (0, (1,)), (1, (1, 3)), (1, (1, 3, 1)), (2, (1, 1, 1)), (1, (1, 1, 3, 3)), (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)), (4, (1, 1, 5, 5, 5)), (7, (1, 1, 7, 11, 19)), (11, (1, 1, 5, 1, 1)),
    (13, (1, 1, 1, 3, 11)), (14, (1, 3, 5, 5, 31)), (1, (1, 3, 3, 9, 7, 49)), (13, (1, 1, 1, 15, 21, 21)),
    (16, (1, 3, 1, 13, 27, 49)), (19, (1, 1, 1, 15, 7, 5)), (22, (1, 3, 1, 15, 13, 25)),
    (25, (1, 1, 5, 5, 19, 61)), (1, (1, 3, 7, 11, 23, 15, 103)), (4, (1, 3, 7, 13, 13, 15, 69)),
    (7, (1, 1, 3, 13, 7, 35, 63)), (8, (1, 3, 5, 9, 1, 25, 53)), (14, (1, 3, 1, 13, 9, 35, 107)),
    (19, (1, 3, 1, 5, 27, 61, 31)), (21, (1, 1, 5, 11, 19, 41, 61)), (28, (1, 3, 5, 3, 3, 13, 69)),
    (31, (1, 1, 7, 13, 1, 19, 1)), (32, (1, 3, 7, 5, 13, 19, 59)), (37, (1, 1, 3, 9, 25, 29, 41)),
    (41, (1, 3, 5, 13, 23, 1, 55)), (42, (1, 3, 7, 3, 13, 59, 17)), (50, (1, 3, 1, 3, 5, 53, 69)),
    (55, (1, 1, 5, 5, 23, 33, 13)), (56, (1, 1, 7, 7, 1, 61, 123)), (59, (1, 1, 7, 9, 13, 61, 49)),
    (62, (1, 3, 3, 5, 3, 55, 33)), (14, (1, 3, 1, 15, 31, 13, 49, 245)),
    (21, (1, 3, 5, 15, 31, 59, 63, 97)), (22, (1, 3, 1, 11, 11, 11, 77, 249)),
)  # fmt: skip

SOBOL_DIMS = len(_DIRECTIONS) + 1
"""The most coordinates that :func:`sobol_points` knows."""


def _directions(dim: int) -> NDArray[np.int64]:
    """Direction numbers [dim, bits], the first bit of a coordinate on the left."""
    rows = [[1] * _BITS]
    for coefficients, first in _DIRECTIONS[: dim - 1]:
        degree, row = len(first), list(first)
        for place in range(degree, _BITS):
            number = row[place - degree] ^ (row[place - degree] << degree)
            for k in range(1, degree):
                if coefficients >> (degree - 1 - k) & 1:
                    number ^= row[place - k] << k
            row.append(number)
        rows.append(row)
    shifts = np.arange(_BITS - 1, -1, -1)
    return np.array(rows[:dim], np.int64).reshape(dim, _BITS) << shifts


def _scrambled(directions: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Direction numbers times a random lower triangular matrix of bits for each coordinate."""
    dim = len(directions)
    shifts = np.arange(_BITS - 1, -1, -1)
    bits = directions[:, :, None] >> shifts & 1
    lower = np.tril(rng.integers(0, 2, (dim, _BITS, _BITS)), -1) + np.eye(_BITS, dtype=np.int64)
    mixed = np.einsum("dij,dvj->dvi", lower, bits) % 2
    return np.asarray((mixed << shifts).sum(-1))


def sobol_points(dim: int, first: int, count: int, *seed: object) -> NDArray[np.float64]:
    """Points ``first`` to ``first + count - 1`` of a scrambled Sobol sequence.

    Any 2**k points that begin at a multiple of 2**k have exactly one point in each of the 2**k equal
    slices of every coordinate.

    Args:
        dim: coordinates, 1 to 40.
        first: index of the first point, at least 0.
        count: how many, at least 0.
        seed: names of the random stream that scrambles; without one the sequence is plain.

    Returns:
        Points in [0, 1), float64 [count, dim].

    Raises:
        SpaceError: more coordinates than 40.

    Example::

        >>> sobol_points(2, 0, 4).tolist()
        [[0.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]

    Source: Joe and Kuo, "Constructing Sobol sequences with better two-dimensional projections" (2008),
    their direction numbers new-joe-kuo-6; linear matrix scrambling with a digital shift: Matousek, "On the
    L2-discrepancy for anchored boxes" (1998).
    """
    if not 1 <= dim <= SOBOL_DIMS:
        raise SpaceError(f"Sobol points have 1 to {SOBOL_DIMS} coordinates, not {dim}; use Random instead")
    directions, shift = _directions(dim), np.zeros(dim, np.int64)
    if seed:
        rng = generator("sobol", *seed)
        directions, shift = _scrambled(directions, rng), rng.integers(0, 1 << _BITS, dim)
    index = np.arange(first, first + count)
    gray = index ^ (index >> 1)
    points = np.broadcast_to(shift, (count, dim)).copy()
    for bit in range(_BITS):
        points ^= (gray >> bit & 1)[:, None] * directions[:, bit]
    middle = 0.5 if seed else 0.0
    return np.asarray((points + middle) / (1 << _BITS), np.float64)


def even_points(dim: int, count: int, *seed: object) -> NDArray[np.float64]:
    """Points [count, dim] that fill the unit cube; random beyond the dimensions of Sobol's sequence."""
    if 1 <= dim <= SOBOL_DIMS:
        return sobol_points(dim, 0, count, *seed)
    return generator("even", *seed).random((count, dim))


@dataclass(frozen=True, slots=True)
class Sobol(Proposer):
    """Proposes points that fill the space evenly, numbers on their scale and choices in equal shares.

    With few points it leaves smaller gaps than :class:`Random`. Texts and matrices stay as they are.

    Args:
        n: how many, at least 1; fewer when the space does not have as many. ``None`` never ends.

    Raises:
        SpaceError: a count below 1, and at the first ask a space of more than 40 numbers and choices.

    Example::

        Search(Sobol(64), SuccessiveHalving())
    """

    n: int | None = None

    def __post_init__(self) -> None:
        if self.n is not None and self.n < 1:
            raise SpaceError(f"n is {self.n}; give at least 1, or None for no end")

    def propose(
        self, problem: Problem, archive: Archive, own: tuple[int, int] | None, count: int,
        known: frozenset[str],
    ) -> tuple[tuple[Candidate, ...], tuple[int, int]]:  # fmt: skip
        """The next points of the sequence that are new."""
        place, made = own or (0, 0)
        if self.n is not None:
            count = min(count, self.n - made)
        fresh: dict[str, Candidate] = {}
        dim = problem.space.unit_dim
        vain = 0
        while dim and len(fresh) < count and vain < _TRIES * _CHUNK:
            chunk = sobol_points(dim, place, min(_CHUNK, count - len(fresh)), problem.seed)
            for point in chunk:
                member = problem.space.from_unit(point, problem.start)
                vain = vain + 1 if member.id in known or member.id in fresh else 0
                if not vain:
                    fresh[member.id] = member
            place += len(chunk)
        return tuple(fresh.values()), (place, made + len(fresh))
