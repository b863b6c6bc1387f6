"""A run as one line at the foot of a terminal, unless somebody else shows it."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, TextIO

from hyperfunc.analysis.report import text
from hyperfunc.analysis.report.trend import trend

from .callbacks import Callback

if TYPE_CHECKING:
    from hyperfunc.ledger import Budget, Spend

    from .result import Result, RunInfo, StepRecord

__all__ = ["PHASES", "StatusLine", "on_a_terminal", "spent"]

PHASES = {
    "self-test": "running the start against itself",
    "search": "searching",
    "confirmation": "confirming on held-out examples",
}
"""What a run is doing, in words."""

_FIRST = "measuring the start"
_SHOWN: dict[str, Callable[[float], str]] = {
    "calls": text.count,
    "dollars": text.money,
    "tokens": text.count,
    "seconds": text.clock,
}
_EVERY = 0.2


def spent(spend: Spend | None, budget: Budget | None) -> str:
    """What was spent of a budget, such as ``1,231 of 2,000 calls · 41 s of 5 min``.

    Args:
        spend: what was spent; nothing is known yet when ``None``.
        budget: the limits; none when ``None``.
    """
    if spend is None:
        return ""
    limits = asdict(budget) if budget else {}
    parts = []
    for name, amount in asdict(spend).items():
        limit = limits.get(name)
        if name not in _SHOWN or (not amount and limit is None):
            continue
        show = _SHOWN[name]
        of = f" of {show(limit)}" if limit is not None else ""
        unit = f" {name}" if name in ("calls", "tokens") else ""
        parts.append(f"{show(amount)}{of}{unit}")
    return " · ".join(parts)


class StatusLine(Callback):
    """A line that keeps up with a run and is gone when it ends.

    What a program prints meanwhile is written over it, and the line appears anew below.

    Args:
        stream: a terminal.
        clock: seconds; another one in tests.

    Example::

        system.optimize(train, metric, callbacks=[StatusLine(sys.stdout)])
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._run: RunInfo | None = None
        self._spend: Spend | None = None
        self._best: list[float | None] = []
        self._incumbents: list[float | None] = []
        self._phase = _FIRST
        self._width = 0
        self._written = float("-inf")

    def on_start(self, run: RunInfo) -> None:
        """The run begins or goes on."""
        self._run = run
        self._show(now=True)

    def on_phase(self, name: str) -> None:
        """It does something else now."""
        self._phase = PHASES.get(name, name)
        self._show(now=True)

    def on_calls(self, spend: Spend) -> None:
        """The spend changed."""
        self._spend = spend
        self._show()

    def on_step(self, record: StepRecord) -> None:
        """A step is done."""
        self._best.append(record.best_value)
        self._incumbents.append(record.incumbent_value)
        if self._spend is None or record.spend.seconds > self._spend.seconds:
            self._spend = record.spend
        self._show()

    def on_end(self, result: Result) -> None:
        """The result says what stays."""
        self._write("")

    def on_break(self, error: BaseException) -> None:
        """The error says how to go on."""
        self._write("")

    def _show(self, *, now: bool = False) -> None:
        moment = self._clock()
        if not now and moment - self._written < _EVERY:
            return
        self._written = moment
        scores = trend(self._best, self._incumbents)
        parts = [
            self._run.run_id if self._run else "",
            self._phase,
            f"step {len(scores)}" if scores else "",
            f"score {text.score(scores[-1])}" if scores else "",
            spent(self._spend, self._run.budget if self._run else None),
        ]
        self._write("  ".join(part for part in parts if part))

    def _write(self, line: str) -> None:
        room = self._columns() - 1
        line = text.visible(line)[:room]
        # What is longer of the line before is painted over; the last line leaves nothing behind.
        # A terminal that is gone is no reason to end a run.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write("\r" + line.ljust(min(self._width, room)) + "\r")
            self._stream.flush()
        self._width = len(line)

    def _columns(self) -> int:
        """Of this terminal: the other streams may go elsewhere."""
        with contextlib.suppress(OSError, ValueError):
            if columns := os.get_terminal_size(self._stream.fileno()).columns:
                return columns
        return shutil.get_terminal_size().columns


def on_a_terminal() -> tuple[Callback, ...]:
    """A line for a person at a terminal; nothing for logs, pipes, notebooks and terminals without one."""
    stream = sys.stderr
    try:
        seen = stream.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):  # there is no stream, or it is closed
        seen = False
    return (StatusLine(stream),) if seen else ()
