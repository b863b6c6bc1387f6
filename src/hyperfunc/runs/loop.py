"""The one loop: asks the optimizer, lets the engine fill cells, tells the optimizer, confirms the winner.

A run is a function of its job, its seed and the world's answers. Going on with a run means running it
again: the ledger gives back every cell and answer it has, and charging them like new ones brings the
run to the same place.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace

import numpy as np

from hyperfunc.analysis.certificate import Certificate, Figures
from hyperfunc.errors import BudgetExhausted, BudgetTooSmall
from hyperfunc.evaluation.dataset import Dataset, Example
from hyperfunc.execution import Account, Engine, Evaluations, Execution
from hyperfunc.execution.shelf import metric_fingerprint
from hyperfunc.ledger import Budget, Ledger, Meter, content_key
from hyperfunc.optimizers.automatic import Chosen
from hyperfunc.optimizers.base import Ask, Optimizer, Problem, Proposed, Told
from hyperfunc.spaces import Candidate, Population, Space
from hyperfunc.types import Cell

from .certify import Outcome, compare
from .consulting import Consultations
from .costs import Costs
from .deciding import Decider
from .job import Job
from .opening import check_leaks, check_prices, check_reached, check_start, environment, learnable_space
from .recording import Recorder
from .result import Result, RunInfo, StepRecord
from .searching import Searching
from .self_test import SelfTest, self_test
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
                recorder.broke_off("interrupted" if stopped else "failed", error)
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
        settings = replace(job.settings, exchanges=job.learns_from_calls)
        self.engine = Engine(job.system.program(), settings, ledger, self.account)
        train, self.sealed = job.split()
        self.train = (*train, *job.validation)
        self.consultations = Consultations(job, self.engine, recorder.run_id, self.train)
        self.tested: SelfTest | None = None

    async def go(self) -> Result:
        """Open, search, certify."""
        system = self.job.system
        check_prices(system, self.budget)
        cells = await self._first()
        # The start may have reached functions that nothing referred to; from here on the space is fixed.
        self.engine.program = system.program()
        space, start = learnable_space(system)
        calls = float(self.costs.dearest.calls)
        chosen = self.job.choose_optimizer(space, calls, self.costs.lanes(self.account.meter))
        optimizer = chosen.optimizer
        self._open(space, start, chosen)
        self.warnings += check_reached(system, cells)
        if self.sealed is not None:
            self.warnings += check_leaks(self.sealed, self.train)
        held, self.account.meter = self._set_aside()
        if self.job.self_test:
            self.tested = await self._self_test(start, held)
        self.recorder.tell("on_phase", "search")
        problem = Problem(
            space=space, start=start, n_examples=len(self.train), seed=self.job.seed,
            per_item=self.job.metric.per_item, calls_per_lane=max(calls, 1.0),
            lanes=self.costs.lanes(self.account.meter), groups=_groups(self.train),
            validation=tuple(range(len(self.train) - len(self.job.validation), len(self.train))),
        )  # fmt: skip
        winner = await self._search(Decider(optimizer, problem), self._stops(optimizer)) or start
        self.recorder.tell("on_phase", "confirmation")
        self.account.meter = self.meter
        looks = self.recorder.looks_before(self.sealed.version) if self.sealed is not None and held else 0
        outcome = await self._compare(start, winner, held)
        result = self._end(start, winner, outcome, looks)
        said = await self.recorder.closed()
        return replace(result, warnings=(*result.warnings, *said)) if said else result

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

    def _open(self, space: Space, start: Candidate, chosen: Chosen) -> None:
        resumed = self.recorder.known is not None
        self.warnings += self.recorder.start(
            space, start, self.train, self.sealed, program=self.engine.program.fingerprint,
            budget=str(self.budget), optimizer=repr(chosen.optimizer), why=chosen.why,
        )  # fmt: skip
        self.recorder.candidates([start], "start")
        sizes = (len(self.train), 0 if self.sealed is None else self.sealed.size)
        info = RunInfo(
            self.recorder.run_id, self.budget, *sizes, tuple(space), repr(chosen.optimizer), resumed,
            system=type(self.job.system).__name__, metric=self.job.metric.name, seed=self.job.seed,
            start=start, data=self._versions, why=chosen.why,
        )  # fmt: skip
        self.recorder.tell("on_start", info)

    def _set_aside(self) -> tuple[int, Meter]:
        """How many held-out examples can be paid for, and the meter of the search."""
        size = 0 if self.sealed is None else self.sealed.size
        count, search = self.costs.set_aside(self.meter, size)
        if count < size:
            self.warnings.append(f"the budget lets {count} of {size} held-out examples confirm the winner")
        return count, search

    async def _self_test(self, start: Candidate, held: int) -> SelfTest | None:
        """The start against itself, as far as the budget goes."""

        async def judge(examples: Sequence[Example], repeat: int) -> Sequence[Cell]:
            return (await self._evaluate([start], examples, f"self-test-{repeat}", repeat))[0].cells

        self.recorder.tell("on_phase", "self-test")
        lanes = 2 * len(self.train)
        if not self.job.metric.per_item or not self.costs.affords_lanes(self.account.meter, lanes):
            why = "the budget" if self.job.metric.per_item else "a metric over sets"
            self.warnings.append(f"the start was not run against itself: {why} does not allow it")
            return None
        return await self_test(judge, self.train, held, self.job.seed)

    def _stops(self, optimizer: Optimizer) -> tuple[StopCondition, ...]:
        if self.job.stop or optimizer.ends:
            return self.job.stop
        return (Idle(_PATIENCE, tuple(n for n, limit in asdict(self.budget).items() if limit is not None)),)

    async def _search(self, decider: Decider, stops: Sequence[StopCondition]) -> Candidate | None:
        self.decider = decider
        self.costs.open(self.account.charged, self.meter.spent)
        searching = Searching(decider, self, stops)
        async with self.recorder.watched(lambda: self.meter.spent):
            await searching.run(self._used_up)
        self.stopped = searching.stopped
        if not self.history and searching.refused is not None:
            lanes = len(searching.refused.population) * len(searching.refused.examples)
            self.warnings.append(
                f"the budget cannot pay one step, which is {lanes} evaluations beside the "
                "confirmation; raise it, or give a smaller optimizer"
            )
        return next(iter(decider.recommend()), None)

    # The desk of the search

    def affords(self, ask: Ask, under_way: Sequence[Ask]) -> bool:
        """Whether an ask can be paid for in full, with those under way at their dearest."""
        return self.costs.affords(self.account.meter, ask, under_way)

    def fresh(self, ask: Ask) -> int:
        """An ask begins: how many of its cells nobody has asked for before."""
        if ask.consult is not None:
            self.costs.begin_consultation(ask, self.account.meter)
            return 0
        return self.costs.begin(ask) if self.decider.pipelined else 0

    async def evaluate(self, ask: Ask, number: int) -> Evaluations:
        """Fill the cells of an ask."""
        return await self._fill(ask.population, self._examples(ask), str(number), ask.repeat)

    async def consult(self, ask: Ask, number: int) -> Proposed:
        """Have values written."""
        assert ask.consult is not None
        if self.costs.refuses(ask):
            return Proposed(refused=(f"consultations have used up their share, {ask.consult.share:.0%}",))
        return await self.consultations.answer(ask.consult, number)

    def learn(self, ask: Ask, number: int, answer: Evaluations | None, told: Told) -> None:
        """Take what an answer cost into account, and note the step."""
        before = self.recorder.tried
        if answer is not None:
            self._learn(ask.population, str(number), answer)
            self.execution = answer.execution
            self.costs.told(ask, answer.charges)
            if self.decider.consults:
                self.consultations.keep(ask.population, ask, answer)
        else:
            self.costs.told(ask, self.consultations.told(number))
        self.left_out += int(np.count_nonzero(~np.isfinite(told.values_K)))
        self._note(len(self.history), ask, told, self.recorder.tried - before)

    def _used_up(self) -> str:
        # Without the amounts of the moment: what was in flight depends on timing, a result must not.
        late = self.account.meter.left().seconds == 0
        said = "the time of {} is up" if late else "the budget of {} pays no further step"
        return said.format(self.budget)

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
            answer = await self._fill(candidates, examples, origin, repeat)
        self._learn(candidates, origin, answer)
        return answer

    async def _fill(
        self, candidates: Population | Sequence[Candidate], examples: Sequence[Example], origin: str,
        repeat: int,
    ) -> Evaluations:  # fmt: skip
        return await self.engine.evaluate(
            candidates, tuple(examples), self.job.metric, repeats=(repeat,),
            origin=f"{self.recorder.run_id}/{origin}",
        )  # fmt: skip

    def _learn(self, candidates: Population | Sequence[Candidate], origin: str, answer: Evaluations) -> None:
        """Take in what lanes cost and how they failed; in the order of decisions, not of arrival."""
        self.recorder.candidates(candidates, origin)
        if answer.execution.mode != "fused":
            # Lanes of a fused run cost nothing and cannot fail one by one.
            rows = [e.cells for e in answer]
            self.costs.learn(rows)
            self.failures.update(c.failure for row in rows for c in row if c.failure is not None)

    def _note(self, step: int, ask: Ask, told: Told, n_new: int) -> None:
        finite = told.values_K[np.isfinite(told.values_K)]
        spend = self.meter.spent
        if self.decider.pipelined:
            spend = replace(self.costs.spent, seconds=spend.seconds)
        record = StepRecord(
            step=step,
            note=_note(ask, told),
            n_candidates=len(told.values_K),
            n_new=n_new,
            n_lanes=len(told.values_K) * len(ask.examples),
            best_value=float(finite.max()) if len(finite) else -math.inf,
            incumbent=self.decider.incumbent,
            incumbent_value=self.decider.incumbent_value,
            spend=spend,
            seconds=time.monotonic() - self.recorder.began,
        )
        self.history.append(record)
        self.recorder.step(record)

    async def _compare(self, start: Candidate, winner: Candidate, held: int) -> Outcome:
        async def judge(candidate: Candidate, part: Sequence[Example], origin: str) -> Sequence[Cell]:
            return (await self._evaluate([candidate], part, origin))[0].cells

        examples: Sequence[Example] = self._known_first(start, winner)
        if self.sealed is not None and held:
            examples = list(self.sealed.open(f"certificate of run {self.recorder.run_id}"))[:held]
        return await compare(judge, self.job.metric, start, winner, examples, bool(held), self.job.seed)

    def _known_first(self, start: Candidate, winner: Candidate) -> list[Example]:
        """Training examples, those first on which both were scored: they cost nothing more."""
        scores = self.decider.state.archive.scores
        both = [{n for members, _ in scores.get(c.id, {}) for n in members} for c in (start, winner)]
        known = sorted(both[0] & both[1])
        return [self.train[n] for n in (*known, *(n for n in range(len(self.train)) if n not in known))]

    def _end(self, start: Candidate, winner: Candidate, outcome: Outcome, looks: int) -> Result:
        self.warnings += self.consultations.trouble
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
            gain=None if outcome.figures is None or start == winner else outcome.figures.gain,
            history=tuple(self.history),
            spend=self.meter.spent,
            paid_calls=self.account.paid_calls,
            budget=self.budget,
            stopped=self.stopped,
            warnings=(*self.warnings, *outcome.warnings),
            self_test=self.tested,
            execution=self.execution,
            ledger=self.ledger,
        )
        self.recorder.end(result, outcome, dict(self.failures.most_common()))
        if outcome.figures is not None:
            certificate = self._certificate(result, outcome, outcome.figures, looks)
            result = replace(result, certificate=self.recorder.certify(certificate))
        self.recorder.done(result)
        return result

    @functools.cached_property
    def _versions(self) -> dict[str, str | None]:
        """Content versions of the examples."""
        test = None if self.sealed is None else self.sealed.version
        return {"test": test, "train": Dataset.part(self.train).version}

    def _certificate(self, result: Result, outcome: Outcome, figures: Figures, looks: int) -> Certificate:
        metric, run_id = self.job.metric, self.recorder.run_id
        prompts = {f"prompt {n}": content_key(v) for n, v in result.winner.items() if isinstance(v, str)}
        versions = environment()
        return Certificate(
            run_id=run_id, created=time.time(), shipped=outcome.accepted, metric=metric.name, figures=figures,
            missing=outcome.missing, pairs=outcome.pairs(metric.per_item), resamples=outcome.resamples,
            candidates=1 + sum(record.n_new for record in self.history), steps=len(self.history), looks=looks,
            budget=str(self.budget), spend=asdict(result.spend), paid=asdict(self.ledger.paid(run_id)),
            seed=self.job.seed, program=self.engine.program.fingerprint,
            scorer=metric_fingerprint(metric) if metric.per_item else None,
            start=result.start.id, winner=result.winner.id,
            hashes={
                **self._versions,
                "start": content_key(result.start.to_json()),
                "winner": content_key(result.winner.to_json()),
                **prompts,
            },
            environment={**versions, "models": self.ledger.answered_by(run_id)},
        )  # fmt: skip


def _note(ask: Ask, told: Told) -> str:
    if told.proposed is None:
        return ask.note
    count, refused = len(told.proposed.changes), told.proposed.refused
    return f"{ask.note}: {count} proposal{'s' * (count != 1)}" + (
        f", refused: {refused[0]}" if refused else ""
    )


def _groups(examples: Sequence[Example]) -> tuple[str, ...] | None:
    """What examples belong to, when any of them belongs to something."""
    if not any(e.group for e in examples):
        return None
    return tuple(f"group {e.group}" if e.group else f"#{n}" for n, e in enumerate(examples))
