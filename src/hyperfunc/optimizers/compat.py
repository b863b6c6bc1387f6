"""The older library's optimizer names, as settings for :class:`~hyperfunc.optimizers.eggroll.Eggroll`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Delegate, NoOp
from hyperfunc.optimizers.eggroll import Eggroll
from hyperfunc.optimizers.rule import is_above_zero

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Optimizer

__all__ = [
    "ESHybridSystemOptimizer",
    "NoOpPromptOptimizer",
    "NoOpSystemOptimizer",
    "TorchEggrollSystemOptimizer",
]

_LAST_WIDTH = 0.5

NoOpSystemOptimizer = NoOp
NoOpPromptOptimizer = NoOp


@dataclass(frozen=True, slots=True)
class ESHybridSystemOptimizer(Delegate):
    """An evolution strategy over all numbers and matrices of a system.

    The noise of matrices, and their steps with it, shrinks evenly to half over all ``steps``, so that
    a search ends closer than it looks at first; numbers adapt their width as they go.

    Args:
        steps: generations.
        pop_size: members of a generation; an odd number is raised by one when ``antithetic``.
        sigma: first width of the noise, in raw units for matrices, as a share of every knob's range for
            numbers.
        lr: a step of matrices is ``4 * lr`` times the width of the noise, at most that width, whatever the
            population.
        rank: of the noise of matrices.
        device: accepted for old programs; the search itself runs on numpy, and the system decides
            where its tensors live.
        normalize_fitness: weigh members by standardised value; by rank otherwise.
        antithetic: members come in pairs with opposite noise.

    Raises:
        SpaceError: a setting out of its range.
    """

    steps: int = 50
    pop_size: int = 32
    sigma: float = 0.05
    lr: float = 0.1
    rank: int = 4
    device: object = None
    normalize_fitness: bool = True
    antithetic: bool = True

    def __post_init__(self) -> None:
        if self._population < 2:
            raise SpaceError(f"pop_size is {self.pop_size}; give at least 2 members")
        for name in ("sigma", "lr"):
            if not is_above_zero(getattr(self, name)):
                raise SpaceError(f"{name} is {getattr(self, name)!r}; give a number above 0")
        self.inner()

    @property
    def _population(self) -> int:
        return self.pop_size + (self.pop_size % 2 if self.antithetic else 0)

    def inner(self) -> Optimizer:
        """EGGROLL with these settings."""
        decay = _LAST_WIDTH ** (1 / max(1, self.steps))
        return Eggroll(
            population=self._population,
            sigma=self.sigma,
            lr=min(4 * self.lr, 1.0) * self.sigma,
            rank=self.rank,
            steps=self.steps,
            mirrored=self.antithetic,
            shaping="z" if self.normalize_fitness else "rank",
            unit="raw",
            sigma_decay=decay,
            lr_decay=decay,
            knob_sigma=self.sigma,
        )


TorchEggrollSystemOptimizer = ESHybridSystemOptimizer
