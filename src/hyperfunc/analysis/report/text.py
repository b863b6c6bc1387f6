"""Foreign text made harmless and numbers made readable, for every place that shows a run.

What an example, a model or a file says may hold terminal escape sequences, characters that turn the reading
direction around, or markup. :func:`visible` deals with the first two; each renderer escapes its own markup.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

__all__ = ["clock", "compact", "count", "money", "plain", "readable", "score", "shorten", "signed", "visible"]

MINUS = "\N{MINUS SIGN}"
UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters but for newline and tab; marks that hide text, reverse it or cannot be encoded."""


def visible(value: object) -> str:
    """The text of a value with every character that acts instead of showing written out.

    Args:
        value: a string is taken as it is, anything else as readable JSON.

    Returns:
        Text without control, direction, invisible and surrogate characters; tab and newline stay.

    Example::

        >>> visible("a\\x1b[31mb")
        'a\\\\x1b[31mb'
    """
    text = value if isinstance(value, str) else compact(value)
    return UNSEEN.sub(_written_out, text.replace("\r\n", "\n"))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def readable(value: object) -> str:
    """A value for a reader: a mapping as a line per entry, text as it is, the rest as JSON."""
    if isinstance(value, Mapping) and value:
        return "\n".join(f"{visible(str(key))}: {visible(item)}" for key, item in value.items())
    return visible(value)


def compact(value: object) -> str:
    """JSON on one line with its letters as they are; what JSON cannot say is shown by its ``repr``."""
    try:
        return json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError):
        return repr(value)


def shorten(value: object, limit: int) -> str:
    """One line of at most ``limit`` characters, cut at a word when there is one near."""
    line = " ".join(visible(value).split())
    if len(line) <= limit:
        return line
    cut = line[: limit - 1]
    word = cut.rfind(" ")
    return (cut[:word] if word > limit * 0.6 else cut).rstrip() + "…"


def plain(value: object) -> str:
    """A short value as people write it: numbers with four digits, text bare, the rest as JSON."""
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", MINUS)
    return visible(value)


def score(value: float | None, digits: int = 3) -> str:
    """A metric value such as ``0.832``; ``not measured`` for what does not exist."""
    if value is None or not math.isfinite(value):
        return "not measured"
    text = f"{abs(value):.{digits}f}" if abs(value) < 1000 else f"{abs(value):,.0f}"
    return (MINUS if value < 0 and float(text.replace(",", "")) else "") + text


def signed(value: float, digits: int = 3) -> str:
    """A difference with its sign, such as ``+0.211``."""
    text = score(value, digits)
    return text if text.startswith(MINUS) or not math.isfinite(value) else "+" + text


def count(value: float, noun: str = "") -> str:
    """``12,400 calls``; the noun loses its plural s for one."""
    number = int(value)
    noun = noun[:-1] if number == 1 and noun.endswith("s") else noun
    return f"{number:,} {noun}".rstrip()


def money(dollars: float | None) -> str:
    """``$1.24``, with more digits for fractions of a cent; ``unknown`` when no price is known."""
    if dollars is None or not math.isfinite(dollars):
        return "unknown"
    return f"${dollars:,.2f}" if dollars == 0 or dollars >= 0.1 else f"${dollars:.2g}"


def clock(seconds: float | None) -> str:
    """A duration as people say it: ``0.42 s``, ``48 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "not measured"
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s".replace(" 00 s", "")
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min".replace(" 00 min", "")
