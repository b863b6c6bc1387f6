"""Search without a model: random points, and all points of a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.effects import posterior_order
from hyperfunc.optimizers.generations import minibatch
from hyperfunc.rng import generator
from hyperfunc.spaces import Choice, Integer, Knob, Real

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["Grid", "Random"]

_GRID_LIMIT = 100_000
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Random(Optimizer):
    """Evaluates the start and ``n`` different random candidates.

    Args:
        n: how many, at least 1; fewer when the space does not have as many.
        batch: candidates of an ask.
        examples: examples every candidate is scored on; ``None`` takes all.
    """

    n: int
    batch: int = 16
    examples: int | None = None

    def __post_init__(self) -> None:
        if self.n < 1 or self.batch < 1:
            raise SpaceError(f"n is {self.n} and batch is {self.batch}; give at least 1 each")

    def _init(self, problem: Problem) -> None:
        return None

    def _ask(self, state: State) -> tuple[Ask | None, None]:
        problem = state.problem
        examples = minibatch(problem, self.examples, "random")
        if not state.step:
            return Ask((problem.start,), examples, 0, "start"), None
        done = len(state.archive) - 1
        fresh = self._fresh(state, min(self.batch, self.n - done))
        note = f"random {done + 1} to {done + len(fresh)} of {self.n}"
        return (Ask(fresh, examples, 0, note) if fresh else None), None

    def _fresh(self, state: State, count: int) -> tuple[Candidate, ...]:
        rng = generator(state.problem.seed, "random", state.step)
        fresh: dict[str, Candidate] = {}
        for _ in range(_TRIES * max(0, count)):
            if len(fresh) == count:
                break
            drawn = dict(state.problem.space.sample(rng))
            member = state.problem.start.replace({name: drawn[name] for name in state.problem.space})
            if member.id not in state.archive.candidates:
                fresh.setdefault(member.id, member)
        return tuple(fresh.values())

    def _tell(self, state: State, ask: Ask, told: Told) -> None:
        return None

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        return posterior_order(state.archive)[:4] or (state.problem.start,)


@dataclass(frozen=True, slots=True)
class Grid(Optimizer):
    """Evaluates the start and every combination of points on the knobs that have a place in the unit cube.

    Args:
        points: points per number, evenly spaced on its scale with both ends; one count for all, or a
            count per knob name. A whole number takes each of its values once at most, a choice every
            option. Knobs that a mapping does not name stay as they are.
        batch: candidates of an ask.
        examples: examples every candidate is scored on; ``None`` takes all.

    Raises:
        SpaceError: a count below 1, and at the first ask a grid of more than 100,000 points.
    """

    points: int | Mapping[str, int] = 5
    batch: int = 16
    examples: int | None = None

    def __post_init__(self) -> None:
        counts = self.points.values() if isinstance(self.points, Mapping) else (self.points,)
        if min(counts, default=1) < 1 or self.batch < 1:
            raise SpaceError(f"points is {self.points} and batch is {self.batch}; give at least 1 each")

    def _init(self, problem: Problem) -> int:
        return 0

    def _ask(self, state: State) -> tuple[Ask | None, int]:
        problem, begin = state.problem, int(state.own)
        examples = minibatch(problem, self.examples, "grid")
        if not state.step:
            return Ask((problem.start,), examples, 0, "start"), begin
        axes = self._axes(problem)
        shape = tuple(map(len, axes.values()))
        total = math.prod(shape)
        if total > _GRID_LIMIT:
            raise SpaceError(
                f"a grid over {len(axes)} knobs has {total} points; name fewer knobs or fewer points"
            )
        members: list[Candidate] = []
        end = begin
        while end < total and len(members) < self.batch:
            places = np.unravel_index(end, shape)
            point = {name: axis[int(place)] for (name, axis), place in zip(axes.items(), places, strict=True)}
            member = problem.start.replace(point)
            if member != problem.start:
                members.append(member)
            end += 1
        note = f"grid {begin + 1} to {end} of {total}"
        return (Ask(tuple(members), examples, 0, note) if members else None), end

    def _axes(self, problem: Problem) -> dict[str, list[Any]]:
        counts = self.points
        if isinstance(counts, Mapping):
            return {name: _axis(problem.space[name], count) for name, count in counts.items()}
        return {name: _axis(problem.space[name], counts) for name in problem.space.unit_names}

    def _tell(self, state: State, ask: Ask, told: Told) -> int:
        return int(state.own)

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        return posterior_order(state.archive)[:4] or (state.problem.start,)


def _axis(knob: Knob, count: int) -> list[Any]:
    """The values of one knob on the grid, without repetition."""
    if isinstance(knob, Choice):
        return list(knob.options)
    if not isinstance(knob, Real | Integer):
        raise SpaceError(f"a grid needs numbers or choices, but got a {knob.kind} knob; leave it out")
    places = [0.5] if count == 1 else [step / (count - 1) for step in range(count)]
    return list(dict.fromkeys(knob.from_unit(place) for place in places))
