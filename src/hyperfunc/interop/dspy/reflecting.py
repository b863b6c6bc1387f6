"""The optimizer of a compile that does not name one: reflective evolution as the plan asks for it."""

from __future__ import annotations

from typing import Any

from hyperfunc.errors import ProgramError
from hyperfunc.optimizers.base import Optimizer

from .plan import Plan

__all__ = ["reflective"]


def reflective(plan: Plan) -> Optimizer:
    """Reflective evolution.

    Raises:
        ProgramError: a strategy is unknown, or nobody writes instructions.
    """
    from hyperfunc.optimizers.proposers import Reflection
    from hyperfunc.optimizers.reflective import (
        All,
        ByCredit,
        CurrentBest,
        MixedBatches,
        Pareto,
        Rebase,
        Reflective,
        RoundRobin,
    )

    proposer = plan.proposer
    if proposer is None:
        if plan.reflection_model is None:
            raise ProgramError("nobody writes instructions: give reflection_lm, or instruction_proposer")
        proposer = Reflection(plan.reflection_model)
    selectors = {"all": All, "round_robin": RoundRobin, "credit": ByCredit}
    parents = {"pareto": Pareto, "current_best": CurrentBest}
    given: dict[str, Any] = {
        "components": _strategy("component_selector", plan.component_selector, selectors)
    }
    if plan.candidate_selection is not None:
        name = "candidate_selection_strategy"
        given["parents"] = _strategy(name, plan.candidate_selection, parents)
    if plan.minibatch_size is not None:
        given["batches"] = MixedBatches(plan.minibatch_size)
    merging = Rebase() if plan.use_merge else None
    return Reflective(proposer, merging=merging, perfect=plan.perfect_score, **given)


def _strategy(setting: str, chosen: Any, known: dict[str, Any]) -> Any:
    if isinstance(chosen, str) and chosen in known:
        return known[chosen]()
    if hasattr(chosen, "choose"):
        return chosen
    raise ProgramError(
        f"{setting} is {chosen!r:.60}; use one of {', '.join(map(repr, known))}, or an object with the "
        "method `choose` (functions of GEPA's state do not work here, for there is no such state)"
    )
