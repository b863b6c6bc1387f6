"""Threads that DSPy starts: they keep DSPy's settings and nothing else, so the lane travels in those."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from hyperfunc.execution.frames import LaneFrame
from hyperfunc.program.binding import current_frame, entered

from .bars import bars_for_threads
from .library import library

__all__ = ["in_lane", "settings_for_lane"]

_LOCK = threading.Lock()
_KEY = "hyperfunc_frame"


def settings_for_lane(**settings: Any) -> Any:
    """``dspy.context`` with these settings, by which threads of DSPy find their lane."""
    bars_for_threads()
    return library().context(**settings, **{_KEY: current_frame()})


@contextlib.contextmanager
def in_lane() -> Iterator[None]:
    """Whoever runs here belongs to the lane that started the thread, in a branch of its own."""
    frame: Any = None if current_frame() is not None else library().settings.get(_KEY)
    if frame is None:
        yield
        return
    if isinstance(frame, LaneFrame):
        with _LOCK:
            frame = frame.branch()
    with entered(frame):
        yield
