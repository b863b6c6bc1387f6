"""A lane, and what one call inside of it did."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import BudgetError
from hyperfunc.program.binding import Binding
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.program.policy import count_call
from hyperfunc.types import Exchange

from .account import Charge
from .gate import Gate

if TYPE_CHECKING:
    from hyperfunc.ledger import Reservation

    from .session import Session
    from .sharing import Flight
    from .tracing.tracer import Tracer

__all__ = ["Lane", "NeedsHost", "Record"]


class NeedsHost(BaseException):
    """Synchronous code inside an ``async`` lane has to wait, and the lane runs without a host.

    Not an ``Exception``, so that no program swallows it; the engine runs the lane again with a host.
    """


class Lane:
    """One candidate on one example, once.

    Args:
        session: the evaluation it is part of.
        binding: the candidate's values.
        luck: what its seeds depend on, besides places and the repeat.
        repeat: from 0.
        number: tells it from the other lanes of the evaluation.

    Attributes:
        fault: why the evaluation has to stop, even if the program swallows it.
        shaky: trouble with the infrastructure reached the program, so its outcome is not kept.
        needs_host: sync code had to wait without a host; the lane is run again with one.
        over: the program has ended; calls of tasks and threads that it left behind are refused.
        flying: calls under way.
        reached: names of the functions that were called.
        trace: records its calls, or ``None``.
        exchanges: its calls as the ledger has them.
    """

    __slots__ = (
        "_quiet", "binding", "calls", "charges", "exchanges", "fault", "flying", "luck", "needs_host",
        "number", "over", "reached", "repeat", "session", "shaky", "tasks", "trace",
    )  # fmt: skip

    def __init__(self, session: Session, binding: Binding, luck: str, repeat: int, number: int = 0) -> None:
        self.session = session
        self.binding = binding
        self.luck = luck
        self.repeat = repeat
        self.number = number
        self.charges: dict[str, Charge] = {}
        self.reached: set[str] = set()
        self.calls: dict[str, int] | None = None
        self.tasks: set[asyncio.Task[Any]] | None = None
        self.fault: BudgetError | None = None
        self.shaky = False
        self.needs_host = False
        self.over = False
        self.flying = 0
        self._quiet: asyncio.Future[None] | None = None
        self.trace: Tracer | None = None
        self.exchanges: tuple[Exchange, ...] = ()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """A task that the program started."""
        if self.tasks is None:
            self.tasks = set()
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def landed(self) -> None:
        """A call has ended."""
        self.flying -= 1
        if self.flying == 0 and self._quiet is not None and not self._quiet.done():
            self._quiet.set_result(None)

    async def end(self) -> None:
        """The program has ended: calls under way are finished, for they are paid; tasks left behind are
        cancelled, as ``asyncio.run`` does.
        """
        self.over = True
        while self.flying:
            self._quiet = self.session.loop.create_future()
            await self._quiet
        tasks = list(self.tasks or ())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    def count(self, fn: HyperFunction) -> None:
        """Count a call against the function's ``max_calls``."""
        if self.calls is None:
            self.calls = {}
        count_call(self.calls, fn.name, fn.policy)


class Record:
    """What one call did, for itself and for the calls around it."""

    __slots__ = (
        "charges", "fault", "flight", "over", "parent", "permit", "prepaid", "reads", "requests", "seed_read",
    )  # fmt: skip

    def __init__(self, parent: Record | None) -> None:
        self.parent = parent
        self.flight: Flight | None = None
        self.fault: BudgetError | None = None
        self.over = False
        self.reads: dict[HyperFunction | str, str] = {}
        self.charges: dict[str, Charge] = {}
        self.seed_read = False
        self.permit: Gate | None = None
        self.prepaid: Reservation | None = None
        self.requests = 0

    def give_back(self) -> None:
        """Return the concurrency permit: a call that waits for inner calls holds none."""
        if self.permit is not None:
            self.permit.release()
            self.permit = None

    def read(self, owner: HyperFunction | str, token: str) -> None:
        """It depends on the values of ``owner``, and so do the calls around it."""
        record: Record | None = self
        while record is not None:
            record.reads[owner] = token
            record = record.parent

    def charge(self, key: str, charge: Charge) -> None:
        """It used a paid call, and so did the calls around it."""
        record: Record | None = self
        while record is not None:
            record.charges[key] = charge
            record = record.parent

    def refuse(self, error: BudgetError) -> None:
        """The budget refused something in it: neither it nor a call around it has a result."""
        record: Record | None = self
        while record is not None:
            record.fault = error
            record = record.parent

    def mark_seed(self) -> None:
        """It depends on its seed, and so do the calls around it."""
        record: Record | None = self
        while record is not None:
            record.seed_read = True
            record = record.parent

    def is_inside_paid(self) -> bool:
        """Whether a call around it is counted as paid."""
        outer = self.parent
        while outer is not None:
            if outer.prepaid is not None or outer.requests:
                return True
            outer = outer.parent
        return False
