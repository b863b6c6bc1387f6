"""Separable natural evolution strategy: numbers under noise, no gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.generations import centre_first, minibatch
from hyperfunc.optimizers.shaping import natural_utilities
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["SNES", "Gaussian"]


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A search distribution over the unit cube with one width per coordinate.

    Args:
        mean_D: its centre.
        widths_D: standard deviations.
        generation: updates so far.
    """

    mean_D: NDArray[np.float64]
    widths_D: NDArray[np.float64]
    generation: int = 0

    @classmethod
    def around(cls, start: Candidate, sigma: float) -> Gaussian:
        """Centred at a candidate."""
        mean_D = start.space.to_unit(start)
        return cls(mean_D, np.full(len(mean_D), sigma))

    def noise(self, seed: int, members: int, mirrored: bool = True) -> NDArray[np.float64]:
        """Standard noise [K, D] of this generation; members 2p and 2p + 1 are opposite when mirrored."""
        rng = generator(seed, "snes", self.generation)
        if not mirrored:
            return rng.normal(size=(members, len(self.mean_D)))
        half = rng.normal(size=(members // 2, len(self.mean_D)))
        return np.stack([half, -half], axis=1).reshape(members, -1)

    def points(self, noise_KD: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where members lie, within the cube."""
        return np.clip(self.mean_D + self.widths_D * noise_KD, 0.0, 1.0)

    def moved(
        self,
        noise_KD: NDArray[np.float64],
        values_K: NDArray[np.float64],
        active_KD: NDArray[np.bool_] | None = None,
    ) -> Gaussian:
        """The distribution after a generation; members whose value is NaN are left out.

        Where a coordinate did not matter to a member, ``active_KD`` is False and the member moves nothing.
        """
        if active_KD is not None:
            noise_KD = np.where(active_KD, noise_KD, 0.0)
        dim = max(1, len(self.mean_D))
        rate = (3.0 + math.log(dim)) / (5.0 * math.sqrt(dim))
        weights_K = natural_utilities(values_K)
        mean_D = self.mean_D + self.widths_D * (weights_K @ noise_KD)
        stretch_KD = noise_KD**2 - (1.0 if active_KD is None else active_KD)
        growth_D = np.exp(rate / 2.0 * (weights_K @ stretch_KD))
        return replace(
            self,
            mean_D=np.clip(mean_D, 0.0, 1.0),
            widths_D=self.widths_D * growth_D,
            generation=self.generation + 1,
        )


@dataclass(frozen=True, slots=True)
class SNES(Optimizer):
    """Adapts the centre and the widths of a Gaussian over the numeric knobs, in the unit cube.

    Members come in mirrored pairs and are weighted by rank, so that neither the scale of the metric
    nor one lucky value matters. Members whose value is missing are left out. What is recommended is
    the centre, which no single evaluation chose. Matrices stay as they are;
    :class:`~hyperfunc.optimizers.eggroll.Eggroll` learns both.

    Args:
        population: members of a generation, even, at least 4.
        sigma: first width, as a share of every knob's range.
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
        return Gaussian.around(problem.start, self.sigma)

    def _ask(self, state: State) -> tuple[Ask | None, Gaussian]:
        search: Gaussian = state.own
        problem = state.problem
        if not len(search.mean_D) or (self.steps is not None and search.generation >= self.steps):
            return None, search
        points_KD = search.points(search.noise(problem.seed, self.population))
        members = problem.space.unit_population(points_KD, problem.start, throwaway=True)
        batch = minibatch(problem, self.examples, "snes", search.generation)
        return Ask(members, batch, search.generation, f"SNES generation {search.generation + 1}"), search

    def _tell(self, state: State, ask: Ask, told: Told) -> Gaussian:
        search: Gaussian = state.own
        noise_KD = search.noise(state.problem.seed, self.population)
        space = state.problem.space
        active = None
        if space.conditions:
            active = space.active_units(search.points(noise_KD), state.problem.start)
        return search.moved(noise_KD, told.values_K, active)

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        search: Gaussian = state.own
        start = state.problem.start
        return centre_first(start, start.space.from_unit(search.mean_D, start))
