"""An affine map learnt as the composition of two hyperfunctions: rotate, then scale.

``rotate`` learns a free 2 x 2 matrix, ``scale`` two numbers with bounds. One population of an evolution
strategy moves both: member k changes the matrix by its low-rank noise and the numbers by its own steps,
and one error, measured after both functions, says how good the pair was.

    python -m examples.affine
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import torch
import torch.nn.functional as F

from hyperfunc import Example, HyperSystem, LoRAWeight, Real, batched_metric, hyperfunction
from hyperfunc.optimizers import Eggroll

ANGLE = math.radians(40.0)
STRETCH = (1.5, 0.5)


@dataclass(frozen=True)
class Stretch:
    """Factors of the two axes."""

    first: Annotated[float, Real(0.1, 3.0)] = 1.0
    second: Annotated[float, Real(0.1, 3.0)] = 1.0


@hyperfunction(hp_type=LoRAWeight.create(2, 2, noise_rank=1), optimize_hparams=True)
def rotate(point: Any, *, hp: Any) -> Any:
    return F.linear(point, hp.weight)


@hyperfunction(hp_type=Stretch, optimize_hparams=True)
def scale(point: Any, *, hp: Any) -> Any:
    return torch.stack([point[0] * hp.first, point[1] * hp.second])


class Affine(HyperSystem):
    def run(self, point: Any) -> Any:
        return scale(rotate(point))


@batched_metric
def closeness(preds: Any, expected: Any) -> Any:
    """Negative mean squared error: ``preds`` [K, N, 2], ``expected`` [N, 2]."""
    return -((preds - expected) ** 2).mean(dim=(1, 2))


def truth(point: torch.Tensor) -> torch.Tensor:
    """What is to be learnt: a turn by 40 degrees, then other lengths of the axes."""
    turn = torch.tensor([[math.cos(ANGLE), -math.sin(ANGLE)], [math.sin(ANGLE), math.cos(ANGLE)]])
    return (turn @ point) * torch.tensor(STRETCH)


def points(count: int, seed: int) -> list[Example]:
    drawn = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return [Example({"point": point}, truth(point)) for point in drawn]


def main(seed: int = 0) -> dict[str, float]:
    """Learn the map.

    Returns:
        Mean squared error on fresh points, before and after.
    """
    system = Affine()
    fresh = points(200, seed=2 * seed + 1)
    before = -float(system.evaluate(fresh, closeness))
    search = Eggroll(population=64, sigma=0.1, lr=0.1, steps=150, sigma_decay=0.98, lr_decay=0.98)
    system.optimize(points(50, seed=2 * seed), closeness, optimizer=search, seed=seed)
    return {"before": before, "after": -float(system.evaluate(fresh, closeness))}


if __name__ == "__main__":
    torch.set_num_threads(1)  # products this small lose time when cores share them
    figures = main()
    print("mean squared error on 200 fresh points")
    print(f"  before: {figures['before']:.4f}")
    print(f"  after:  {figures['after']:.2e}")
