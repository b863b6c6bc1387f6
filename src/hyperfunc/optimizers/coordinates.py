"""The numbers of a space as one vector: places in the unit cube first, then the entries of matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.rng import generator
from hyperfunc.spaces import Matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate, Population, Space

__all__ = ["Coordinates", "centre_first", "minibatch"]


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Vectors [D] for the numeric knobs of a space, around one candidate that supplies the rest."""

    space: Space
    base: Candidate

    @property
    def unit(self) -> int:
        """How many leading coordinates are places in [0, 1]; the others are raw matrix entries."""
        return self.space.unit_dim

    @property
    def matrices(self) -> Mapping[str, Matrix]:
        """The matrix knobs by name."""
        return {name: knob for name, knob in self.space.items() if isinstance(knob, Matrix)}

    @property
    def dim(self) -> int:
        """D."""
        return self.unit + sum(knob.size for knob in self.matrices.values())

    def vector(self) -> NDArray[np.float64]:
        """Where the base lies."""
        flat = [np.ravel(self.base[name]).astype(np.float64) for name in self.matrices]
        return np.concatenate([self.space.to_unit(self.base), *flat])

    def clip(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The nearest points, [..., D], within the bounds."""
        inside = points.copy()
        inside[..., : self.unit] = np.clip(points[..., : self.unit], 0.0, 1.0)
        return inside

    def population(self, points_KD: NDArray[np.float64]) -> Population:
        """Throwaway candidates at these points."""
        return self.space.unit_population(
            points_KD[:, : self.unit], self.base, self._stacks(points_KD), throwaway=True
        )

    def candidate(self, point_D: NDArray[np.float64]) -> Candidate:
        """The candidate at one point."""
        placed = self.space.from_unit(point_D[: self.unit], self.base)
        stacks = self._stacks(point_D[None])
        changes = {name: stack[0] for name, stack in stacks.items()}
        return self.space.candidate(changes, parents=(self.base.id,), base=placed)

    def _stacks(self, points_KD: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        stacks, begin = {}, self.unit
        for name, knob in self.matrices.items():
            stacks[name] = points_KD[:, begin : begin + knob.size].reshape(-1, *knob.shape)
            begin += knob.size
        return stacks

    def noise(self, rng: np.random.Generator, count: int, rank: int | None) -> NDArray[np.float64]:
        """Standard noise [count, D]; that of a matrix has at most ``rank``, or the knob's own rank.

        Entries have mean 0 and variance 1 at every rank.
        """
        parts = [rng.normal(size=(count, self.unit))]
        for knob in self.matrices.values():
            limit = knob.noise_rank if rank is None else rank
            if limit is None or len(knob.shape) != 2 or limit >= min(knob.shape):
                parts.append(rng.normal(size=(count, knob.size)))
                continue
            left, right = (rng.normal(size=(count, length, limit)) for length in knob.shape)
            product = np.einsum("kor,kir->koi", left, right) / math.sqrt(limit)
            parts.append(product.reshape(count, -1))
        return np.concatenate(parts, axis=1)


def minibatch(problem: Problem, size: int | None, *names: object) -> tuple[int, ...]:
    """All examples, or a random ``size`` of them, in order; the names address the random stream."""
    if size is None or size >= problem.n_examples:
        return tuple(range(problem.n_examples))
    rng = generator(problem.seed, "minibatch", *names)
    return tuple(sorted(rng.choice(problem.n_examples, size, replace=False).tolist()))


def centre_first(problem: Problem, mean_D: NDArray[np.float64], generation: int) -> tuple[Candidate, ...]:
    """What a search that moves a centre recommends: the centre, which no single evaluation chose."""
    start = problem.start
    if generation == 0:
        return (start,)
    centre = Coordinates(problem.space, start).candidate(mean_D)
    return (centre,) if centre == start else (centre, start)
