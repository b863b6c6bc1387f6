"""The terminal: foreign text is shown as it is, never obeyed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from hyperfunc.analysis.report.text import visible

__all__ = ["BARS", "plain", "sparkline", "stderr", "stdout"]

PIPE_WIDTH = 240
BARS = "▁▂▃▄▅▆▇█"


def stdout() -> Console:
    """Where results go. Markup and emoji codes in strings mean nothing on it."""
    return _console(Console(markup=False, emoji=False, highlight=False, soft_wrap=True))


def stderr() -> Console:
    """Where progress goes, so that results can be piped."""
    return _console(Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True))


def _console(console: Console) -> Console:
    """A pipe or a file has no width: nothing is cut there."""
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def plain(value: object, style: str = "") -> Text:
    """Foreign text for the terminal: without escape sequences, never markup."""
    return Text(visible(value), style=style)


def sparkline(values: Sequence[float | None], width: int = 40) -> str:
    """The values as small bars between their minimum and maximum; the newest on the right.

    Example::

        >>> sparkline([0.0, 0.5, 1.0])
        '▁▅█'
    """
    known = [value for value in values if value is not None and abs(value) != float("inf")]
    recent = _thinned(known, width)
    if not recent:
        return ""
    low, high = min(recent), max(recent)
    step = (high - low) or 1.0
    return "".join(BARS[round((value - low) / step * (len(BARS) - 1))] for value in recent)


def _thinned(values: Sequence[float], width: int) -> list[float]:
    """At most ``width`` values, evenly spaced, the last one among them."""
    if len(values) <= width:
        return list(values)
    return [values[round((index + 1) * len(values) / width) - 1] for index in range(width)]
