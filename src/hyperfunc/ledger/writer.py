"""The write path: puts go into memory and return; one thread commits them in batches.

Nothing waits longer than :data:`LINGER_SECONDS` for its commit to begin, and a batch that could not be
committed stays first in line, so a full disk or a locked file delays rows but does not lose them.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hyperfunc.errors import LedgerError
from hyperfunc.ledger.files import spoken

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from hyperfunc.ledger.codec import Storable

__all__ = ["LINGER_SECONDS", "Writer"]

LINGER_SECONDS = 0.25
"""How long the first row of a batch waits for company.

A thread that commits row by row beside busy Python code waits for the interpreter's lock at each row, so it
leaves the work to those who flush, and only sees to it that nothing stays in memory for long.
"""

_RETRY_SECONDS = 0.5
_FULL = 20_000
"""Rows in memory from which on whoever puts more writes them first."""

Row = tuple["Storable", ...]


@dataclass(slots=True)
class _Batch:
    """Rows by statement, in the order of putting; the keys that readers must not miss; who waits."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    waiters: list[Future[None]] = field(default_factory=list)
    size: int = 0

    def take(self, later: _Batch) -> None:
        for statement, rows in later.rows.items():
            self.rows.setdefault(statement, []).extend(rows)
        self.keys |= later.keys
        self.waiters += later.waiters
        self.size += later.size


class Writer:
    """Commits rows to one connection. Any thread may call any method.

    Args:
        db: a connection in autocommit mode, used by nobody else without :attr:`lock`.
        path: the file, for messages.
        order: all statements, in the order in which one commit executes them.
    """

    def __init__(self, db: sqlite3.Connection, path: Path, order: Iterable[str]) -> None:
        self.lock = threading.RLock()
        self._db = db
        self._path = path
        self._order = tuple(order)
        self._door = threading.Lock()  # guards the two batches, and is never held while SQLite works
        self._coming = _Batch()
        self._going = _Batch()
        self._trouble: LedgerError | None = None
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._open = True
        self._thread = threading.Thread(target=self._loop, name="hyperfunc-ledger", daemon=True)
        self._thread.start()

    def put(self, rows: Iterable[tuple[str, Row]], key: str | None = None) -> None:
        """Take rows (statement, values) in; they are committed together.

        Args:
            rows: already checked, so that the batch cannot fail because of them.
            key: what :meth:`holds` is asked for.

        Raises:
            LedgerError: rows could not be written lately. These are kept, too, and written when the trouble
                is over.
        """
        with self._door:
            batch = self._coming
            for statement, row in rows:
                batch.rows.setdefault(statement, []).append(row)
                batch.size += 1
            if key is not None:
                batch.keys.add(key)
            size = batch.size
        if not self._wake.is_set():
            self._wake.set()
        if self._trouble:
            raise self._trouble
        if size >= _FULL:
            self.flush()

    def holds(self, key: str) -> bool:
        """Whether a row put with this key is not committed yet."""
        return key in self._coming.keys or key in self._going.keys

    def idle(self, statements: Sequence[str]) -> bool:
        """Whether no row of these statements waits for its commit."""
        with self._door:
            return not any(s in self._coming.rows or s in self._going.rows for s in statements)

    def flush(self) -> None:
        """Commit everything that was put so far, on this thread.

        Raises:
            LedgerError: it cannot be written; nothing is lost and it is tried again.
        """
        with self.lock:
            self._commit()

    def committed(self) -> Future[None]:
        """Done when everything put so far is committed; the writer begins at once."""
        future: Future[None] = Future()
        with self._door:
            self._coming.waiters.append(future)
        self._hurry.set()
        self._wake.set()
        return future

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is put inside lands in one commit."""
        with self.lock:
            yield

    def close(self) -> None:
        """Commit what is left, end the thread and close the connection."""
        with self.lock:
            try:
                self._commit()
            finally:
                self._open = False
                self._hurry.set()
                self._wake.set()
                self._db.close()

    def _loop(self) -> None:
        while self._wake.wait():
            self._hurry.wait(_RETRY_SECONDS if self._trouble else LINGER_SECONDS)
            with self.lock:
                if not self._open:
                    return
                with suppress(LedgerError):  # it is kept as the trouble that the next put reports
                    self._commit()

    def _commit(self) -> None:
        with self._door:
            self._wake.clear()
            self._hurry.clear()
            self._going.take(self._coming)
            self._coming = _Batch()
        if not self._going.size:
            self._finish(None)
            return
        try:
            with spoken(self._path):
                self._write()
        except LedgerError as error:
            self._wake.set()
            self._finish(error)
            raise
        self._finish(None)

    def _write(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for statement in self._order:
                if rows := self._going.rows.get(statement):
                    self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _finish(self, error: LedgerError | None) -> None:
        self._trouble = error
        waiters = self._going.waiters
        if error is None:
            with self._door:
                self._going = _Batch()
        else:
            self._going.waiters = []
        for waiter in waiters:
            if waiter.set_running_or_notify_cancel():
                waiter.set_exception(error) if error else waiter.set_result(None)
