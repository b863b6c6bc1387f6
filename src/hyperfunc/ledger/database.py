"""The two connections of a ledger: one that commits batches, one that reads."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from hyperfunc.errors import LedgerError
from hyperfunc.ledger.files import spoken
from hyperfunc.ledger.statements import ORDER
from hyperfunc.ledger.writer import Writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from contextlib import AbstractContextManager
    from pathlib import Path
    from types import TracebackType

    from hyperfunc.ledger.codec import Storable
    from hyperfunc.ledger.locks import Claims

__all__ = ["Database"]

_Row = tuple["Storable", ...]

_OPEN: weakref.WeakSet[Database] = weakref.WeakSet()


class Database:
    """What the tables of a ledger share; see :class:`hyperfunc.ledger.Ledger`.

    Args:
        path: the file, for messages.
        reading: a connection to the file.
        writing: another one, or the same (in memory), or None when nothing may be written.
        claims: who writes which run.
    """

    def __init__(
        self, path: Path, reading: sqlite3.Connection, writing: sqlite3.Connection | None, claims: Claims
    ) -> None:
        self.path = path
        self._claims = claims
        self._reading = reading
        self._writer = Writer(writing, path, ORDER) if writing else None
        shared = self._writer is not None and writing is reading
        # One connection serves one thread at a time.
        self._turn = self._writer.lock if self._writer and shared else threading.RLock()
        self._forked = False
        _OPEN.add(self)
        apart = None if shared else reading
        self._finalizer = weakref.finalize(self, _close, os.getpid(), self._turn, apart, self._writer)

    def flush(self) -> None:
        """Commit everything that was put so far; when it returns, it survives ``kill -9``.

        Raises:
            LedgerError: it cannot be written now; the rows stay in memory and are tried again.
        """
        self._check()
        if self._writer:
            self._writer.flush()

    def committed(self) -> Future[None]:
        """A future that is done when everything put so far is committed; many may share one commit.

        Example::

            await asyncio.wrap_future(ledger.committed())
        """
        return self._to_write().committed()

    def together(self) -> AbstractContextManager[None]:
        """A context in which everything that is put lands in one commit, even under ``kill -9``.

        Do not read inside what was put inside: that would commit it early. Other threads may put, but
        wait when they flush.
        """
        return self._to_write().together()

    def close(self) -> None:
        """Commit what is left and close the file. It happens at exit, too; closing twice does nothing."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check(self) -> None:
        """Refuse a closed ledger, and one that came here by a fork: SQLite must not be used across it."""
        if not self._finalizer.alive:
            raise LedgerError(f"the ledger at {self.path} is closed: open it again")
        if self._forked:
            raise LedgerError(f"the ledger at {self.path} came here by a fork: open it again")

    def _to_write(self) -> Writer:
        self._check()
        if self._writer is None:
            raise LedgerError(f"the ledger at {self.path} is open for reading only: open it without readonly")
        return self._writer

    def _put(self, rows: Iterable[tuple[str, _Row]], waiting: str | None = None) -> None:
        """Take checked rows in; ``waiting`` is the key under which :meth:`_one` asks for them."""
        self._to_write().put(rows, waiting)

    def _all(self, query: str, values: _Row, *written_by: str) -> list[tuple[Any, ...]]:
        """The rows of a query, after what the statements ``written_by`` put in this process."""
        with self._reader(*written_by) as execute:
            return execute(query, values).fetchall()

    def _one(self, query: str, values: _Row, waiting: str) -> tuple[Any, ...] | None:
        """The first row of a query, after what was put under this key in this process."""
        if self._writer and self._writer.holds(waiting):
            self.flush()
        self._check()
        with self._turn, spoken(self.path):
            row: tuple[Any, ...] | None = self._reading.execute(query, values).fetchone()
            return row

    @contextmanager
    def _reader(self, *written_by: str) -> Iterator[Callable[[str, Any], sqlite3.Cursor]]:
        """The reading connection's ``execute``, after what these statements put in this process."""
        self._check()
        if self._writer and not self._writer.idle(written_by):
            self._writer.flush()
        with self._turn, spoken(self.path):
            yield self._reading.execute


def _after_fork() -> None:
    # Noticed once here, and not at every call: asking for the process's number is a system call.
    for database in _OPEN:
        database._forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _close(
    pid: int, turn: threading.RLock, reading: sqlite3.Connection | None, writer: Writer | None
) -> None:
    if os.getpid() != pid:
        return
    if reading:
        with turn:
            reading.close()
    if writer:
        writer.close()  # the last to go, since only a writer can fold the log into the file
