"""The configurations that are measured."""

from __future__ import annotations

from typing import Any

from benchmarks.reflective.world import REFLECTOR
from hyperfunc.optimizers.base import Optimizer
from hyperfunc.optimizers.proposers import Reflection
from hyperfunc.optimizers.reflective import MixedBatches, Pareto, Reflective

__all__ = ["optimizer"]


def optimizer(name: str, *, batch: int | None = None, **settings: Any) -> Optimizer:
    """An optimizer of ours.

    Args:
        name: ``"default"``, the same for every figure, or ``"pareto"``, which chooses parents otherwise.
        batch: examples that a proposer is shown, in place of the default.
        settings: likewise, of :class:`Reflective`.
    """
    if name == "pareto":
        settings["parents"] = Pareto()
    if batch is not None:
        settings["batches"] = MixedBatches(batch)
    return Reflective(Reflection(REFLECTOR), **settings)
