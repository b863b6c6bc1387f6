"""Python's garbage collector looks less often while many lanes are live.

Each live lane holds some dozens of objects, none of them garbage, and by default the collector walks the young ones
after every 700 new ones and the rest again and again as lanes start. It is never turned off: cycles
that a program leaves behind are still found, later.
"""

from __future__ import annotations

import gc
import threading

__all__ = ["MANY", "Seldom"]

MANY = 64
"""Lanes that are live at once from which on it pays."""

_OBJECTS = 50_000
_lock = threading.Lock()
_users = 0
_before: tuple[int, int, int] | None = None


class Seldom:
    """One evaluation's wish for rare collections; the process collects as before when the last one ends."""

    __slots__ = ("_wished",)

    def __init__(self) -> None:
        self._wished = False

    def begin(self) -> None:
        """Collect rarely from now on; nothing happens a second time."""
        global _users, _before
        if self._wished:
            return
        self._wished = True
        with _lock:
            _users += 1
            now = gc.get_threshold()
            # A threshold of 0 says that somebody has turned collections off, which stays as it is.
            if _users == 1 and 0 < now[0] < _OBJECTS:
                _before = now
                gc.set_threshold(_OBJECTS, *now[1:])

    def end(self) -> None:
        """Nothing is wished any more."""
        global _users, _before
        if not self._wished:
            return
        self._wished = False
        with _lock:
            _users -= 1
            if _users or _before is None:
                return
            # Whoever has changed it in between keeps what was set.
            if gc.get_threshold() == (_OBJECTS, *_before[1:]):
                gc.set_threshold(*_before)
            _before = None
