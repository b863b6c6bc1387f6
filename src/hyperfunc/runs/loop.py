"""The one loop: asks the optimizer, lets the engine fill cells, tells the optimizer, confirms the winner.

A run is a function of its job, its seed and the world's answers. Going on with a run means running it
again: the ledger gives back every cell and answer it has, and charging them like new ones brings the
run to the same place.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from hyperfunc.errors import BudgetExhausted, BudgetTooSmall
from hyperfunc.evaluation.dataset import Example
from hyperfunc.execution import Account, Engine, Evaluations, Execution
from hyperfunc.ledger import Budget, Ledger, Meter
from hyperfunc.optimizers.base import Ask, Optimizer, Problem, Told
from hyperfunc.spaces import Candidate, Population, Space
from hyperfunc.types import Cell

from .confirm import Confirmation, confirm
from .costs import Costs
from .deciding import Decider
from .job import Job
from .opening import check_prices, check_reached, check_start, learnable_space
from .recording import Recorder
from .result import Result, RunInfo, StepRecord
from .stopping import Idle, StopCondition

__all__ = ["new_run_id", "run_job"]

_FIRST = 8
# A search that spends nothing of its budget ends when it has not got better for so many steps.
_PATIENCE = 30


async def run_job(job: Job) -> Result:
    """Run a job to its end.

    Raises:
        KeyboardInterrupt, CancelledError: as they come; progress is kept, and a note on the error tells
            how to go on.
    """
    ledger = job.ledger if isinstance(job.ledger, Ledger) else Ledger.open(job.ledger)
    run_id = job.run_id or new_run_id()
    try:
        with ledger.claim_run(run_id):
            recorder = Recorder(job, ledger, run_id)
            try:
                return await _Run(job, ledger, recorder).go()
            except BaseException as error:
                stopped = isinstance(error, KeyboardInterrupt | asyncio.CancelledError)
                recorder.broke_off("interrupted" if stopped else "failed")
                error.add_note(f"progress is kept; go on with run_id={run_id!r}")
                raise
            finally:
                ledger.flush()
    except BaseException:
        if ledger is not job.ledger:
            ledger.close()
        raise


def new_run_id() -> str:
    """A run id that sorts by time, such as ``20260131-093015-4f2a``."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.urandom(2).hex()}"


class _Run:
    """One run under way."""

    def __init__(self, job: Job, ledger: Ledger, recorder: Recorder) -> None:
        self.job = job
        self.ledger = ledger
        self.recorder = recorder
        self.budget = Budget.parse(job.budget) if job.budget is not None else Budget()
        self.meter = Meter(self.budget)
        self.account = Account(self.meter)
        self.costs = Costs()
        self.history: list[StepRecord] = []
        self.warnings: list[str] = []
        self.failures: Counter[str] = Counter()
        self.left_out = 0
        self.execution = Execution()
        self.stopped = ""
        self.engine = Engine(job.system.program(), job.settings, ledger, self.account)
        self.train, self.held = job.split()

    async def go(self) -> Result:
        """Open, search, confirm."""
        system = self.job.system
        check_prices(system, self.budget)
        cells = await self._first()
        # The start may have reached functions that nothing referred to; from here on the space is fixed.
        self.engine.program = system.program()
        space, start = learnable_space(system)
        calls = float(self.costs.dearest.calls)
        optimizer = self.job.choose_optimizer(space, calls)
        self._open(space, start, optimizer)
        self.warnings += check_reached(system, cells)
        held, self.account.meter = self._set_aside()
        self.recorder.tell("on_phase", "search")
        problem = Problem(
            space=space, start=start, n_examples=len(self.train), seed=self.job.seed,
            per_item=self.job.metric.per_item, calls_per_lane=max(calls, 1.0),
            lanes=self.costs.lanes(self.account.meter), groups=_groups(self.train),
        )  # fmt: skip
        winner = await self._search(Decider(optimizer, problem), self._stops(optimizer)) or start
        self.recorder.tell("on_phase", "confirmation")
        self.account.meter = self.meter
        outcome = await self._confirm(start, winner, held)
        return self._end(start, winner, outcome)

    async def _first(self) -> Sequence[Cell]:
        """Evaluate the start on a few examples, while functions may still join."""
        system, examples = self.job.system, self.train[:_FIRST]
        system.fix_space(False)
        try:
            first = (await self._evaluate([system.candidate], examples, "first"))[0]
        except BudgetExhausted as exc:
            raise BudgetTooSmall(
                f"the budget {self.budget} cannot pay the start on {len(examples)} examples: {exc}"
            ) from exc
        finally:
            system.fix_space(True)
        self.warnings += check_start(first)
        return first.cells

    def _open(self, space: Space, start: Candidate, optimizer: Optimizer) -> None:
        resumed = self.recorder.known is not None
        self.warnings += self.recorder.start(
            space, start, program=self.engine.program.fingerprint, budget=str(self.budget),
            optimizer=repr(optimizer),
        )  # fmt: skip
        sizes = (len(self.train), len(self.held))
        info = RunInfo(self.recorder.run_id, self.budget, *sizes, tuple(space), repr(optimizer), resumed)
        self.recorder.tell("on_start", info)

    def _set_aside(self) -> tuple[tuple[Example, ...], Meter]:
        """Held-out examples that can be paid for, and the meter of the search."""
        count, search = self.costs.set_aside(self.meter, len(self.held))
        if count < len(self.held):
            self.warnings.append(
                f"the budget lets {count} of {len(self.held)} held-out examples confirm the winner"
            )
        return self.held[:count], search

    def _stops(self, optimizer: Optimizer) -> tuple[StopCondition, ...]:
        if self.job.stop or getattr(optimizer, "steps", None) is not None:
            return self.job.stop
        return (Idle(_PATIENCE, tuple(n for n, limit in asdict(self.budget).items() if limit is not None)),)

    async def _search(self, decider: Decider, stops: Sequence[StopCondition]) -> Candidate | None:
        for step in itertools.count():
            ask = decider.ask()
            if ask is None:
                self.stopped = decider.ended
                break
            if not self._can_begin(ask, step):
                break
            try:
                answer = await self._evaluate(ask.population, self._examples(ask), str(step), ask.repeat)
                self.execution = answer.execution
            except BudgetExhausted:
                # What this ask had filled by now is kept, but not told: how much of it is there depends
                # on timing, and a decision never may.
                self.stopped = self._used_up()
                break
            told = Told(answer.values_K, answer.scores_KN, answer.feedback)
            self.left_out += int(np.count_nonzero(~np.isfinite(told.values_K)))
            decider.tell(ask, told)
            self._note(step, ask, told, decider)
            reason = next(filter(None, (stop(self.history) for stop in stops)), None)
            if reason is not None:
                self.stopped = reason
                break
        return next(iter(decider.recommend()), None)

    def _can_begin(self, ask: Ask, step: int) -> bool:
        lanes = len(ask.population) * len(ask.examples)
        if self.costs.affords(self.account.meter, lanes):
            return True
        self.stopped = self._used_up()
        if step == 0:
            self.warnings.append(
                f"the budget cannot pay one step, which is {lanes} evaluations beside the "
                "confirmation; raise it, or give a smaller optimizer"
            )
        return False

    def _used_up(self) -> str:
        # Without the amounts of the moment: what was in flight depends on timing, a result must not.
        late = self.account.meter.left().seconds == 0
        return f"the time of {self.budget} is up" if late else f"the budget of {self.budget} is used up"

    def _examples(self, ask: Ask) -> list[Example]:
        return [self.train[n] for n in ask.examples]

    async def _evaluate(
        self,
        candidates: Population | Sequence[Candidate],
        examples: Sequence[Example],
        origin: str,
        repeat: int = 0,
    ) -> Evaluations:
        """Evaluate candidates, and learn what their lanes cost."""
        async with self.recorder.watched(lambda: self.meter.spent):
            answer = await self.engine.evaluate(
                candidates, tuple(examples), self.job.metric, repeats=(repeat,),
                origin=f"{self.recorder.run_id}/{origin}",
            )  # fmt: skip
        self.recorder.candidates(candidates, origin)
        if answer.execution.mode != "fused":
            # Lanes of a fused run cost nothing and cannot fail one by one.
            rows = [e.cells for e in answer]
            self.costs.learn(rows)
            self.failures.update(c.failure for row in rows for c in row if c.failure is not None)
        return answer

    def _note(self, step: int, ask: Ask, told: Told, decider: Decider) -> None:
        finite = told.values_K[np.isfinite(told.values_K)]
        record = StepRecord(
            step=step,
            note=ask.note,
            n_candidates=len(told.values_K),
            n_lanes=len(told.values_K) * len(ask.examples),
            best_value=float(finite.max()) if len(finite) else -math.inf,
            incumbent_value=decider.incumbent_value,
            spend=self.meter.spent,
            seconds=time.monotonic() - self.recorder.began,
        )
        self.history.append(record)
        self.recorder.step(record)

    async def _confirm(self, start: Candidate, winner: Candidate, held: tuple[Example, ...]) -> Confirmation:
        async def judge(candidate: Candidate, part: Sequence[Example], origin: str) -> Sequence[Cell]:
            return (await self._evaluate([candidate], part, origin))[0].cells

        examples = held or self.train
        return await confirm(judge, self.job.metric, start, winner, examples, bool(held), self.job.seed)

    def _end(self, start: Candidate, winner: Candidate, outcome: Confirmation) -> Result:
        if self.left_out:
            self.warnings.append(f"{self.left_out} evaluations gave no finite value and moved nothing")
        result = Result(
            run_id=self.recorder.run_id,
            best=winner if outcome.accepted else start,
            start=start,
            winner=winner,
            recommended_start=not outcome.accepted,
            score_start=outcome.score_start,
            score_best=outcome.score_winner,
            gain=outcome.gain,
            history=tuple(self.history),
            spend=self.meter.spent,
            paid_calls=self.account.paid_calls,
            budget=self.budget,
            stopped=self.stopped,
            warnings=(*self.warnings, *outcome.warnings),
            execution=self.execution,
            ledger=self.ledger,
        )
        self.recorder.end(result, outcome, dict(self.failures.most_common()))
        return result


def _groups(examples: Sequence[Example]) -> tuple[str, ...] | None:
    """What examples belong to, when any of them belongs to something."""
    if not any(e.group for e in examples):
        return None
    return tuple(f"group {e.group}" if e.group else f"#{n}" for n, e in enumerate(examples))
