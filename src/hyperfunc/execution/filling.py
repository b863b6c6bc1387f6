"""One evaluation's lanes: started as far as there is room and budget, awaited, judged, and kept."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import math
import time
from collections.abc import Sequence
from contextvars import copy_context
from typing import Any

from hyperfunc.errors import BudgetError, MetricError, ProgramError, UnknownModel
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.program.binding import FRAME, Binding
from hyperfunc.program.graph import CallGraph
from hyperfunc.types import Cell, Exchange, Failure, ScoreResult

from .account import totals
from .exchanges import exchanges_of
from .frames import INFRASTRUCTURE, LaneFrame
from .garbage import MANY, Seldom
from .gate import Gate
from .hosting import Hosted
from .lanes import Lane
from .outcomes import async_lane, failed, guarded, plainly
from .session import Session
from .settings import Program, Settings
from .sharing import Unshareable, own, unchangeable
from .shelf import Shelf
from .tracing.tensor_trace import Before
from .tracing.tracer import Tracer

__all__ = ["Filling"]

_LIVE_LANES = 4096
_TURN_S = 0.02


class Filling:
    """One call of :meth:`~hyperfunc.execution.Engine.fill`.

    Args:
        program: what the lanes run.
        settings: limits.
        session: what the lanes share.
        shelf: where cells are kept.
        candidates: content id and values of each.
        examples: they are tried on.
        metric: judges each prediction when it is per item.
    """

    def __init__(
        self, program: Program, settings: Settings, session: Session, shelf: Shelf,
        candidates: Sequence[tuple[str, Binding]], examples: Sequence[Example], metric: Metric,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.session = session
        self.shelf = shelf
        self.candidates = candidates
        self.examples = examples
        self.metric = metric
        self.lucks = [e.luck or f"#{n}" for n, e in enumerate(examples)]
        self.entries = [program.entry(e) for e in examples]
        self.waits = [inspect.iscoroutinefunction(entry) for entry in self.entries]
        # A program may change what it is given, and the next lane must not see that.
        self.shared = [all(map(unchangeable, e.inputs.values())) for e in examples]
        self.stop: BaseException | None = None
        self.tensors: Before | None = None

    async def run(self, wanted: Sequence[tuple[int, int, int]], stored: Sequence[Any]) -> list[Cell]:
        """The cells of the wanted (candidate, example, repeat), in order; what is stored is not run again."""
        self.cells: list[Any] = [None] * len(wanted)
        self.live: dict[asyncio.Task[None], Any] = {}
        self.collections = Seldom()
        self.turn: asyncio.Future[None] | None = None
        waves = self.session.waves
        try:
            with waves.holding() if waves is not None else contextlib.nullcontext():
                await self._launch(wanted, stored)
            while self.live and self.stop is None:
                self.turn = self.session.loop.create_future()
                await self.turn
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
        account, waves = self.session.account, self.session.waves
        names = [(self.candidates[k][0], self._name(n), r) for k, n, r in wanted]
        room = Gate(self.settings.max_batch_size or _LIVE_LANES)
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
        if self.settings.trace or self.settings.exchanges or self.metric.traced:
            lane.trace = Tracer(self.tensors)
        ready, outcome = self._begin(lane, n, stored)
        if ready and not self.metric.per_item and lane.tasks is None:
            self.cells[at] = self._cell(lane, ids, outcome, None, graph=self._graph(lane, outcome))
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
        turn = self.turn
        if turn is not None and not turn.done() and (self.stop is not None or not self.live):
            turn.set_result(None)

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
            lane.exchanges = stored.exchanges
            return True, stored.prediction
        entry, inputs = self.entries[n], self._inputs(n)
        if lane.trace is not None:
            entry, inputs = lane.trace.begin(entry, inputs, lane.binding.values)
        limit = self.settings.timeout_s
        if self.waits[n] or limit is not None:
            return False, async_lane(lane, entry, inputs, not self.waits[n], limit)
        hosted = Hosted(plainly(entry, inputs))
        context = copy_context()
        context.run(FRAME.set, LaneFrame(lane, waits=True))
        try:
            done, value = hosted.begin(context)
        except (Exception, asyncio.CancelledError) as error:
            return True, failed(error)
        return (True, value) if done else (False, hosted)

    def _inputs(self, n: int) -> dict[str, Any]:
        inputs = self.examples[n].inputs
        return dict(inputs) if self.shared[n] else {name: _fresh(value) for name, value in inputs.items()}

    def _name(self, n: int) -> str:
        return self.examples[n].key or f"{self.session.origin} #{n}"

    async def _finish(self, lane: Lane, example: Example, ids: Any, waiting: Any) -> Cell:
        began = time.perf_counter()
        try:
            outcome = await guarded(waiting)
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
        graph = self._graph(lane, outcome)
        result = await self._judge(lane, example, outcome, graph)
        return self._cell(lane, ids, outcome, result, time.perf_counter() - began, graph)

    def _graph(self, lane: Lane, outcome: Any) -> CallGraph | None:
        return None if lane.trace is None else lane.trace.graph(outcome)

    def _exchanges(self, lane: Lane, graph: CallGraph | None) -> tuple[Exchange, ...]:
        if not self.settings.exchanges:
            return ()
        # A lane that comes from the ledger made no calls now.
        return lane.exchanges if lane.exchanges or graph is None else exchanges_of(graph)

    async def _judge(
        self, lane: Lane, example: Example, outcome: Any, graph: CallGraph | None
    ) -> ScoreResult | Failure | None:
        if not self.metric.per_item or isinstance(outcome, Failure):
            return None
        judging = Lane(lane.session, lane.binding, lane.luck, lane.repeat, lane.number)
        judging.charges = lane.charges
        token = FRAME.set(LaneFrame(judging, ("score",)))
        try:
            result = await self.metric.score(example, outcome, trace=graph if self.metric.traced else None)
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
        seconds: float = 0.0, graph: CallGraph | None = None,
    ) -> Cell:  # fmt: skip
        candidate, n, repeat = ids
        lane.session.charges.update(lane.charges)
        failure = outcome if isinstance(outcome, Failure) else result if isinstance(result, Failure) else None
        score: float | None = None
        feedback, details = "", {}
        if isinstance(result, ScoreResult):
            score, feedback, details = result.score, result.feedback, result.details
        elif failure is not None:
            feedback = failure.reason
            score = 0.0 if failure.kind == "program" and self.metric.per_item else None
        cell = Cell(
            candidate=candidate, example=self.examples[n].key or f"#{n}", repeat=repeat, score=score,
            feedback=feedback, failure=failure.reason if failure else None, prediction=outcome,
            reached=tuple(sorted(lane.reached)), **totals(lane.charges),
            details=details, exchanges=self._exchanges(lane, graph),
            trace=graph if self.settings.trace else None,
        )  # fmt: skip
        if not lane.shaky:
            self.shelf.keep(cell, self.examples[n], failure, lane.charges, result, seconds)
        return cell


async def _value(outcome: Any) -> Any:
    return outcome


def _fresh(value: Any) -> Any:
    try:
        return own(value)
    except Unshareable:
        return value
