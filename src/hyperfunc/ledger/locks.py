"""One writer a run: a lock of the operating system on a side file, which dies with its process.

On POSIX it is ``flock``; on Windows one byte far behind the file's end is locked by ``msvcrt``. Each claim
opens the file anew, so two threads of one process exclude each other like two processes. On a network disk
the lock is only as good as the server's.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from hyperfunc.errors import LedgerError, RunLocked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["Claims", "FileClaims", "MemoryClaims"]

_PATIENCE_SECONDS = 0.05  # whoever asks if a run is claimed holds its lock for an instant
_held: set[int] = set()


class Claims(Protocol):
    """Who writes which run."""

    def claim(self, run_id: str) -> AbstractContextManager[None]:
        """Be the one writer of a run while inside; RunLocked when someone else is."""

    def is_claimed(self, run_id: str) -> bool:
        """Whether someone is writing this run now."""


class MemoryClaims:
    """Claims within one process, for ledgers without a file."""

    def __init__(self) -> None:
        self._claimed: set[str] = set()
        self._door = threading.Lock()

    @contextmanager
    def claim(self, run_id: str) -> Iterator[None]:
        """Be the one writer of a run while inside."""
        with self._door:
            if run_id in self._claimed:
                raise _locked(run_id, str(os.getpid()))
            self._claimed.add(run_id)
        try:
            yield
        finally:
            self._claimed.discard(run_id)

    def is_claimed(self, run_id: str) -> bool:
        """Whether someone is writing this run now."""
        return run_id in self._claimed


class FileClaims:
    """Claims by locked side files in a folder, which is made when it is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def claim(self, run_id: str) -> Iterator[None]:
        """Be the one writer of a run while inside; the claim dies with the process."""
        handle = self._open(run_id)
        _held.add(handle)
        try:
            if not _lock_patiently(handle):
                raise _locked(run_id, os.read(handle, 20).decode("ascii", "replace") or "unknown")
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            yield
        finally:
            if handle in _held:
                _held.discard(handle)
                os.close(handle)

    def is_claimed(self, run_id: str) -> bool:
        """Whether someone is writing this run now."""
        try:
            handle = os.open(self._side_file(run_id), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            return not _lock(handle)
        finally:
            os.close(handle)

    def _open(self, run_id: str) -> int:
        path = self._side_file(run_id)
        try:
            self._folder.mkdir(exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise LedgerError(
                f"cannot make the lock {path} of run {run_id}: {error.strerror}; allow writing to its folder"
            ) from error

    def _side_file(self, run_id: str) -> Path:
        plain = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run_id)
        name = run_id if plain else hashlib.blake2b(run_id.encode(), digest_size=16).hexdigest()
        return self._folder / f"{name}.lock"


def _locked(run_id: str, owner: str) -> RunLocked:
    return RunLocked(
        f"run {run_id} is being written by process {owner}: wait for it to end, or start another run"
    )


def _lock_patiently(handle: int) -> bool:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _lock(handle):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        os.lseek(handle, 1 << 20, os.SEEK_SET)  # locked bytes cannot be read by others, and the owner is
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(handle, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _let_go() -> None:
        """A forked child shares its parent's lock and would keep it after the parent's death."""
        for handle in _held:
            os.close(handle)
        _held.clear()

    os.register_at_fork(after_in_child=_let_go)
