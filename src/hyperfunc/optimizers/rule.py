"""How EGGROLL turns values of a population into a change of weights: settings, lengths, formulas."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.lowrank import rows_and_columns
from hyperfunc.optimizers.shaping import Shaping, check_shaping, complete_pairs, shaped
from hyperfunc.optimizers.solvers import Moments, Solver, check_solver, solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Rule", "Unit", "is_above_zero", "rate"]

Unit = Literal["columns", "raw"]
"""What a width or a step of 1 means: 1 / sqrt(columns) of each matrix, or 1 for every entry."""


@dataclass(frozen=True, slots=True)
class Rule:
    """The settings that searches over a space and over a torch module share, and what follows from them.

    Arguments are those of :class:`~hyperfunc.optimizers.eggroll.Eggroll`.

    Raises:
        SpaceError: names the first setting that is out of its range.
    """

    population: int
    sigma: float | Literal["auto"]
    lr: float | None
    rank: int | None
    mirrored: bool
    shaping: Shaping
    solver: Solver
    unit: Unit
    reuse: int
    sigma_decay: float
    lr_decay: float
    weight_decay: float

    def __post_init__(self) -> None:
        if self.population < 2:
            raise SpaceError(f"population is {self.population}; give at least 2 members")
        if self.mirrored and self.population % 2:
            raise SpaceError(
                f"population is {self.population}, but members come in mirrored pairs; give an even number"
            )
        if self.sigma != "auto" and not is_above_zero(self.sigma):
            raise SpaceError(f"sigma is {self.sigma!r}; give a number above 0, or 'auto'")
        if self.lr is not None and not is_above_zero(self.lr):
            raise SpaceError(f"lr is {self.lr!r}; give a number above 0, or None for half of sigma")
        if self.rank is not None and self.rank < 1:
            raise SpaceError(f"rank is {self.rank!r}; give at least 1")
        if self.reuse < 1:
            raise SpaceError(f"reuse is {self.reuse!r}; give at least 1 generation")
        for name in ("sigma_decay", "lr_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise SpaceError(f"{name} is {getattr(self, name)!r}; give a factor in (0, 1]")
        if not 0 <= self.weight_decay < math.inf:
            raise SpaceError(f"weight_decay is {self.weight_decay!r}; give a number of at least 0")
        if self.unit not in get_args(Unit):
            raise SpaceError(f"unit is {self.unit!r}; give 'columns' or 'raw'")
        check_shaping(self.shaping)
        check_solver(self.solver)

    @property
    def groups(self) -> int:
        """How many independent perturbations a generation has: pairs when mirrored, else members."""
        return self.population // 2 if self.mirrored else self.population

    def judged(self, values_K: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values that count: NaN for a missing member, and for its mirror image."""
        return complete_pairs(values_K) if self.mirrored else values_K

    def weights(
        self, values_K: NDArray[np.float64], scores_KN: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Weights [K] by the shaping chosen.

        Raises:
            MetricError: shaping ``group`` without scores per example.
        """
        return shaped(self.shaping, self.judged(values_K), scores_KN)

    def folded(
        self, weights_K: NDArray[np.float64], values_K: NDArray[np.float64], dim: int
    ) -> NDArray[np.float64]:
        """Weights [groups] under which the sum of the noise is the direction to go, in steps of one.

        Args:
            weights_K: of the members.
            values_K: of the members, which say who is missing.
            dim: entries of all arrays that are perturbed.
        """
        valid = int(np.isfinite(self.judged(values_K)).sum())
        if not valid:
            return np.zeros(self.groups)
        weights_G = weights_K[0::2] - weights_K[1::2] if self.mirrored else weights_K
        return weights_G * rate(valid // 2 if self.mirrored else valid, dim) / valid

    def width(self, shape: tuple[int, ...], sigma: float, generation: int) -> float:
        """Standard deviation of the noise of an array's entries."""
        return sigma * self.sigma_decay**generation * self.unit_of(shape)

    def moved(
        self, array: Any, direction: Any, moments: Moments | None, sigma: float, generation: int
    ) -> tuple[Any, Moments | None]:
        """An array after a generation, and what the solver remembers. Takes numpy or torch.

        Args:
            array: before.
            direction: of steps of one.
            moments: what the last call returned.
            sigma: first width.
            generation: updates so far.
        """
        step, moments = solve(self.solver, direction, moments)
        lr = (sigma / 2 if self.lr is None else self.lr) * self.lr_decay**generation
        length = lr * self.unit_of(tuple(array.shape))
        return (1.0 - lr * self.weight_decay) * array + length * step, moments

    def unit_of(self, shape: tuple[int, ...]) -> float:
        """What a width or a step of 1 means for an array of this shape."""
        return 1.0 if self.unit == "raw" else 1.0 / math.sqrt(rows_and_columns(shape)[1])


def rate(groups: int, dim: int) -> float:
    """Factor that gives the average of weight times noise a root mean square of 1 on a linear function.

    The average over n groups of a function's slope is the slope itself, of mean square 1 / d over d
    entries, plus sampling noise of mean square (1 + 1 / d) / n. On a function that is not linear, or
    not free of noise, it is less.
    """
    return math.sqrt(groups * dim / (groups + dim + 1))


def is_above_zero(number: object) -> bool:
    """Whether it is a finite number above 0, of Python or numpy."""
    return isinstance(number, numbers.Real) and 0.0 < float(number) < math.inf
