"""The engine: fills the cells that are wanted and that the ledger does not have yet."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import time
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError, MetricError, ProgramError, UnknownModel
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.program.binding import FRAME, Binding
from hyperfunc.types import Cell, Failure, ScoreResult

from .account import Account, totals
from .folding import Evaluations, Execution, fold_rows
from .frames import INFRASTRUCTURE, LaneFrame
from .fused.fuser import Fuser
from .fused.members import Members
from .fused.run import FusedRun
from .fused.stacked import CannotFuse
from .garbage import MANY, Seldom
from .gate import Gate
from .hosting import Hosted
from .lanes import Lane, NeedsHost
from .session import Session
from .sharing import Unshareable, own, unchangeable
from .shelf import Shelf
from .tracing.tensor_trace import Before, recorded
from .tracing.tracer import Tracer
from .waves.waves import Waves

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.spaces import Candidate, Population

__all__ = ["Engine", "Program", "Settings"]

_LIVE_LANES = 4096
_TURN_S = 0.02


@dataclass(frozen=True, slots=True)
class Settings:
    """How lanes are run.

    Args:
        seed: of the evaluation; with the example, place and repeat it fixes every call's seed.
        concurrency: calls in flight at once.
        max_batch_size: lanes that live at once; it bounds memory, never results. ``None`` is automatic.
        timeout_s: seconds one lane may take, or ``None``.
        execution: ``"auto"``, or the fastest mode allowed: ``"fused"``, ``"waves"`` or ``"plain"``.
        device: where batches of tensors run: ``"auto"`` (the accelerator for functions marked
            ``local_gpu``, where there is one), or a torch device.
        trace: record the calls of each lane; lanes then run one by one, and none is taken from the ledger.
    """

    seed: int = 0
    concurrency: int = 512
    max_batch_size: int | None = None
    timeout_s: float | None = None
    execution: str = "auto"
    device: str = "auto"
    trace: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What a lane runs.

    Args:
        entry: from an example to the callable that gets its inputs.
        code: gives the fingerprint of the code.
        hosts: synchronous hyperfunctions of it may have to wait.
        bind: lays values out for the functions.
        fuser: runs it at once where that is possible.
    """

    entry: Callable[[Example], Callable[..., Any]]
    code: Callable[[], str]
    hosts: bool = False
    bind: Callable[[Mapping[str, Any]], Binding] = Binding
    fuser: Fuser | None = None

    @property
    def fingerprint(self) -> str:
        """Of the code."""
        return self.code()


@dataclass
class Engine:
    """Runs lanes of one program.

    Args:
        program: what runs.
        settings: limits and seed.
        ledger: where cells and paid requests are kept, or ``None``.
        account: what calls are charged to.

    Attributes:
        waves: what the last evaluation made in batches, by function.
    """

    program: Program
    settings: Settings = field(default_factory=Settings)
    ledger: Ledger | None = None
    account: Account = field(default_factory=Account)
    waves: dict[str, Any] = field(default_factory=dict, init=False)

    async def evaluate(
        self, candidates: Population | Sequence[Candidate], examples: tuple[Example, ...], metric: Metric, *,
        repeats: Sequence[int] = (0,), origin: str = "",
    ) -> Evaluations:  # fmt: skip
        """The value of the metric for each candidate, in the fastest mode that gives what plain gives.

        Args:
            candidates: K of them.
            examples: N of them.
            metric: of any kind.
            repeats: R numbers, each with its own luck.
            origin: names this evaluation inside its run.

        Raises:
            BudgetError: a limit was reached.
            InfrastructureError: no cell of a candidate could be filled.
        """
        done, why = self.at_once(candidates, examples, metric, repeats=repeats)
        if done is not None:
            return done
        return await self.lane_by_lane(candidates, examples, metric, repeats=repeats, origin=origin, why=why)

    async def lane_by_lane(
        self, candidates: Population | Sequence[Candidate], examples: tuple[Example, ...], metric: Metric, *,
        repeats: Sequence[int] = (0,), origin: str = "", why: str = "",
    ) -> Evaluations:  # fmt: skip
        """The evaluation in lanes; ``why`` says why not all of them at once."""
        bound = [(c.id, self.program.bind(c)) for c in candidates]
        rows = await self.fill(bound, examples, metric, repeats=repeats, origin=origin)
        mode = "waves" if any(row["batched"] for row in self.waves.values()) else "plain"
        return await fold_rows(
            metric, rows, examples, len(repeats), Execution(mode, why, waves=self.waves)
        )  # fmt: skip

    def _batching(self, loop: asyncio.AbstractEventLoop, lanes: int) -> Waves | None:
        """What makes calls of so many lanes in batches, where that is allowed and can pay."""
        settings, fuser = self.settings, self.program.fuser
        if settings.trace or settings.execution == "plain":
            return None
        if settings.execution == "waves":
            return Waves(loop, settings.device)
        pays = fuser is not None and Waves.pay(fuser.functions, lanes)
        return Waves(loop, settings.device, frugal=True) if pays else None

    def at_once(
        self, candidates: Population | Sequence[Candidate], examples: tuple[Example, ...], metric: Metric, *,
        repeats: Sequence[int] = (0,),
    ) -> tuple[Evaluations | None, str]:  # fmt: skip
        """The fused evaluation, or ``None`` and why there is none."""
        settings, fuser = self.settings, self.program.fuser
        if settings.trace:
            return None, "calls are traced"
        if settings.execution not in ("auto", "fused") or fuser is None:
            return None, f"execution={settings.execution!r}"
        if settings.timeout_s is not None:
            return None, "a lane has a time limit"
        members = Members(candidates)
        try:
            run = FusedRun(fuser, members, examples, metric, settings, self.ledger, self.program)
            return run.evaluations(repeats, self.account), ""
        except CannotFuse as error:
            if settings.execution == "fused":
                warnings.warn(f"the program cannot be fused: {error}", stacklevel=2)
            return None, str(error)

    async def fill(
        self,
        candidates: Sequence[tuple[str, Binding]],
        examples: Sequence[Example],
        metric: Metric,
        *,
        repeats: Sequence[int] = (0,),
        origin: str = "",
    ) -> list[list[Cell]]:
        """Run each candidate on each example.

        Args:
            candidates: content id and values of each, K of them.
            examples: N of them.
            metric: judges each prediction when it is per item.
            repeats: R numbers, each with its own luck.
            origin: names this evaluation inside its run.

        Returns:
            K rows of N·R cells, example by example, repeats inside.

        Raises:
            BudgetError: a limit was reached; what was filled by then is in the ledger.
        """
        settings = self.settings
        session = Session(
            seed=settings.seed, concurrency=settings.concurrency, ledger=self.ledger,
            account=self.account, origin=origin,
        )  # fmt: skip
        session.waves = self._batching(session.loop, len(candidates) * len(examples) * len(repeats))
        session.hosts = self.program.hosts or settings.trace or session.waves is not None
        shelf = Shelf(self.ledger, self.program.fingerprint, settings.seed, metric, origin)
        wanted = [(k, n, r) for k in range(len(candidates)) for n in range(len(examples)) for r in repeats]
        ids = [c for c, _ in candidates]
        lanes = [(ids[k], examples[n], r) for k, n, r in wanted]
        stored = [None] * len(wanted) if settings.trace else shelf.find(lanes)
        for row in stored:
            if row is not None:
                self.account.hit_all(row.charges)
        work = _Fill(self, session, shelf, candidates, examples, metric)
        with session.branches(), recorded(settings.trace) as work.tensors:
            cells = await work.run(wanted, stored)
        self.waves = {} if session.waves is None else session.waves.report
        width = len(examples) * len(repeats)
        return [cells[k * width : (k + 1) * width] for k in range(len(candidates))]


class _Fill:
    """One call of :meth:`Engine.fill`."""

    def __init__(
        self, engine: Engine, session: Session, shelf: Shelf, candidates: Sequence[tuple[str, Binding]],
        examples: Sequence[Example], metric: Metric,
    ) -> None:  # fmt: skip
        self.engine = engine
        self.session = session
        self.shelf = shelf
        self.candidates = candidates
        self.examples = examples
        self.metric = metric
        self.lucks = [e.luck or f"#{n}" for n, e in enumerate(examples)]
        self.entries = [engine.program.entry(e) for e in examples]
        self.waits = [inspect.iscoroutinefunction(entry) for entry in self.entries]
        # A program may change what it is given, and the next lane must not see that.
        self.shared = [all(map(unchangeable, e.inputs.values())) for e in examples]
        self.stop: BaseException | None = None
        self.tensors: Before | None = None

    async def run(self, wanted: Sequence[tuple[int, int, int]], stored: Sequence[Any]) -> list[Cell]:
        self.cells: list[Any] = [None] * len(wanted)
        self.live: dict[asyncio.Task[None], Any] = {}
        self.collections = Seldom()
        waves = self.session.waves
        try:
            with waves.holding() if waves is not None else contextlib.nullcontext():
                await self._launch(wanted, stored)
            while self.live and self.stop is None:
                await asyncio.wait(list(self.live), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            try:
                await self._clear()
            finally:
                self.collections.end()
                if waves is not None:
                    waves.close()
        if self.stop is not None:
            raise self.stop
        return self.cells

    async def _launch(self, wanted: Sequence[tuple[int, int, int]], stored: Sequence[Any]) -> None:
        """Start lane after lane, as far as there is room and the budget allows."""
        account, waves = self.engine.account, self.session.waves
        names = [(self.candidates[k][0], self._name(n), r) for k, n, r in wanted]
        room = Gate(self.engine.settings.max_batch_size or _LIVE_LANES)
        began = time.perf_counter()
        try:
            if each := account.watches_lanes:
                account.begin(())
            else:
                account.begin(names)
            for at in range(len(wanted)):
                if each:
                    account.begin((names[at],))
                if stored[at] is not None and stored[at].cell is not None:
                    self.cells[at] = stored[at].cell
                    continue
                if not room.take():
                    with waves.idle() if waves is not None else contextlib.nullcontext():
                        await room.wait()
                if self.stop is not None:
                    return
                self._start(at, wanted[at], stored[at], room)
                if time.perf_counter() - began > _TURN_S:
                    # Parked lanes and progress displays get their turn while many lanes start.
                    await asyncio.sleep(0)
                    began = time.perf_counter()
        except BudgetError as error:
            self.stop = error

    def _start(self, at: int, wanted: tuple[int, int, int], stored: Any, room: Gate) -> None:
        k, n, r = wanted
        lane = Lane(self.session, self.candidates[k][1], self.lucks[n], r, at)
        ids = (self.candidates[k][0], n, r)
        if self.engine.settings.trace:
            lane.trace = Tracer(self.tensors)
        ready, outcome = self._begin(lane, n, stored)
        if ready and not self.metric.per_item and lane.tasks is None:
            self.cells[at] = self._cell(lane, ids, outcome, None)
            room.release()
            return

        async def goes_on() -> None:
            try:
                self.cells[at] = await self._finish(lane, self.examples[n], ids, waiting)
            finally:
                room.release()

        if self.session.waves is not None:
            self.session.waves.lane_begins()
        waiting = _value(outcome) if ready else outcome
        task = self.session.loop.create_task(goes_on())
        self.live[task] = waiting
        if len(self.live) == MANY:
            self.collections.begin()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        # A task that was cancelled before its first step never came to await this.
        self.live.pop(task).close()
        if self.session.waves is not None:
            self.session.waves.lane_ends()
        if not task.cancelled() and task.exception() is not None and self.stop is None:
            self.stop = task.exception()

    async def _clear(self) -> None:
        """Leave nothing running."""
        # Calls in flight are paid for, so they are waited for; on cancellation nothing is.
        if isinstance(self.stop, BudgetError) and self.live:
            await asyncio.wait(list(self.live))
        left = list(self.live)
        for task in left:
            task.cancel()
        if left:
            await asyncio.gather(*left, return_exceptions=True)
        self.shelf.flush()

    def _begin(self, lane: Lane, n: int, stored: Any) -> tuple[bool, Any]:
        """Start a lane; ``(True, outcome)`` when it never waits, else ``(False, awaitable)``."""
        if stored is not None:
            lane.charges.update(stored.charges)
            lane.reached.update(stored.reached)
            return True, stored.prediction
        entry, inputs = self.entries[n], self._inputs(n)
        if lane.trace is not None:
            entry, inputs = lane.trace.begin(entry, inputs, lane.binding.values)
        limit = self.engine.settings.timeout_s
        if self.waits[n] or limit is not None:
            return False, _async_lane(lane, entry, inputs, not self.waits[n], limit)
        hosted = Hosted(_plain(entry, inputs))
        context = copy_context()
        context.run(FRAME.set, LaneFrame(lane, waits=True))
        try:
            done, value = hosted.begin(context)
        except (Exception, asyncio.CancelledError) as error:
            return True, _failed(error)
        return (True, value) if done else (False, hosted)

    def _inputs(self, n: int) -> dict[str, Any]:
        inputs = self.examples[n].inputs
        return dict(inputs) if self.shared[n] else {name: _fresh(value) for name, value in inputs.items()}

    def _name(self, n: int) -> str:
        return self.examples[n].key or f"{self.session.origin} #{n}"

    async def _finish(self, lane: Lane, example: Example, ids: Any, waiting: Any) -> Cell:
        began = time.perf_counter()
        try:
            outcome = await _guarded(waiting)
        except BaseException:
            for task in lane.tasks or ():
                task.cancel()
            raise
        await lane.end()
        if lane.fault is not None:
            # The program may have swallowed it and gone on without the answer.
            raise lane.fault
        if lane.shaky and isinstance(outcome, Failure):
            outcome = Failure(outcome.reason, "infrastructure")
        result = await self._judge(lane, example, outcome)
        return self._cell(lane, ids, outcome, result, time.perf_counter() - began)

    async def _judge(self, lane: Lane, example: Example, outcome: Any) -> ScoreResult | Failure | None:
        if not self.metric.per_item or isinstance(outcome, Failure):
            return None
        judging = Lane(lane.session, lane.binding, lane.luck, lane.repeat, lane.number)
        judging.charges = lane.charges
        token = FRAME.set(LaneFrame(judging, ("score",)))
        try:
            result = await self.metric.score(example, outcome)
        except INFRASTRUCTURE as error:
            return Failure(f"{type(error).__name__}: {error}", "infrastructure")
        except (BudgetError, MetricError, ProgramError, UnknownModel):
            raise
        except Exception as error:
            return Failure(f"the metric {self.metric.name} raised {type(error).__name__}: {error}")
        finally:
            FRAME.reset(token)
        if math.isnan(result.score):
            return Failure(f"the metric {self.metric.name} returned NaN")
        return result

    def _cell(
        self, lane: Lane, ids: tuple[str, int, int], outcome: Any, result: ScoreResult | Failure | None,
        seconds: float = 0.0,
    ) -> Cell:  # fmt: skip
        candidate, n, repeat = ids
        failure = outcome if isinstance(outcome, Failure) else result if isinstance(result, Failure) else None
        score: float | None = None
        feedback = ""
        if isinstance(result, ScoreResult):
            score, feedback = result.score, result.feedback
        elif failure is not None:
            feedback = failure.reason
            score = 0.0 if failure.kind == "program" and self.metric.per_item else None
        cell = Cell(
            candidate=candidate, example=self.examples[n].key or f"#{n}", repeat=repeat, score=score,
            feedback=feedback, failure=failure.reason if failure else None, prediction=outcome,
            reached=tuple(sorted(lane.reached)), **totals(lane.charges),
            trace=None if lane.trace is None else lane.trace.graph(outcome),
        )  # fmt: skip
        if not lane.shaky:
            self.shelf.keep(cell, self.examples[n], failure, lane.charges, result, seconds)
        return cell


async def _plain(entry: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
    return entry(**inputs)


async def _value(outcome: Any) -> Any:
    return outcome


def _fresh(value: Any) -> Any:
    try:
        return own(value)
    except Unshareable:
        return value


async def _guarded(waiting: Awaitable[Any]) -> Any:
    """The border where a failure becomes part of a cell."""
    try:
        return await waiting
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        return _failed(error)
    except Exception as error:
        return _failed(error)


async def _async_lane(
    lane: Lane, entry: Callable[..., Any], inputs: Mapping[str, Any], sync: bool, limit: float | None
) -> Any:
    while True:
        token = FRAME.set(LaneFrame(lane, waits=sync))
        cut = asyncio.timeout(limit)
        try:
            work = _plain(entry, inputs) if sync else entry(**inputs)
            if sync or lane.session.hosts:
                work = Hosted(work)
            async with cut:
                outcome = await work
        except NeedsHost:
            outcome = None
        except Exception as error:
            late = cut.expired() and isinstance(error, TimeoutError)
            outcome = Failure(f"CallTimeout: the lane took longer than timeout_s={limit}") if late else error
        finally:
            FRAME.reset(token)
        if not lane.needs_host:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        # Whatever the program made of it. Finished calls are shared, so only glue code is repeated.
        await lane.end()
        lane.over = lane.needs_host = False
        lane.calls = None


def _is_cancelled() -> bool:
    """Whether this task was asked to stop, rather than something inside it having been cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _failed(error: BaseException) -> Failure:
    if isinstance(error, BudgetError | ProgramError | UnknownModel):
        raise error
    kind = "infrastructure" if _is_infrastructure(error) else "program"
    return Failure(f"{type(error).__name__}: {error}", kind)


def _is_infrastructure(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_infrastructure, error.exceptions))
    return isinstance(error, INFRASTRUCTURE)
