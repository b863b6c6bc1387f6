"""The search of a run: asks under way at once, answers read in an order that does not depend on time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from hyperfunc.errors import BudgetExhausted
from hyperfunc.execution import Evaluations
from hyperfunc.optimizers.base import Ask, Proposed, Told

from .clock import Clock
from .stopping import StopCondition

if TYPE_CHECKING:
    from .deciding import Decider
    from .result import StepRecord

__all__ = ["Desk", "Searching"]

CONSULTATION_TICKS = 10.0
"""Cells that a worker could fill while a model writes a text."""


class Desk(Protocol):
    """What a search needs of its run."""

    history: list[StepRecord]

    def affords(self, ask: Ask, under_way: Sequence[Ask]) -> bool:
        """Whether an ask can be paid for in full, with those under way at their dearest."""
        ...

    def fresh(self, ask: Ask) -> int:
        """An ask begins: how many of its cells nobody has asked for before."""
        ...

    async def evaluate(self, ask: Ask, number: int) -> Evaluations:
        """Fill the cells of an ask."""
        ...

    async def consult(self, ask: Ask, number: int) -> Proposed:
        """Have texts written."""
        ...

    def learn(self, ask: Ask, number: int, answer: Evaluations | None, told: Told) -> None:
        """Take what an answer cost into account, and note the step."""
        ...


@dataclass(order=True)
class _UnderWay:
    """An ask that is being answered; the one that is due first is read first."""

    due: float
    number: int
    ask: Ask = field(compare=False)
    task: asyncio.Task[Evaluations | Proposed] = field(compare=False)


class Searching:
    """Asks an optimizer, has its asks answered, and tells it.

    An optimizer that is not pipelined is asked and told in turn. A pipelined one is asked as long as it wants
    something, and told in the order of a :class:`Clock`.

    Args:
        decider: the optimizer at work.
        desk: fills cells and has texts written.
        stops: conditions that may end it early.

    Attributes:
        stopped: why it ended.
        refused: the ask that the budget could not pay, if that is why.
    """

    def __init__(self, decider: Decider, desk: Desk, stops: Sequence[StopCondition]) -> None:
        self._decider = decider
        self._desk = desk
        self._stops = stops
        self._clock = Clock(decider.workers, CONSULTATION_TICKS)
        self._under_way: list[_UnderWay] = []
        self._numbers = itertools.count()
        self._closing = False
        self.stopped = ""
        self.refused: Ask | None = None

    async def run(self, used_up: Callable[[], str]) -> None:
        """Search to the end.

        Args:
            used_up: says why the budget let nothing more begin.
        """
        try:
            while True:
                self._begin(used_up)
                if not self._under_way:
                    break
                first = heapq.heappop(self._under_way)
                self._clock.now = max(self._clock.now, first.due)
                try:
                    answer = await first.task
                except BudgetExhausted:
                    # What this ask had filled by now is kept, but not told: how much of it is there depends
                    # on timing, and a decision never may.
                    self.stopped = used_up()
                    break
                except Exception:
                    await self._wait()
                    raise
                self._tell(first, answer)
                if not self._closing and (reason := self._reason()):
                    self.stopped, self._closing = reason, True
            await self._wait()
        finally:
            for task in self._left():
                task.cancel()
            await self._wait()
        self.stopped = self.stopped or self._decider.ended

    def _left(self) -> list[asyncio.Task[Evaluations | Proposed]]:
        return [each.task for each in self._under_way]

    async def _wait(self) -> None:
        """Until nothing is in flight, for that is paid for, and will be in the ledger."""
        await asyncio.gather(*self._left(), return_exceptions=True)

    def _begin(self, used_up: Callable[[], str]) -> None:
        """Begin what the optimizer wants, as far as it can be paid for."""
        clock = self._clock
        while not self._closing and (self._decider.pipelined or not self._under_way):
            ask = self._decider.ask(clock.load)
            if ask is None:
                return
            if not self._desk.affords(ask, [each.ask for each in self._under_way]):
                self.stopped, self._closing, self.refused = used_up(), True, ask
                return
            number = next(self._numbers)
            work: Coroutine[Any, Any, Evaluations | Proposed]
            fresh = self._desk.fresh(ask)
            if ask.consult is not None:
                asks_models = ask.consult.proposer.calls > 0
                due = clock.consultation(len(ask.consult.names)) if asks_models else clock.cells(1)
                work = self._desk.consult(ask, number)
            else:
                due = clock.cells(fresh)
                work = self._desk.evaluate(ask, number)
            task: asyncio.Task[Any] = asyncio.get_running_loop().create_task(work)
            heapq.heappush(self._under_way, _UnderWay(due, number, ask, task))

    def _tell(self, done: _UnderWay, answer: Evaluations | Proposed) -> None:
        if isinstance(answer, Proposed):
            told, evaluations = Told(np.empty(0), proposed=answer), None
        else:
            told = Told(answer.values_K, answer.scores_KN, answer.feedback, answer.details)
            evaluations = answer
        self._decider.tell(done.ask, told)
        self._desk.learn(done.ask, done.number, evaluations, told)

    def _reason(self) -> str | None:
        return next(filter(None, (stop(self._desk.history) for stop in self._stops)), None)
