"""Python's garbage collector looks less often while many lanes are live.

A live lane holds dozens of objects that are no garbage. By default the collector walks the young ones after
every 700 new ones, and all of them again and again as lanes start: with 512 lanes that each wait for a
model, 650 collections took 0.08 of 0.47 s (0.16 s with torch loaded); with the threshold here it is 0.02 s.
Collections are never turned off, so cycles that a program leaves behind are still found, if later. A higher
threshold gains little more and lets more of them pile up.
"""

from __future__ import annotations

import gc
import threading

__all__ = ["MANY", "Seldom"]

MANY = 64
"""Lanes that are live at once from which on it pays."""

_OBJECTS = 20_000


class _Threshold:
    """The process's threshold: the first user raises it, the last one puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before: tuple[int, int, int] | None = None

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            now = gc.get_threshold()
            # A threshold of 0 says that somebody has turned collections off, which stays as it is.
            if self._users == 1 and 0 < now[0] < _OBJECTS:
                self._before = now
                gc.set_threshold(_OBJECTS, *now[1:])

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            before = self._before
            if self._users or before is None:
                return
            self._before = None
            # Whoever has changed it in between keeps what was set.
            if gc.get_threshold() == (_OBJECTS, *before[1:]):
                gc.set_threshold(*before)


_threshold = _Threshold()


class Seldom:
    """One evaluation's wish for rare collections; begun and ended as often as one likes."""

    __slots__ = ("_wished",)

    def __init__(self) -> None:
        self._wished = False

    def begin(self) -> None:
        """Collect rarely from now on."""
        if not self._wished:
            self._wished = True
            _threshold.enter()

    def end(self) -> None:
        """Nothing is wished any more."""
        if self._wished:
            self._wished = False
            _threshold.leave()
