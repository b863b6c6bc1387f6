"""An evaluation that is recorded: values on examples, without a search, kept for comparisons."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hyperfunc.analysis.certificate.figures import LEVEL, spread_of
from hyperfunc.analysis.experiment import ExampleScore, Experiment, heads_in
from hyperfunc.analysis.experiment.kept import HEAD, SCORES
from hyperfunc.blas import one_torch_thread
from hyperfunc.errors import BudgetExhausted, BudgetTooSmall
from hyperfunc.evaluation.dataset import Dataset, Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.evaluation.statistics import Interval, mean_interval
from hyperfunc.execution import Account, Engine, Evaluation, Settings
from hyperfunc.execution.folding import is_missing
from hyperfunc.execution.shelf import metric_fingerprint
from hyperfunc.ledger import Budget, Ledger, Meter
from hyperfunc.spaces import Candidate
from hyperfunc.types import Cell

from .loop import new_run_id
from .opening import check_prices, environment
from .resampling import resampled
from .trainable import Trainable

__all__ = ["Plan", "run_experiment"]


@dataclass(frozen=True)
class Plan:
    """What is evaluated; see ``HyperSystem.aexperiment``.

    Args:
        system: with its functions.
        values: gives the values, which may gain knobs when the program reaches a function for the first time.
        examples: N of them.
        metric: of any kind.
        name: checked, may be empty.
        repeats: R, at least 1.
        budget: limits.
        settings: of the engine.
        ledger: an open one, or the place of one.
    """

    system: Trainable
    values: Callable[[], Candidate]
    examples: tuple[Example, ...]
    metric: Metric
    name: str
    repeats: int
    budget: Budget
    settings: Settings
    ledger: str | Path | Ledger | None


async def run_experiment(plan: Plan) -> Experiment:
    """Evaluate and record.

    Raises:
        BudgetTooSmall: the budget does not pay all examples; what was paid for is kept.
        InfrastructureError: no example could be scored.
    """
    ledger = plan.ledger if isinstance(plan.ledger, Ledger) else Ledger.open(plan.ledger)
    try:
        return await _Experimenting(plan, ledger).go()
    finally:
        if ledger is not plan.ledger:
            ledger.close()


class _Experimenting:
    """One experiment under way."""

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self.plan = plan
        self.ledger = ledger
        self.id = new_run_id()
        self.account = Account(Meter(plan.budget))
        self.engine = Engine(plan.system.program(), plan.settings, ledger, self.account)

    async def go(self) -> Experiment:
        """Evaluate, fold, keep."""
        check_prices(self.plan.system, self.plan.budget)
        candidate = self.plan.values()
        found = await self._evaluate(candidate)
        if self.plan.values().id != candidate.id:
            # Functions that nothing referred to were reached, and their knobs are part of the values now:
            # under these the cells are found again next time.
            candidate, self.engine.program = self.plan.values(), self.plan.system.program()
            found = await self._evaluate(candidate)
        experiment = await self._record(candidate, found)
        self._keep(experiment, candidate)
        return experiment

    async def _evaluate(self, candidate: Candidate) -> Evaluation:
        plan = self.plan
        try:
            answer = await self.engine.evaluate(
                [candidate], plan.examples, plan.metric, repeats=range(plan.repeats), origin=f"{self.id}/all"
            )
        except BudgetExhausted as error:
            raise BudgetTooSmall(
                f"the budget {plan.budget} does not pay {len(plan.examples)} examples, and fewer are no "
                "experiment: give more and evaluate again, for what was paid for is kept"
            ) from error
        return answer[0]

    async def _record(self, candidate: Candidate, found: Evaluation) -> Experiment:
        plan, cells = self.plan, found.cells
        return Experiment(
            id=self.id,
            name=plan.name,
            created=time.time(),
            system=type(plan.system).__name__,
            metric=plan.metric.name,
            scorer=metric_fingerprint(plan.metric) if plan.metric.per_item else None,
            program=self.engine.program.fingerprint,
            candidate=candidate.id,
            values=candidate.to_json(),
            data=Dataset.part(plan.examples).version,
            score=await self._score(float(found), cells),
            cells=tuple(self._example(n, cells) for n in range(len(plan.examples))),
            repeats=plan.repeats,
            missing=len(found.missing),
            failed=sum(c.failure is not None and not is_missing(c) for c in cells),
            seed=plan.settings.seed,
            budget=str(plan.budget),
            spend=asdict(self.account.spent),
            paid={"calls": self.account.paid_calls, "dollars": self.account.paid_dollars},
            environment={**environment(), "models": self.ledger.answered_by(self.id)},
        )

    def _example(self, n: int, cells: Sequence[Cell]) -> ExampleScore:
        example, repeats = self.plan.examples[n], self.plan.repeats
        scores = [c.score or 0.0 for c in cells[n * repeats : (n + 1) * repeats] if not is_missing(c)]
        mean = sum(scores) / len(scores) if scores and self.plan.metric.per_item else None
        return ExampleScore(example.key or f"#{n}", self._group(n), example.weight, mean)

    def _group(self, n: int) -> str:
        return self.plan.examples[n].cluster or str(n)

    async def _score(self, value: float, cells: Sequence[Cell]) -> Interval:
        """The metric with its interval; repeats of one example belong together as examples of a group do."""
        metric, seed = self.plan.metric, self.plan.settings.seed
        present = [(n // self.plan.repeats, c) for n, c in enumerate(cells) if not is_missing(c)]
        examples = [self.plan.examples[n] for n, _ in present]
        groups = [self._group(n) for n, _ in present]
        with one_torch_thread():
            if not metric.per_item:
                drawn = await resampled(metric, [[c for _, c in present]], examples, groups, seed)
                return spread_of(np.array([value for (value,) in drawn]), value, len(set(groups)))
            scores, weights = [c.score or 0.0 for _, c in present], [e.weight for e in examples]
            return mean_interval(scores, groups=groups, weights=weights, level=LEVEL, seed=seed)

    def _keep(self, experiment: Experiment, candidate: Candidate) -> None:
        """All in one commit. That these examples were looked at counts for later certificates on them."""
        before = self.ledger.looks_at(experiment.data)
        known = {_question(head) for head in heads_in(self.ledger).values()}
        with self.ledger.together():
            self.ledger.put_candidate(
                self.id, candidate.to_json(), candidate.id, candidate.parents, "experiment"
            )
            self.ledger.add_event(self.id, SCORES, {"cells": experiment.rows()})
            # To see the same scores of the same values again is no further look.
            if _question(experiment.head()) not in known:
                self.ledger.add_event(self.id, "look", {"version": experiment.data, "before": before})
            self.ledger.add_event(self.id, HEAD, experiment.head())
        self.ledger.flush()


def _question(head: Mapping[str, Any]) -> tuple[Any, ...]:
    """What an experiment asks."""
    names = ("data", "program", "candidate", "metric", "scorer", "seed", "repeats")
    return tuple(head[name] for name in names)
