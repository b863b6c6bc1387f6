"""One run of ours on HiddenRules, and many of them in processes."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from benchmarks.reflective.curves import HORIZON, Curve
from benchmarks.reflective.optimizers import optimizer
from benchmarks.reflective.world import (
    HiddenRules,
    Reflecting,
    Rollouts,
    answering,
    examples,
    judged,
    rules,
)  # fmt: skip
from hyperfunc.ledger import Ledger
from hyperfunc.runs.callbacks import Callback
from hyperfunc.runs.result import Result, StepRecord

__all__ = ["Models", "Outcome", "Plan", "carried_out", "incumbent", "played", "side_by_side"]

RUN_ID = "bench"
T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Plan:
    """What one run is to do.

    Args:
        seed: of the world, the reflector and the optimizer.
        optimizer: its name in ``optimizers.py``.
        binary: all-or-nothing scores.
        budget: of the run.
        workers: calls in flight at once.
        rollout_s, reflection_s: how long each takes.
        until: share of the oracle's score at which the run may end; infinite for never.
        lanes: evaluations that are alive at once.
        settings: of the optimizer, in place of its defaults.
    """

    seed: int
    optimizer: str = "default"
    binary: bool = False
    budget: str = f"{HORIZON} evaluations"
    workers: int = 16
    rollout_s: float = 0.0
    reflection_s: float = 0.0
    until: float = math.inf
    lanes: int | None = None
    settings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Args:
        plan: what was to be done.
        curve: the incumbent's held-out score as the run went on.
        calls: rollouts, by the world's own count.
        twice: of these, rollouts of what had been rolled out before.
        confirming: of these, rollouts after the search had ended.
        reflections: calls of the reflector.
        seconds: until the search had ended.
        final: held-out score of the winner.
        row: everything in the result that is not a time, for comparisons.
    """

    plan: Plan
    curve: Curve
    calls: int
    twice: int
    confirming: int
    reflections: int
    seconds: float
    final: float
    row: dict[str, object] = field(repr=False)

    @property
    def busy(self) -> float:
        """Share of the time that workers spent on rollouts and reflections until the search had ended."""
        rollouts = (self.calls - self.confirming) * self.plan.rollout_s
        return (rollouts + self.reflections * self.plan.reflection_s) / (self.plan.workers * self.seconds)


def incumbent(record: StepRecord) -> str:
    """The id of the candidate that the optimizer would have shipped after a step."""
    if record.incumbent is None:
        raise ValueError(f"step {record.step} says nothing of the incumbent")
    return record.incumbent


class Watch(Callback):
    """Notes what the run would have shipped, as calls and time go on."""

    def __init__(self, rollouts: Rollouts, ledger: Ledger) -> None:
        self._rollouts = rollouts
        self._ledger = ledger
        self._began = time.perf_counter()
        self._known = ""
        world = rollouts.world
        self.steps = [(0, 0.0, world.test_score(world.seed_candidate))]
        self.searched = (0, 0.0)

    def on_step(self, record: StepRecord) -> None:
        """One ask was answered."""
        best = incumbent(record)
        if best == self._known:
            return
        self._known = best
        row = self._ledger.get_candidate(best)
        if row is None:
            raise LookupError(f"the ledger does not have the incumbent {best}")
        self.steps.append((*self._now(), self._rollouts.world.test_score(_texts(row.value))))

    def on_phase(self, name: str) -> None:
        """What follows the search is no part of the curve."""
        if name == "confirmation":
            self.searched = self._now()

    def _now(self) -> tuple[int, float]:
        return self._rollouts.calls, time.perf_counter() - self._began


def _texts(values: object) -> dict[str, str]:
    assert isinstance(values, dict)
    return {name.partition(".")[0]: str(text) for name, text in values.items()}


class Models:
    """Who answers in one run: the world, which keeps its own count, and the reflector.

    Args:
        plan: of the run.
        journal: a file for the world's rollouts.
    """

    def __init__(self, plan: Plan, journal: Path | None = None) -> None:
        self.world = rules().World(seed=plan.seed, binary=plan.binary)
        self.rollouts = Rollouts(self.world, plan.rollout_s, journal)
        self.reflecting = Reflecting(rules().ScriptedReflector(seed=plan.seed), plan.reflection_s)
        self.oracle = float(self.world.test_score(self.world.oracle_candidate))


def played(
    plan: Plan, folder: Path, callbacks: Sequence[Callback] = (), models: Models | None = None
) -> Outcome:
    """Carry out a plan; the ledger in ``folder`` is begun, or gone on with.

    Args:
        plan: of the run.
        folder: of the ledger.
        callbacks: further ones.
        models: those that answer; they know what was asked when the run breaks off.
    """
    models = models or Models(plan)
    rollouts, world = models.rollouts, models.world
    with answering(rollouts, models.reflecting), Ledger.open(folder) as ledger:
        watch = Watch(rollouts, ledger)
        goal = plan.until * models.oracle

        def reached(_history: Sequence[StepRecord]) -> str | None:
            return "the oracle's share was reached" if watch.steps[-1][2] >= goal else None

        # Without a sealed part: the world itself judges what the search would ship, on examples of its own.
        result = HiddenRules().optimize(
            examples(world.train), judged, validation=examples(world.val), test=(),
            budget=plan.budget, optimizer=optimizer(plan.optimizer, **plan.settings), seed=plan.seed,
            ledger=ledger, run_id=RUN_ID, max_concurrency=plan.workers, max_batch_size=plan.lanes,
            callbacks=(watch, *callbacks), stop=(reached,),
        )  # fmt: skip
    calls, seconds = watch.searched
    return Outcome(
        plan, Curve(tuple(watch.steps), models.oracle), rollouts.calls, rollouts.twice,
        rollouts.calls - calls, models.reflecting.calls, seconds,
        world.test_score(_texts(dict(result.winner))), _row(result),
    )  # fmt: skip


def _row(result: Result) -> dict[str, object]:
    spend = result.spend
    return {
        "best": result.best.to_json(),
        "winner": result.winner.to_json(),
        "scores": [repr(result.score_start), repr(result.score_best)],
        "spend": [spend.calls, spend.evaluations, spend.tokens, spend.dollars],
        "stopped": result.stopped,
        "warnings": list(result.warnings),
        "history": [
            [r.note, r.n_candidates, r.n_new, r.n_lanes, r.best_value, r.incumbent_value, incumbent(r)]
            for r in result.history
        ],
    }


def carried_out(plan: Plan) -> Outcome:
    """A plan with a ledger of its own that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return played(plan, Path(folder))


def side_by_side(work: Callable[[T], U], plans: Iterable[T]) -> list[U]:
    """Do things in processes, as many at once as there are cores; for what is not timed."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(work, plans))
