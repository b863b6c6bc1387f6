"""Work that is sent off beside a run: in order, in one thread, and never waited for longer than allowed."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import queue
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Sender"]

_CAPACITY = 1000
_POLL_S = 0.02
_AT_EXIT_S = 5.0
_WORDS = 200


@dataclass(frozen=True, slots=True)
class _Job:
    what: str
    work: Callable[[], None]
    vital: bool


class Sender:
    """Does jobs one after another in a thread of its own.

    A job that raises is noted; the others go on, unless it was the ``vital`` one. Nothing here raises or
    blocks.

    Args:
        capacity: jobs that may wait; further ones are dropped, and noted.
    """

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue(capacity)
        self._ended = threading.Event()
        self._stopped = threading.Event()
        self._doing: str | None = None
        self._failures: dict[str, str] = {}
        self._dropped: dict[str, int] = {}
        self._thread: threading.Thread | None = None

    def put(self, what: str, work: Callable[[], None], *, vital: bool = False) -> None:
        """Have something done.

        Args:
            what: it is, for the note when it fails: "the prompts".
            work: does it.
            vital: without it nothing else makes sense.
        """
        if self._stopped.is_set():
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="hyperfunc-sender", daemon=True)
            self._thread.start()
            _living.add(self)
        try:
            self._jobs.put_nowait(_Job(what, work, vital))
        except queue.Full:
            self._dropped[what] = self._dropped.get(what, 0) + 1

    def close(self) -> None:
        """Nothing more will be put; what waits is still done."""
        if self._thread is None:
            self._ended.set()
        try:
            self._jobs.put_nowait(None)
        except queue.Full:
            self._stopped.set()

    def give_up(self) -> None:
        """Do nothing more after the job that is being done."""
        self._stopped.set()
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait(None)

    async def drained(self, seconds: float) -> bool:
        """Wait until everything is done, for so long at most, and say whether it is."""
        until = time.monotonic() + seconds
        while not self._ended.is_set() and time.monotonic() < until:  # noqa: ASYNC110 - an event of a thread
            await asyncio.sleep(_POLL_S)
        return self._ended.is_set()

    def complaints(self) -> list[str]:
        """What went wrong, each with its reason; and what is not done yet."""
        said = [f"{what} failed ({reason})" for what, reason in self._failures.items()]
        said += [f"{what} came too fast {count} times" for what, count in self._dropped.items()]
        if not self._ended.is_set():
            waiting = [self._doing, *(job.what for job in list(self._jobs.queue) if job is not None)]
            late = ", ".join(dict.fromkeys(what for what in waiting if what))
            said.append(f"{late or 'its end'} took too long")
        return said

    def fail(self, what: str, error: BaseException) -> None:
        """Note a failure."""
        words = " ".join(str(error).split())[:_WORDS]
        self._failures.setdefault(what, f"{type(error).__name__}: {words}" if words else type(error).__name__)

    def wait(self, seconds: float) -> None:
        """Block until everything is done, for so long at most."""
        self._ended.wait(seconds)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped.is_set():
            self._doing = job.what
            try:
                job.work()
            except Exception as error:  # whatever it is, the run must not feel it
                self.fail(job.what, error)
                if job.vital:
                    break
            if self._stopped.is_set():
                break
        self._stopped.set()
        self._ended.set()


_living: weakref.WeakSet[Sender] = weakref.WeakSet()


@atexit.register
def _last_chance() -> None:
    """A run that broke off has put its end last; a process that ends right after it waits a little."""
    until = time.monotonic() + _AT_EXIT_S
    for sender in list(_living):
        if not sender._stopped.is_set():
            sender.close()
            sender.wait(max(0.0, until - time.monotonic()))
