"""One BLAS thread while engines run and while optimizers decide, one torch thread for small tensors.

Results do not depend on it (sums are exact), time does: the products here are too small to share, and
threads that wait for each other made a run 24 times slower on two busy cores. Engines use cores by running
several batches instead.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

__all__ = ["one_blas_thread", "one_torch_thread"]

_Access = tuple[Callable[[], int], Callable[[int], object]]

_NUMPY_CORE = ("numpy._core._multiarray_umath", "numpy.core._multiarray_umath")
# Names in numpy's wheels, in older wheels, and in a system's OpenBLAS: (read, write).
_OPENBLAS = [
    (f"{prefix}openblas_get_num_threads{suffix}", f"{prefix}openblas_set_num_threads{suffix}")
    for prefix in ("scipy_", "")
    for suffix in ("64_", "")
]


class _Limit:
    """The thread count is one number per process: the first to enter sets it, the last resets it.

    Args:
        find: functions that read and write the count, or ``None`` where there are none.
    """

    def __init__(self, find: Callable[[], _Access | None]) -> None:
        self.find = find
        self.lock = threading.Lock()
        self.users = 0
        self.usual = 1

    def enter(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1 and (found := self.find()):
                self.usual = found[0]()
                found[1](1)

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.usual != 1 and (found := self.find()):
                found[1](self.usual)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run the block with single-threaded matrix products; may be nested and used from many threads.

    Where numpy is not linked to OpenBLAS, nothing is changed.
    """
    _BLAS.enter()
    try:
        yield
    finally:
        _BLAS.leave()


@contextmanager
def one_torch_thread(wanted: bool = True) -> Iterator[None]:
    """Run the block with torch operations that are not shared between threads, if torch is in use.

    May be nested and used from many threads. Operations on a few thousand numbers took 5 ms instead of
    50 µs where two threads of torch met another process on two cores.

    Args:
        wanted: otherwise nothing is changed.
    """
    if not wanted or "torch" not in sys.modules:
        yield
        return
    _TORCH.enter()
    try:
        yield
    finally:
        _TORCH.leave()


def _torch() -> _Access:
    torch = sys.modules["torch"]
    return torch.get_num_threads, torch.set_num_threads


@cache
def _openblas() -> _Access | None:
    """Functions that read and write the thread count of the library that numpy itself calls."""
    for name in _NUMPY_CORE:
        path = getattr(sys.modules.get(name), "__file__", None)
        if path is None:
            continue
        # The linker finds symbols of a library through any module that is linked to it.
        library = ctypes.CDLL(path)
        for read, write in _OPENBLAS:
            if hasattr(library, read) and hasattr(library, write):
                return getattr(library, read), getattr(library, write)
    return None


_BLAS = _Limit(_openblas)
_TORCH = _Limit(_torch)
