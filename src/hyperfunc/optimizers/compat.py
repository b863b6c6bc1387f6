"""The older library's optimizer names, as settings for :class:`~hyperfunc.optimizers.es.ES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.optimizers.base import Delegate, NoOp
from hyperfunc.optimizers.es import ES

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Optimizer

__all__ = [
    "ESHybridSystemOptimizer",
    "NoOpPromptOptimizer",
    "NoOpSystemOptimizer",
    "TorchEggrollSystemOptimizer",
]

NoOpSystemOptimizer = NoOp
NoOpPromptOptimizer = NoOp


@dataclass(frozen=True, slots=True)
class ESHybridSystemOptimizer(Delegate):
    """An evolution strategy over all numbers and matrices of a system.

    Args:
        steps: generations.
        pop_size: members of a generation; an odd number is raised by one when ``antithetic``.
        sigma: width of the noise, as a share of every knob's range; raw units for matrices.
        lr: step relative to the noise.
        rank: of the noise of matrices.
        device: accepted for old programs; arrays live where numpy keeps them.
        normalize_fitness: weigh members by standardised value; by rank otherwise.
        antithetic: members come in pairs with opposite noise.
    """

    steps: int = 50
    pop_size: int = 32
    sigma: float = 0.05
    lr: float = 0.1
    rank: int = 4
    device: object = None
    normalize_fitness: bool = True
    antithetic: bool = True

    def inner(self) -> Optimizer:
        """The evolution strategy with these settings."""
        return ES(
            population=self.pop_size + (self.pop_size % 2 if self.antithetic else 0),
            sigma=self.sigma,
            lr=self.lr,
            steps=self.steps,
            rank=self.rank,
            mirrored=self.antithetic,
            shaping="z" if self.normalize_fitness else "rank",
        )


TorchEggrollSystemOptimizer = ESHybridSystemOptimizer
