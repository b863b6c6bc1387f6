"""Callbacks for every run of this process, whoever starts it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from .callbacks import Callback
from .progress import on_a_terminal

__all__ = ["stop_watching", "watch_every_run", "with_watchers"]

_lock = threading.Lock()
_makers: dict[str, Callable[[], Callback | None]] = {}


def watch_every_run(name: str, make: Callable[[], Callback | None]) -> None:
    """Let every run that begins from now on have a callback, beside those it is given.

    Args:
        name: yours; another one of the same name takes its place.
        make: called in the thread that starts a run, before it begins; returns the callback for that run,
            or ``None`` for none.

    Example::

        watch_every_run("steps", lambda: PrintSteps())
        ...
        stop_watching("steps")
    """
    with _lock:
        _makers[name] = make


def stop_watching(name: str) -> None:
    """Let runs that begin from now on be without it; a name that nobody uses is fine."""
    with _lock:
        _makers.pop(name, None)


def with_watchers(callbacks: Sequence[Callback] | None) -> Sequence[Callback]:
    """Callbacks of a run with those for every run behind them; what has them already stays as it is.

    Without any, a person at a terminal is shown a line.
    """
    if isinstance(callbacks, _Complete):
        return callbacks
    if callbacks is None:
        callbacks = on_a_terminal()
    with _lock:
        makers = tuple(_makers.values())
    made = (make() for make in makers)
    return _Complete((*callbacks, *(callback for callback in made if callback is not None)))


class _Complete(tuple[Callback, ...]):
    """Callbacks that those for every run are among."""

    __slots__ = ()
