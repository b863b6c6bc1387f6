"""A clock that decides the order in which answers are read, so that no decision depends on real time."""

from __future__ import annotations

import heapq

__all__ = ["Clock"]


class Clock:
    """Simulates workers: each fills one cell a tick, or is busy with a request of a consultation for some.

    Several asks are under way at once, and an optimizer must read their answers in an order that is the same
    in every run. Reading them in the order they were asked would leave workers idle behind a slow one. So
    they are read in the order in which simulated workers finish them: near the real order when the
    simulation is near the truth, and the same whatever the truth is.

    Args:
        workers: simulated, at least 1.
        consultation: ticks of a request to the model of a proposer.
    """

    def __init__(self, workers: int, consultation: float) -> None:
        self.now = 0.0
        self._consultation = consultation
        self._free = [0.0] * workers

    @property
    def load(self) -> float:
        """Ticks of work that wait for the average worker."""
        return sum(max(0.0, free - self.now) for free in self._free) / len(self._free)

    def cells(self, count: int) -> float:
        """When so many cells that begin now are filled."""
        return self._done(count, 1.0)

    def consultation(self, requests: int) -> float:
        """When a consultation of so many requests, all made at once, is over if it begins now."""
        return self._done(requests, self._consultation)

    def _done(self, count: int, ticks: float) -> float:
        done = self.now
        for _ in range(count):
            done = max(done, free := max(self.now, self._free[0]) + ticks)
            heapq.heapreplace(self._free, free)
        return done
