"""Where a ledger lies, and how its file is opened. Whatever is wrong with it becomes one sentence.

The file is in write-ahead mode with ``synchronous=NORMAL``: a commit survives the death of the process at
any moment; a power cut may lose the last commits, never the file's consistency. The mode needs shared
memory, so the folder must be on a local disk.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hyperfunc.errors import LedgerError
from hyperfunc.ledger.migrations import APPLICATION_ID, MIGRATIONS, migrate, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BUSY_SECONDS", "connect_memory", "connect_reading", "connect_writing", "ledger_path", "spoken"]

BUSY_SECONDS = 30.0
"""How long a statement waits for another process's commit."""

_FOLDER = ".hyperfunc"
_FILE = "ledger.sqlite"


def ledger_path(path: str | Path | None) -> Path:
    """The file for a path: a folder (or a name without a suffix) gets ``ledger.sqlite`` inside.

    Args:
        path: ``None`` means the environment variable ``HYPERFUNC_LEDGER``, else ``./.hyperfunc``.
    """
    chosen = Path(os.environ.get("HYPERFUNC_LEDGER") or _FOLDER) if path is None else Path(path)
    chosen = chosen.expanduser().absolute()
    try:
        # One look: another process may be making the folder.
        folder = stat.S_ISDIR(chosen.stat().st_mode)
    except OSError:
        folder = not chosen.suffix
    return chosen / _FILE if folder else chosen


def connect_writing(path: Path) -> sqlite3.Connection:
    """Open a ledger for writing; make it if it is not there, migrate it if it is old."""
    _make_folder(path.parent)
    with spoken(path):
        db = _connect(f"{path.as_uri()}?mode=rwc")
        try:
            _check_identity(db, path)
            _use_wal(db)
            db.execute("PRAGMA synchronous = NORMAL")
            migrate(db)
        except BaseException:
            db.close()
            raise
    return db


def connect_reading(path: Path) -> sqlite3.Connection:
    """Open a ledger that is there, for reading only."""
    if not path.exists():
        raise LedgerError(f"there is no ledger at {path}: run an optimization first, or name another path")
    with spoken(path):
        db = _open_to_read(path)
        try:
            if not _check_identity(db, path):
                raise LedgerError(f"the ledger at {path} is empty: run an optimization first")
            if version_of(db) < len(MIGRATIONS):
                raise LedgerError(f"the ledger at {path} is of an older version: open it once for writing")
        except BaseException:
            db.close()
            raise
    return db


def connect_memory() -> sqlite3.Connection:
    """A ledger without a file."""
    db = _connect("file::memory:")
    migrate(db)
    return db


@contextmanager
def spoken(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one sentence about this file."""
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(_sentence(error, path)) from error


def _connect(uri: str) -> sqlite3.Connection:
    # Each connection is guarded by a lock of its own, so it may pass between threads.
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _open_to_read(path: Path) -> sqlite3.Connection:
    db = _connect(f"{path.as_uri()}?mode=ro")
    try:
        version_of(db)
    except sqlite3.OperationalError:
        # Without a log beside it and in a folder where none can be made, the file is at rest.
        db.close()
        log = path.with_name(path.name + "-wal")
        if os.access(path.parent, os.W_OK) or (log.exists() and log.stat().st_size):
            raise
        db = _connect(f"{path.as_uri()}?mode=ro&immutable=1")
    return db


def _make_folder(folder: Path) -> None:
    if not folder.parent.is_dir():
        raise LedgerError(f"cannot make the ledger's folder {folder}: make {folder.parent} first")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"cannot make the ledger's folder {folder}: {error.strerror}; name a folder that can be written"
        ) from error


def _check_identity(db: sqlite3.Connection, path: Path) -> bool:
    """Whether the file has a ledger's tables; an empty one may become a ledger, any other is refused."""
    # In one transaction: another process may be making the ledger between two looks.
    db.execute("BEGIN")
    try:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = version_of(db)
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    finally:
        db.execute("ROLLBACK")
    if application == APPLICATION_ID and version > len(MIGRATIONS):
        raise LedgerError(
            f"the ledger at {path} was written by a newer hyperfunc (schema {version}, this one knows "
            f"{len(MIGRATIONS)}): update hyperfunc, or name another path"
        )
    if application != APPLICATION_ID and (application or version or tables):
        raise LedgerError(f"{path} is a database of another program, not a ledger: name another path")
    return bool(tables)


def _use_wal(db: sqlite3.Connection) -> None:
    """Switching the mode does not wait for other processes by itself, so it is tried again for a while."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _sentence(error: sqlite3.Error, path: Path) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    known = {
        sqlite3.SQLITE_NOTADB: f"{path} is not a ledger (it is no SQLite file): name another path",
        sqlite3.SQLITE_CORRUPT: f"the ledger at {path} is damaged: restore a copy, or move it away",
        sqlite3.SQLITE_READONLY: f"the ledger at {path} cannot be written: make it and its folder writable",
        sqlite3.SQLITE_CANTOPEN: f"the ledger at {path} cannot be opened: make it and its folder "
        "readable and writable",
        sqlite3.SQLITE_FULL: f"the disk of the ledger at {path} is full: free some space",
        sqlite3.SQLITE_BUSY: f"the ledger at {path} was locked by another process for {BUSY_SECONDS:g} s: "
        "end that process",
    }
    return known.get(code, f"the ledger at {path} failed: {error}; check its disk and folder")
