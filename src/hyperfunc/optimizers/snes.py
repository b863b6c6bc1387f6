"""Separable natural evolution strategy: numbers under noise, no gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.coordinates import Coordinates, centre_first, minibatch
from hyperfunc.optimizers.shaping import natural_utilities
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["SNES", "Gaussian"]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A search distribution with one width per coordinate.

    Args:
        mean_D: its centre.
        widths_D: standard deviations.
        generation: updates so far.
    """

    mean_D: NDArray[np.float64]
    widths_D: NDArray[np.float64]
    generation: int = 0


@dataclass(frozen=True, slots=True)
class SNES(Optimizer):
    """Adapts the centre and the widths of a Gaussian over the numeric knobs, in the unit cube.

    Members come in mirrored pairs and are weighted by rank, so that neither the scale of the metric
    nor one lucky value matters. Members whose value is missing are left out. What is recommended is
    the centre, which no single evaluation chose.

    Args:
        population: members of a generation, even, at least 4.
        sigma: first width, as a share of every knob's range; matrices take it in raw units.
        steps: generations; ``None`` goes on until the budget ends.
        examples: examples per generation, the same for all members and fresh every time;
            ``None`` takes all.

    Source: Wierstra et al., "Natural Evolution Strategies", JMLR 15 (2014), algorithm 6 and table 1;
    mirrored sampling after Brockhoff et al. (2010).
    """

    population: int = 32
    sigma: float = 0.2
    steps: int | None = None
    examples: int | None = 32

    def __post_init__(self) -> None:
        if self.population < 4 or self.population % 2:
            raise SpaceError(f"population is {self.population}; give an even number of at least 4")
        if not self.sigma > 0:
            raise SpaceError(f"sigma is {self.sigma}; give a number above 0")

    def _init(self, problem: Problem) -> Gaussian:
        mean_D = Coordinates(problem.space, problem.start).vector()
        return Gaussian(mean_D, np.full(len(mean_D), self.sigma))

    def _ask(self, state: State) -> tuple[Ask | None, Gaussian]:
        search: Gaussian = state.own
        problem = state.problem
        if not len(search.mean_D) or (self.steps is not None and search.generation >= self.steps):
            return None, search
        coordinates = Coordinates(problem.space, problem.start)
        points_KD = search.mean_D + search.widths_D * self._noise(problem, search)
        batch = minibatch(problem, self.examples, "snes", search.generation)
        members = coordinates.population(coordinates.clip(points_KD))
        return Ask(members, batch, search.generation, f"SNES generation {search.generation + 1}"), search

    def _tell(self, state: State, ask: Ask, told: Told) -> Gaussian:
        search: Gaussian = state.own
        problem = state.problem
        noise_KD = self._noise(problem, search)
        weights_K = natural_utilities(told.values_K)
        dim = len(search.mean_D)
        rate = (3.0 + math.log(dim)) / (5.0 * math.sqrt(dim))
        mean_D = search.mean_D + search.widths_D * (weights_K @ noise_KD)
        growth_D = np.exp(rate / 2.0 * (weights_K @ (noise_KD**2 - 1.0)))
        return replace(
            search,
            mean_D=Coordinates(problem.space, problem.start).clip(mean_D),
            widths_D=search.widths_D * growth_D,
            generation=search.generation + 1,
        )

    def _noise(self, problem: Problem, search: Gaussian) -> NDArray[np.float64]:
        rng = generator(problem.seed, "snes", search.generation)
        half = rng.normal(size=(self.population // 2, len(search.mean_D)))
        return np.concatenate([half, -half])

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        search: Gaussian = state.own
        return centre_first(state.problem, search.mean_D, search.generation)
