"""The ledger: the append-only file of what was paid and kept. Cache, checkpoint and evidence in one."""

from __future__ import annotations

from pathlib import Path
from typing import Self, final

from hyperfunc.ledger import statements as sql
from hyperfunc.ledger.cells import Cells
from hyperfunc.ledger.evidence import Evidence
from hyperfunc.ledger.files import connect_memory, connect_reading, connect_writing, ledger_path
from hyperfunc.ledger.history import History
from hyperfunc.ledger.locks import FileClaims, MemoryClaims
from hyperfunc.ledger.paid import Paid
from hyperfunc.ledger.registry import Runs
from hyperfunc.ledger.rows import LedgerStats

__all__ = ["Ledger"]


@final
class Ledger(Cells, Paid, History, Runs, Evidence):
    """One ledger file. Get one from :meth:`open` or :meth:`memory`.

    Puts return at once and are committed within about 10 ms by one thread, or by :meth:`flush`; reads see
    everything that was put in this process. Any thread may call, many processes may read and several may
    write at the same time. What is committed survives the death of the process (``kill -9``) at any moment;
    a power cut may lose the last commits. After a fork the child opens its own.

    Nothing is ever deleted: a cell with one score takes about 0.4 kB, beside what predictions,
    feedback and answers take as JSON; :meth:`stats` says how much. An unwanted ledger is a file to remove.

    Example::

        >>> with Ledger.memory() as ledger:
        ...     ledger.put_call("key", "route", b'"billing"')
        ...     ledger.get_call("key")
        b'"billing"'
    """

    @classmethod
    def open(cls, path: str | Path | None = None, *, readonly: bool = False) -> Self:
        """Open a ledger file; make it when it is not there.

        Args:
            path: a file, or a folder that gets ``ledger.sqlite`` inside; ``None`` means the environment
                variable ``HYPERFUNC_LEDGER``, else ``./.hyperfunc``.
            readonly: never write, and fail when there is no ledger.

        Raises:
            LedgerError: it cannot be opened, is no ledger, or was written by a newer hyperfunc.
        """
        file = ledger_path(path)
        writing = None if readonly else connect_writing(file)
        return cls(file, connect_reading(file), writing, FileClaims(file.with_suffix(".locks")))

    @classmethod
    def memory(cls) -> Self:
        """A ledger that lives in memory alone, for tests and for runs that nobody will resume."""
        db = connect_memory()
        return cls(Path(":memory:"), db, db, MemoryClaims())

    def stats(self) -> LedgerStats:
        """How many rows and bytes there are."""
        sizes = self._all(sql.SIZES, (), *sql.ORDER)
        files = [self.path.with_name(self.path.name + end) for end in ("", "-wal")]
        return LedgerStats(
            path=str(self.path),
            file_bytes=sum(file.stat().st_size for file in files if file.exists()),
            rows={table: count for table, count, _ in sizes},
            content_bytes={table: int(total) for table, _, total in sizes},
        )
