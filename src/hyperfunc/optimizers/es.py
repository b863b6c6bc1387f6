"""Evolution strategy with fixed noise: numbers and weight matrices, moved by one population."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask, Optimizer
from hyperfunc.optimizers.coordinates import Coordinates, centre_first, minibatch
from hyperfunc.optimizers.shaping import natural_utilities, z_scores
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["ES", "Centre"]


@dataclass(frozen=True, slots=True)
class Centre:
    """Where an evolution strategy stands: its point and the number of updates so far."""

    mean_D: NDArray[np.float64]
    generation: int = 0


@dataclass(frozen=True, slots=True)
class ES(Optimizer):
    """Follows the average of random changes, weighted by how well they did.

    With weights z of variance 1 and noise e, the centre moves by ``lr * sigma * sum(z e) / sqrt(K)``:
    when nothing helps, every coordinate drifts by about ``lr * sigma``, whatever the population; the
    clearer the evidence, the longer the step. Numbers move in the unit cube, matrices in raw units
    under low-rank noise.

    Args:
        population: members of a generation, at least 2; even when mirrored.
        sigma: width of the noise, as a share of every knob's range; raw units for matrices.
        lr: step relative to the noise.
        steps: generations; ``None`` goes on until the budget ends.
        rank: of the noise of matrices; ``None`` takes each knob's own.
        mirrored: members come in pairs with opposite noise.
        shaping: ``z`` weights by standardised value, ``rank`` by rank, which ignores outliers.
        examples: examples per generation; ``None`` takes all.

    Source: Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning"
    (2017); low-rank noise: Sarkar et al., "Evolution strategies at the hyperscale" (2025), equation 6.
    """

    population: int = 32
    sigma: float = 0.1
    lr: float = 0.3
    steps: int | None = None
    rank: int | None = None
    mirrored: bool = True
    shaping: Literal["z", "rank"] = "z"
    examples: int | None = None

    def __post_init__(self) -> None:
        if self.population < 2 or (self.mirrored and self.population % 2):
            raise SpaceError(
                f"population is {self.population}; give at least 2, and an even number when mirrored"
            )
        if not (self.sigma > 0 and self.lr > 0):
            raise SpaceError(f"sigma is {self.sigma} and lr is {self.lr}; give numbers above 0")

    def _init(self, problem: Problem) -> Centre:
        return Centre(Coordinates(problem.space, problem.start).vector())

    def _ask(self, state: State) -> tuple[Ask | None, Centre]:
        centre: Centre = state.own
        problem = state.problem
        if not len(centre.mean_D) or (self.steps is not None and centre.generation >= self.steps):
            return None, centre
        coordinates = Coordinates(problem.space, problem.start)
        points_KD = centre.mean_D + self.sigma * self._noise(problem, centre)
        batch = minibatch(problem, self.examples, "es", centre.generation)
        members = coordinates.population(coordinates.clip(points_KD))
        return Ask(members, batch, centre.generation, f"ES generation {centre.generation + 1}"), centre

    def _tell(self, state: State, ask: Ask, told: Told) -> Centre:
        centre: Centre = state.own
        problem = state.problem
        step_D = self._weights(told.values_K) @ self._noise(problem, centre) / math.sqrt(self.population)
        mean_D = centre.mean_D + self.lr * self.sigma * step_D
        clipped = Coordinates(problem.space, problem.start).clip(mean_D)
        return replace(centre, mean_D=clipped, generation=centre.generation + 1)

    def _weights(self, values_K: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.shaping == "z":
            return z_scores(values_K)
        return z_scores(natural_utilities(values_K))

    def _noise(self, problem: Problem, centre: Centre) -> NDArray[np.float64]:
        rng = generator(problem.seed, "es", centre.generation)
        coordinates = Coordinates(problem.space, problem.start)
        if not self.mirrored:
            return coordinates.noise(rng, self.population, self.rank)
        half = coordinates.noise(rng, self.population // 2, self.rank)
        return np.concatenate([half, -half])

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        centre: Centre = state.own
        return centre_first(state.problem, centre.mean_D, centre.generation)
