"""A natural evolution strategy whose centre is drawn towards the top of a surface through all its values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.generations import centre_first, minibatch
from hyperfunc.optimizers.response_surface import ascent, fitted
from hyperfunc.optimizers.snes import Gaussian

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["SurrogateES"]

_FEWEST_GENERATIONS = 6
_REMEMBERED = 2000
_MOST_MODELLED = 200


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a budget is laid out: members of a generation, and examples that each is tried on."""

    members: int
    examples: int


@dataclass(frozen=True, slots=True)
class _Own:
    """The distribution, and the latest values with their places and generations."""

    search: Gaussian
    places_KD: NDArray[np.float64]
    values_K: NDArray[np.float64]
    generations_K: NDArray[np.int64]
    lanes: int = 0


@dataclass(frozen=True, slots=True)
class SurrogateES(Optimizer):
    """The default for numbers that cost no model call: :class:`SNES` that reuses what it paid for.

    Every generation moves the centre half by the ranks of its members and half to the top of a quadratic
    that is fitted to all values so far, those near the centre counting most. The ranks hold where no
    quadratic fits; the surface averages noise away over many generations. Widths follow the ranks.
    Members and examples of a generation follow from the dimension and :attr:`Problem.lanes`: at least six
    generations are meant to be paid. What is recommended is the centre. Above 200 dimensions the surface
    is left out.

    Args:
        population: members of a generation, even, at least 4; ``None`` picks 14 for 5 dimensions to 32
            for 20 or more, and more when the budget is ample.
        sigma: first width, as a share of every knob's range.
        steps: generations; ``None`` goes on until the budget ends.
        examples: most examples per generation, the same for all members; ``None`` allows all.
        pull: share of the surface in the movement of the centre, in [0, 1]; 0 is :class:`SNES`.
        radius: how far the surface is trusted, as root mean square in widths of the distribution.

    Example::

        state = SurrogateES().init(Problem(space, space.default, n_examples=1, lanes=200))

    Source: Wierstra et al., "Natural Evolution Strategies", JMLR 15 (2014), for the distribution; a
    quadratic surrogate in an evolution strategy after Kern, Hansen and Koumoutsakos (2006).
    """

    population: int | None = None
    sigma: float = 0.2
    steps: int | None = None
    examples: int | None = 32
    pull: float = 0.5
    radius: float = 0.5

    def __post_init__(self) -> None:
        if self.population is not None and (self.population < 4 or self.population % 2):
            raise SpaceError(f"population is {self.population}; give an even number of at least 4, or None")
        if self.steps is not None and self.steps < 0:
            raise SpaceError(f"steps is {self.steps}; give at least 0, or None for no end")
        if self.examples is not None and self.examples < 1:
            raise SpaceError(f"examples is {self.examples}; give at least 1, or None for all")
        if not self.sigma > 0:
            raise SpaceError(f"sigma is {self.sigma}; give a number above 0")
        if not 0 <= self.pull <= 1:
            raise SpaceError(f"pull is {self.pull}; give a number from 0 to 1")
        if not self.radius > 0:
            raise SpaceError(f"radius is {self.radius}; give a number above 0")

    def _init(self, problem: Problem) -> _Own:
        search = Gaussian.around(problem.start, self.sigma)
        empty = np.zeros((0, len(search.mean_D)))
        return _Own(search, empty, np.zeros(0), np.zeros(0, np.int64))

    def _ask(self, state: State) -> tuple[Ask | None, _Own]:
        own: _Own = state.own
        problem, search = state.problem, own.search
        if not len(search.mean_D) or (self.steps is not None and search.generation >= self.steps):
            return None, own
        plan = self._plan(problem)
        noise_KD = search.noise(problem.seed, self._members(problem, plan, own.lanes))
        members = problem.space.unit_population(search.points(noise_KD), problem.start, throwaway=True)
        batch = minibatch(problem, plan.examples, "snes", search.generation)
        note = f"generation {search.generation + 1}"
        return Ask(members, batch, search.generation, note), own

    def _tell(self, state: State, ask: Ask, told: Told) -> _Own:
        own: _Own = state.own
        search = own.search
        noise_KD = search.noise(state.problem.seed, len(ask.population))
        known_K = np.isfinite(told.values_K)
        generations_K = np.full(int(known_K.sum()), search.generation)
        own = replace(
            own,
            places_KD=np.concatenate([own.places_KD, search.points(noise_KD)[known_K]])[-_REMEMBERED:],
            values_K=np.concatenate([own.values_K, told.values_K[known_K]])[-_REMEMBERED:],
            generations_K=np.concatenate([own.generations_K, generations_K])[-_REMEMBERED:],
            lanes=own.lanes + len(ask.population) * len(ask.examples),
        )
        moved = search.moved(noise_KD, told.values_K)
        top_D = self._top(own, len(ask.examples) < state.problem.n_examples)
        if top_D is None:
            return replace(own, search=moved)
        mean_D = (1.0 - self.pull) * moved.mean_D + self.pull * top_D
        return replace(own, search=replace(moved, mean_D=mean_D))

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        own: _Own = state.own
        start = state.problem.start
        return centre_first(start, start.space.from_unit(own.search.mean_D, start))

    def _top(self, own: _Own, other_examples: bool) -> NDArray[np.float64] | None:
        """The highest place of the surface near the centre, in the unit cube; ``None`` without one."""
        search = own.search
        if not self.pull or len(search.mean_D) > _MOST_MODELLED:
            return None
        away_KD = (own.places_KD - search.mean_D) / search.widths_D
        # Beyond the shell that members of this generation lie on, a place counts for less and less.
        weights_K = 1.0 / (1.0 + ((away_KD**2).mean(axis=1) / 3.0) ** 2)
        # Generations that saw different examples differ for that alone.
        surface = fitted(away_KD, own.values_K, weights_K, own.generations_K if other_examples else None)
        if surface is None:
            return None
        low_D, high_D = -search.mean_D / search.widths_D, (1.0 - search.mean_D) / search.widths_D
        top_D = search.mean_D + search.widths_D * ascent(surface, low_D, high_D, self.radius)
        return np.clip(top_D, 0.0, 1.0)

    def _plan(self, problem: Problem) -> _Plan:
        """Members first: a centre moves by how many places were tried, more than by how surely."""
        dim, lanes, most = problem.space.unit_dim, problem.lanes, self.examples or problem.n_examples
        examples = min(most, problem.n_examples)
        wanted = self.population or _even(min(32.0, 8.0 + 1.2 * dim))
        if lanes is None:
            return _Plan(wanted, examples)
        # A metric over sets may say little about one or two examples.
        least = min(examples, 1 if problem.per_item else 8)
        examples = min(examples, max(least, lanes // (2 * _FEWEST_GENERATIONS * wanted)))
        if self.population is not None:
            return _Plan(self.population, examples)
        paid = lanes / examples
        return _Plan(_even(min(max(wanted, paid / 100), paid / _FEWEST_GENERATIONS)), examples)

    def _members(self, problem: Problem, plan: _Plan, used: int) -> int:
        """Those of the plan, or what the rest of the budget pays when that is less."""
        if problem.lanes is None:
            return plan.members
        left = (problem.lanes - used) // plan.examples
        return _even(left) if 4 <= left < plan.members else plan.members


def _even(count: float) -> int:
    """The even number at or below, at least 4."""
    return max(4, int(count) // 2 * 2)
