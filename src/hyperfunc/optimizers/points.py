"""What to try, without a model: given points, random points, all points of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.search import Proposer
from hyperfunc.rng import generator
from hyperfunc.spaces import Choice, Integer, Knob, Real

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["Given", "Grid", "Random"]

_GRID_LIMIT = 100_000
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Given(Proposer):
    """Proposes candidates that somebody has already, in order.

    Args:
        changes: what each differs from the start in, by knob name.

    Example::

        Search(Given([{"route.prompt": "Say the team."}, {"route.prompt": "Where to?"}]), Racing())
    """

    changes: Sequence[Mapping[str, Any]]

    def propose(
        self, problem: Problem, archive: Archive, own: int | None, count: int, known: frozenset[str]
    ) -> tuple[tuple[Candidate, ...], int]:
        """The next of them."""
        fresh: dict[str, Candidate] = {}
        place = own or 0
        while place < len(self.changes) and len(fresh) < count:
            member = problem.start.replace(self.changes[place])
            if member.id not in known:
                fresh.setdefault(member.id, member)
            place += 1
        return tuple(fresh.values()), place


@dataclass(frozen=True, slots=True)
class Random(Proposer):
    """Proposes different random candidates.

    Args:
        n: how many, at least 1; fewer when the space does not have as many. ``None`` never ends.
    """

    n: int | None = None

    def __post_init__(self) -> None:
        if self.n is not None and self.n < 1:
            raise SpaceError(f"n is {self.n}; give at least 1, or None for no end")

    def propose(
        self, problem: Problem, archive: Archive, own: tuple[int, int] | None, count: int,
        known: frozenset[str],
    ) -> tuple[tuple[Candidate, ...], tuple[int, int]]:  # fmt: skip
        """Draws until there are enough new ones."""
        turn, made = own or (0, 0)
        if self.n is not None:
            count = min(count, self.n - made)
        rng = generator(problem.seed, "random", turn)
        fresh: dict[str, Candidate] = {}
        for _ in range(_TRIES * max(0, count)):
            if len(fresh) == count:
                break
            drawn = dict(problem.space.sample(rng))
            member = problem.start.replace({name: drawn[name] for name in problem.space})
            if member.id not in known:
                fresh.setdefault(member.id, member)
        return tuple(fresh.values()), (turn + 1, made + len(fresh))


@dataclass(frozen=True, slots=True)
class Grid(Proposer):
    """Proposes every combination of points on the knobs that have a place in the unit cube.

    A knob that does not matter beside the others adds no points.

    Args:
        points: points per number, evenly spaced on its scale with both ends; one count for all, or a
            count per knob name. A whole number takes each of its values once at most, a choice every
            option. Knobs that a mapping does not name stay as they are.

    Raises:
        SpaceError: a count below 1, and at the first ask a grid of more than 100,000 points.
    """

    points: int | Mapping[str, int] = 5

    def __post_init__(self) -> None:
        counts = self.points.values() if isinstance(self.points, Mapping) else (self.points,)
        if min(counts, default=1) < 1:
            raise SpaceError(f"points is {self.points}; give at least 1")

    def propose(
        self, problem: Problem, archive: Archive, own: int | None, count: int, known: frozenset[str]
    ) -> tuple[tuple[Candidate, ...], int]:
        """The next points, in order."""
        points = self._points(problem)
        fresh: dict[str, Candidate] = {}
        place = own or 0
        while place < len(points) and len(fresh) < count:
            member = problem.start.replace(points[place])
            if member.id not in known:
                fresh.setdefault(member.id, member)
            place += 1
        return tuple(fresh.values()), place

    def _points(self, problem: Problem) -> Sequence[Mapping[str, Any]]:
        """All combinations, those of knobs that do not matter left out."""
        axes = self._axes(problem)
        conditions = problem.space.conditions
        if not conditions.parents & axes.keys():
            return _Product(axes)
        later = [name for name in conditions.names if name in axes]
        order = [*(name for name in axes if name not in later), *later]
        points: list[dict[str, Any]] = [{}]
        for name in order:
            grown = []
            for point in points:
                off = name in conditions.inactive({**problem.start, **point})
                grown += [point] if off else [{**point, name: value} for value in axes[name]]
            points = grown
            _check_size(len(points), len(axes))
        return points

    def _axes(self, problem: Problem) -> dict[str, list[Any]]:
        counts = self.points
        if isinstance(counts, Mapping):
            return {name: _axis(problem.space[name], count) for name, count in counts.items()}
        return {name: _axis(problem.space[name], counts) for name in problem.space.unit_names}


class _Product(Sequence[Mapping[str, Any]]):
    """All combinations of some axes, made when asked for."""

    def __init__(self, axes: Mapping[str, list[Any]]) -> None:
        self._axes = axes
        self._shape = tuple(map(len, axes.values()))
        _check_size(len(self), len(axes))

    def __len__(self) -> int:
        return math.prod(self._shape)

    def __getitem__(self, place: Any) -> Any:
        at = np.unravel_index(place, self._shape)
        return {name: axis[int(step)] for (name, axis), step in zip(self._axes.items(), at, strict=True)}


def _check_size(points: int, knobs: int) -> None:
    if points > _GRID_LIMIT:
        raise SpaceError(f"a grid over {knobs} knobs has {points} points; name fewer knobs or fewer points")


def _axis(knob: Knob, count: int) -> list[Any]:
    """The values of one knob on the grid, without repetition."""
    if isinstance(knob, Choice):
        return list(knob.options)
    if not isinstance(knob, Real | Integer):
        raise SpaceError(f"a grid needs numbers or choices, but got a {knob.kind} knob; leave it out")
    places = [0.5] if count == 1 else [step / (count - 1) for step in range(count)]
    return list(dict.fromkeys(knob.from_unit(place) for place in places))
