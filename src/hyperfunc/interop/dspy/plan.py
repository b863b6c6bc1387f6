"""What an optimizer is made from, when a compile does not get one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.optimizers.proposers.base import TextProposer

__all__ = ["OptimizerFactory", "Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What the caller of a compile asked for.

    Args:
        proposer: writes new instructions, from ``instruction_proposer``; ``None`` when there is none.
        reflection_model: the name that the reflection LM answers to; ``None`` when there is none.
        component_selector: ``"round_robin"``, ``"all"``, ``"credit"``, or an object with ``choose``.
        candidate_selection: ``"pareto"`` or ``"current_best"``; ``None`` leaves it to the optimizer.
        use_merge: unite what different lineages found.
        minibatch_size: examples that one reflection sees; ``None`` leaves it to the optimizer.
        perfect_score: at which nothing is left to improve.
    """

    proposer: TextProposer | None
    reflection_model: str | None
    component_selector: Any = "all"
    candidate_selection: str | None = None
    use_merge: bool = True
    minibatch_size: int | None = None
    perfect_score: float = 1.0


OptimizerFactory = Callable[[Plan], "Optimizer"]
