"""One BLAS thread while engines run.

Results do not depend on it (sums are exact), time does: the products here are too small to share, and
threads that wait for each other made a run 24 times slower on two busy cores. Engines use cores by running
several batches instead.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

__all__ = ["one_blas_thread"]


class _Limit:
    """The thread count is one number per process: the first to enter sets it, the last resets it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.controller: ThreadpoolController | None = None
        self.limiter: Any = None

    def enter(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.controller = self.controller or ThreadpoolController()
                self.limiter = self.controller.limit(limits=1, user_api="blas")

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.limiter.restore_original_limits()


_LIMIT = _Limit()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Run the block with single-threaded matrix products; may be nested and used from many threads."""
    _LIMIT.enter()
    try:
        yield
    finally:
        _LIMIT.leave()
