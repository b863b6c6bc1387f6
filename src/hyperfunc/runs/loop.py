"""The one loop: asks the optimizer, lets the engine fill cells, tells the optimizer, confirms the winner.

A run is a function of its job, its seed and the world's answers. Going on with a run means running it
again: the ledger gives back every cell and answer it has, and charging them like new ones brings the
run to the same place.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc import __version__
from hyperfunc.errors import BudgetExhausted, BudgetTooSmall, MetricError, ProgramError, UnknownPrice
from hyperfunc.evaluation.dataset import Example, split_examples
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.execution import Account, Engine, Settings
from hyperfunc.ledger import Budget, Ledger, Meter, Spend
from hyperfunc.ledger.keys import content_key
from hyperfunc.optimizers import Slots, automatic
from hyperfunc.optimizers.archive import Archive
from hyperfunc.optimizers.base import Ask, Optimizer, Problem, Told
from hyperfunc.optimizers.slots import WORDS
from hyperfunc.spaces import Candidate, Space
from hyperfunc.types import Cell

from .callbacks import Callback
from .confirm import Confirmation, confirm
from .deciding import Decider
from .folding import Evaluation, fold, is_missing
from .result import Result, RunInfo, StepRecord, as_json
from .stopping import Idle, StopCondition

if TYPE_CHECKING:
    from .trainable import Trainable

__all__ = ["Job", "run_job"]

_FIRST = 8
_FEWEST_HELD_OUT = 6
_CONFIRMATION_SHARE = 0.4
# A search that spends nothing of its budget ends when it has not got better for so many steps.
_PATIENCE = 30


@dataclass(frozen=True)
class Job:
    """Everything a run needs to know; see ``HyperSystem.aoptimize``."""

    system: Trainable
    train: tuple[Example, ...]
    validation: tuple[Example, ...] | None
    metric: Metric
    budget: str | Budget | None
    optimizer: Optimizer | None
    seed: int
    ledger: str | Path | Ledger | None
    run_id: str | None
    settings: Settings
    callbacks: tuple[Callback, ...] = ()
    stop: tuple[StopCondition, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


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
            run = _Run(job, ledger, run_id)
            try:
                return await run.go()
            except BaseException as error:
                status = (
                    "interrupted"
                    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError)
                    else "failed"
                )
                if run._known_run() is not None:
                    ledger.update_run(run_id, status=status)
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

    def __init__(self, job: Job, ledger: Ledger, run_id: str) -> None:
        self.job = job
        self.ledger = ledger
        self.run_id = run_id
        self.budget = Budget.parse(job.budget) if job.budget is not None else Budget()
        self.meter = Meter(self.budget)
        self.account = Account(self.meter)
        self.began = time.monotonic()
        self.history: list[StepRecord] = []
        self.warnings: list[str] = []
        self.dearest = Spend()
        self.failures: Counter[str] = Counter()
        self.stopped = "the optimizer had nothing left to try"
        self.engine = Engine(job.system.program(), job.settings, ledger, self.account)
        self.train, self.held = _split(job)

    async def go(self) -> Result:
        system = self.job.system
        self._check_prices()
        most = await self._first()
        # The start may have reached functions that nothing referred to; from here on the space is fixed.
        self.engine.program = system.program()
        start = system.candidate
        space = start.space.freeze(lambda name, _: name not in system.learnable, values=start)
        start = space.candidate({name: start[name] for name in space})
        optimizer = _choose(self.job, space, float(most))
        if not len(space):
            raise ProgramError(
                "nothing can be learnt here: give a function a `prompt` parameter, "
                "optimize_hparams=True, exemplars, or the system a knob"
            )
        self._record_start(space, start, optimizer)
        self._note_unreached()
        held, search = self._reserve(most)
        self._tell("on_phase", "search")
        winner = await self._search(optimizer, space, start, search, most)
        self._tell("on_phase", "confirmation")
        self.account.meter = self.meter
        outcome = await self._confirm(start, winner, held)
        return self._end(start, winner, outcome)

    # Before the search

    def _check_prices(self) -> None:
        if self.budget.dollars is None:
            return
        from hyperfunc.errors import ModelError
        from hyperfunc.llm.client import Request
        from hyperfunc.llm.registry import route_for

        for fn in self.job.system.hyperfunctions:
            if fn.model is None:
                continue
            try:
                price = route_for(fn.model).price(Request(model=fn.model, messages=()))
            except ModelError:
                price = None
            if price is None:
                raise UnknownPrice(
                    f"the budget is in dollars and the price of {fn.model} ({fn.name}) is unknown; "
                    "give a budget in calls or tokens"
                )

    async def _first(self) -> int:
        """Evaluate the start on a few examples; returns the most calls a lane made."""
        system, examples = self.job.system, self.train[:_FIRST]
        system.fix_space(False)
        start = system.candidate
        binding = system.bind(start)
        try:
            async with self._watched():
                rows = await self.engine.fill(
                    [(start.id, binding)], examples, self.job.metric, origin=f"{self.run_id}/first"
                )
        except BudgetExhausted as exc:
            raise BudgetTooSmall(
                f"the budget {self.budget} cannot pay the start on {len(examples)} examples: {exc}"
            ) from exc
        finally:
            system.fix_space(True)
        self._learn_costs(rows)
        cells = rows[0]
        self.reached = {name for cell in cells for name in cell.reached}
        value = await fold(self.job.metric, cells, examples, 1)
        nan = [c for c in cells if c.failure and c.failure.startswith("the metric ")]
        if nan or math.isinf(value) or math.isnan(value):
            reason = nan[0].failure if nan else _first_failure(value)
            raise MetricError(f"the start cannot be judged: {reason}; mend the program or the metric first")
        if len(value.failures) == len(cells):
            self.warnings.append(f"the start fails on all of its first examples: {cells[0].failure}")
        return max((c.calls for c in cells), default=0)

    def _note_unreached(self) -> None:
        learnable = [f for f in self.job.system.hyperfunctions if f.learnable]
        missed = [f.name for f in learnable if f.name not in self.reached]
        if learnable and len(missed) == len(learnable) and not self.job.system.own_knobs:
            raise ProgramError(
                f"run reached none of the functions that should be trained ({', '.join(missed)}); "
                "call them from run, or name them in the examples"
            )
        if missed:
            self.warnings.append(f"the start did not reach {', '.join(missed)} on its first examples")

    def _record_start(self, space: Space, start: Candidate, optimizer: Optimizer) -> None:
        job = self.job
        row: dict[str, Any] = {
            "system": type(job.system).__name__,
            "program": self.engine.program.fingerprint,
            "seed": job.seed,
            "budget": str(self.budget),
            "optimizer": repr(optimizer),
            "metric": job.metric.name,
            "n_train": len(self.train),
            "n_validation": len(self.held),
            "examples_fp": content_key([e.key for e in (*self.train, *self.held)]),
            "start": start.to_json(),
            "space": space.describe(),
            "created": time.time(),
            "hyperfunc": __version__,
            **job.notes,
        }
        known = self._known_run()
        if known is None:
            self.ledger.create_run(self.run_id, row)
        else:
            self._check_same(known, row)
            self.ledger.update_run(self.run_id, status="running")
        info = RunInfo(
            self.run_id, self.budget, len(self.train), len(self.held), tuple(space), repr(optimizer),
            known is not None,
        )  # fmt: skip
        self._tell("on_start", info)

    def _known_run(self) -> Mapping[str, Any] | None:
        for row in self.ledger.list_runs():
            if row.run_id == self.run_id:
                return row.meta
        return None

    def _check_same(self, known: Mapping[str, Any], row: Mapping[str, Any]) -> None:
        for name in ("program", "seed", "examples_fp", "metric", "optimizer"):
            if known.get(name) != row[name]:
                self.warnings.append(
                    f"this run was begun with another {name}; cells that no longer fit are made anew"
                )

    def _reserve(self, most: int) -> tuple[tuple[Example, ...], Meter]:
        """Set aside what the confirmation needs; returns its examples and the meter of the search."""
        left, held = self.meter.left(), self.held
        per_item = 2 * max(most, 1)
        if left.calls is not None and held:
            allowed = int(left.calls * _CONFIRMATION_SHARE) // per_item
            if allowed < len(held):
                self.warnings.append(
                    f"the budget lets {allowed} of {len(held)} held-out examples confirm the winner"
                )
                held = held[:allowed]
        if left.evaluations is not None:
            held = held[: int(left.evaluations * _CONFIRMATION_SHARE) // 2]
        calls = None if left.calls is None else max(0, left.calls - per_item * len(held))
        evaluations = None if left.evaluations is None else max(0, left.evaluations - 2 * len(held))
        return held, self.meter.sub(calls=calls, evaluations=evaluations)

    # The search

    async def _search(
        self, optimizer: Optimizer, space: Space, start: Candidate, meter: Meter, most: int
    ) -> Candidate:
        self.account.meter = meter
        problem = Problem(
            space=space, start=start, n_examples=len(self.train), seed=self.job.seed,
            per_item=self.job.metric.per_item, calls_per_lane=float(max(most, 1)),
        )  # fmt: skip
        decider = Decider(optimizer, problem)
        stops = self.job.stop or self._default_stops(optimizer)
        for step in range(10**9):
            ask = decider.ask()
            if ask is None:
                break
            lanes = len(ask.population) * len(ask.examples)
            if not self._affords(lanes):
                self.stopped = f"the budget of {self.budget} is used up"
                if step == 0:
                    self.warnings.append(
                        f"the budget cannot pay one step, which is {lanes} evaluations beside the "
                        "confirmation; raise it, or give a smaller optimizer"
                    )
                break
            try:
                told = await self._fill(ask, step)
            except BudgetExhausted:
                # What this ask had filled by now is kept, but not told: how much of it is there depends
                # on timing, and a decision never may.
                self.stopped = self._why_exhausted()
                break
            decider.tell(ask, told)
            self._note_step(step, ask, told, decider.recommend(), decider.state.archive)
            reason = next(filter(None, (stop(self.history) for stop in stops)), None)
            if reason is not None:
                self.stopped = reason
                break
        best = decider.recommend()
        return best[0] if best else start

    def _default_stops(self, optimizer: Optimizer) -> tuple[StopCondition, ...]:
        if getattr(optimizer, "steps", None) is not None:
            return ()
        return (Idle(_PATIENCE, tuple(n for n, limit in asdict(self.budget).items() if limit is not None)),)

    def _count_failures(self, rows: Sequence[Sequence[Cell]]) -> None:
        self.failures.update(c.failure for row in rows for c in row if c.failure is not None)

    async def _fill(self, ask: Ask, step: int) -> Told:
        examples = [self.train[n] for n in ask.examples]
        candidates = list(ask.population)
        bound = [(c.id, self.job.system.bind(c)) for c in candidates]
        async with self._watched():
            rows = await self.engine.fill(
                bound, examples, self.job.metric, repeats=(ask.repeat,), origin=f"{self.run_id}/{step}"
            )
        self._learn_costs(rows)
        self._count_failures(rows)
        values = [await self._value(row, examples) for row in rows]
        scores = None
        if self.job.metric.per_item:
            scores = np.array([[_score(c) for c in row] for row in rows], dtype=np.float64)
        return Told(
            values_K=np.array(values, dtype=np.float64),
            scores_KN=scores,
            feedback=lambda k, n: rows[k][n].feedback,
        )

    async def _value(self, row: Sequence[Cell], examples: Sequence[Example]) -> Evaluation:
        return await fold(self.job.metric, row, examples, 1)

    def _affords(self, lanes: int) -> bool:
        """Whether so many lanes can be paid for if each costs as much as the dearest one so far.

        Starting what cannot be finished would spend on calls that no decision may use, and which
        calls those are would depend on timing.
        """
        left = self.account.meter.left()
        most = self.dearest
        needs = (most.calls * lanes, lanes, most.tokens * lanes, most.dollars * lanes)
        has = (left.calls, left.evaluations, left.tokens, left.dollars)
        return all(h is None or n <= h for n, h in zip(needs, has, strict=True))

    def _learn_costs(self, rows: Sequence[Sequence[Cell]]) -> None:
        for cell in (c for row in rows for c in row):
            self.dearest = Spend(
                calls=max(self.dearest.calls, cell.calls),
                tokens=max(self.dearest.tokens, cell.tokens),
                dollars=max(self.dearest.dollars, cell.dollars),
            )

    def _why_exhausted(self) -> str:
        # Without the amounts of the moment: what was in flight depends on timing, a result must not.
        late = self.meter.left().seconds == 0
        return f"the time of {self.budget} is up" if late else f"the budget of {self.budget} is used up"

    def _note_step(
        self, step: int, ask: Ask, told: Told, best: Sequence[Candidate], archive: Archive
    ) -> None:
        finite = told.values_K[np.isfinite(told.values_K)]
        record = StepRecord(
            step=step,
            note=ask.note,
            n_candidates=len(told.values_K),
            n_lanes=len(told.values_K) * len(ask.examples),
            best_value=float(finite.max()) if len(finite) else float("-inf"),
            incumbent_value=_known_value(archive, best[0]) if best else None,
            spend=self.meter.spent,
            seconds=time.monotonic() - self.began,
        )
        self.history.append(record)
        self.ledger.add_event(self.run_id, "step", _finite(asdict(record)))
        self._tell("on_step", record)

    # After it

    async def _confirm(self, start: Candidate, winner: Candidate, held: tuple[Example, ...]) -> Confirmation:
        examples = held or self.train

        async def judge(candidate: Candidate, part: Sequence[Example], origin: str) -> list[Cell]:
            bound = [(candidate.id, self.job.system.bind(candidate))]
            async with self._watched():
                rows = await self.engine.fill(bound, part, self.job.metric, origin=f"{self.run_id}/{origin}")
            return rows[0]

        return await confirm(judge, self.job.metric, start, winner, examples, bool(held), self.job.seed)

    def _end(self, start: Candidate, winner: Candidate, outcome: Confirmation) -> Result:
        best = winner if outcome.accepted else start
        result = Result(
            run_id=self.run_id,
            best=best,
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
            ledger=self.ledger,
        )
        changes = [
            {"name": c.name, "before": _plain(c.before), "after": _plain(c.after)} for c in start.diff(winner)
        ]
        row = {
            "best": best.to_json(),
            "start": start.to_json(),
            "winner": winner.to_json(),
            "recommended_start": result.recommended_start,
            "score_start": result.score_start,
            "score_best": result.score_best,
            "gain": as_json(result.gain),
            "spend": asdict(result.spend),
            "paid_calls": result.paid_calls,
            "stopped": result.stopped,
            "warnings": list(result.warnings),
            "changes": changes,
            "confirmation": outcome.to_json(),
        }
        for reason, count in self.failures.most_common():
            self.ledger.add_event(self.run_id, "failure", {"reason": reason, "count": count})
        self.ledger.add_event(self.run_id, "result", _finite(row))
        self.ledger.update_run(self.run_id, status="done")
        self.ledger.flush()
        self._tell("on_end", result)
        return result

    # Watching

    def _tell(self, name: str, payload: Any) -> None:
        for callback in self.job.callbacks:
            getattr(callback, name)(payload)

    @contextlib.asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        """Report the spend a few times a second while cells are filled."""
        if not self.job.callbacks:
            yield
            return

        async def watch() -> None:
            while True:
                await asyncio.sleep(0.2)
                self._tell("on_calls", self.meter.spent)

        task = asyncio.get_running_loop().create_task(watch())
        try:
            yield
        finally:
            task.cancel()


def _split(job: Job) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    if job.validation is not None:
        return job.train, job.validation
    rest, held = split_examples(job.train, 1 / 3, job.seed)
    return (rest, held) if len(held) >= _FEWEST_HELD_OUT else (job.train, ())


def _choose(job: Job, space: Space, calls_per_lane: float) -> Optimizer:
    """The optimizer of the job, those in the system's slots, or what fits the space."""
    if job.optimizer is not None:
        return job.optimizer
    words, numbers = job.system.prompt_optimizer, job.system.system_optimizer
    rest = automatic(space, calls_per_lane=calls_per_lane)
    has_words = {knob.kind in WORDS for knob in space.values()}
    if words is None and numbers is None:
        return rest
    if has_words == {False}:
        return numbers or rest
    if has_words == {True}:
        return words or rest
    return Slots(words or rest, numbers or rest)


def _score(cell: Cell) -> float:
    return math.nan if is_missing(cell) or cell.score is None else cell.score


def _known_value(archive: Archive, candidate: Candidate) -> float | None:
    scores = list(archive.scores.get(candidate.id, {}).values())
    return float(np.mean(scores)) if scores else None


def _first_failure(value: Evaluation) -> str:
    return next((c.failure for c in value.failures if c.failure), "the metric returned NaN or infinity")


def _plain(value: Any) -> Any:
    """A knob's value as JSON for the report."""
    if isinstance(value, tuple):
        return [{"input": e.input, "output": e.output} for e in value]
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape)}
    return value


def _finite(row: Any) -> Any:
    """JSON has no infinity; such numbers become null."""
    if isinstance(row, dict):
        return {k: _finite(v) for k, v in row.items()}
    if isinstance(row, list | tuple):
        return [_finite(v) for v in row]
    return None if isinstance(row, float) and not math.isfinite(row) else row
