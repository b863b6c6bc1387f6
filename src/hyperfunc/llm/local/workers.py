"""Threads that run engines: they take what waits, in the order asked, whenever rows are free."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.jobs import Completion, Generation, Job

__all__ = ["Ticket", "Workers", "available_cores"]

_IDLE_SECONDS = 5.0
_SMALLEST_SHARE = 16
_REFILL_SHARE = 4


class Ticket:
    """A job, and where its result goes.

    Args:
        job: what to do.
        deliver: called once, on a worker thread, with a generation or the error that ended it.
        progress: called there after every step while the completion is under way.
    """

    def __init__(
        self,
        job: Job,
        deliver: Callable[[Ticket, Generation | Exception], None],
        progress: Callable[[Completion], None] | None = None,
    ) -> None:
        self.job = job
        self.deliver = deliver
        self.progress = progress
        self.abandoned = False


class Workers:
    """A queue of tickets and the threads that empty it. Threads start when needed and end when idle.

    Args:
        new_engine: makes the engine of one thread.
        threads: most threads at work.
    """

    def __init__(self, new_engine: Callable[[], Engine], threads: int) -> None:
        self._new_engine = new_engine
        self._threads = threads
        self._waiting: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._alive = 0
        self._busy = 0

    def submit(self, tickets: Sequence[Ticket]) -> None:
        """Put tickets at the end of the queue."""
        with self._changed:
            self._waiting.extend(tickets)
            useful = -(-len(self._waiting) // _SMALLEST_SHARE)
            while self._alive < self._threads and self._alive - self._busy < useful:
                self._alive += 1
                threading.Thread(target=self._work, name="hyperfunc-local", daemon=True).start()
            self._changed.notify_all()

    def _work(self) -> None:
        engine = self._new_engine()
        running: dict[Completion, Ticket] = {}
        while (tickets := self._take(engine, bool(running))) is not None:
            if not tickets and not running:
                continue
            try:
                self._advance(engine, tickets, running)
            except Exception as error:
                # A failure must reach whoever waits, not end the thread.
                for ticket in {*running.values(), *tickets}:
                    ticket.deliver(ticket, error)
                engine, running = self._new_engine(), {}
            if not running:
                with self._changed:
                    self._busy -= 1

    def _advance(self, engine: Engine, tickets: list[Ticket], running: dict[Completion, Ticket]) -> None:
        if tickets:
            completions = engine.admit([ticket.job for ticket in tickets])
            running.update(zip(completions, tickets, strict=True))
        if any(ticket.abandoned for ticket in running.values()):
            engine.discard(lambda completion: running[completion].abandoned)
            for completion in [c for c, ticket in running.items() if ticket.abandoned]:
                del running[completion]
        for completion in engine.step():
            ticket = running.pop(completion)
            ticket.deliver(ticket, completion.generation())
        for completion, ticket in running.items():
            if ticket.progress is not None:
                ticket.progress(completion)

    def _take(self, engine: Engine, busy: bool) -> list[Ticket] | None:
        """Tickets to add now: none while few rows are free; ``None`` when the thread should end."""
        if busy and engine.free * _REFILL_SHARE < engine.free + engine.active:
            return []
        with self._changed:
            if not busy and not self._changed.wait_for(lambda: bool(self._waiting), _IDLE_SECONDS):
                self._alive -= 1
                return None
            share = -(-len(self._waiting) // max(1, self._alive - self._busy))
            taken: list[Ticket] = []
            while self._waiting and len(taken) < min(max(share, _SMALLEST_SHARE), engine.free):
                ticket = self._waiting.popleft()
                if not ticket.abandoned:
                    taken.append(ticket)
            self._busy += not busy and bool(taken)
            return taken


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
