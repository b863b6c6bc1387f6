"""How budgets are written: ``2000 calls, $5, 30 min`` to numbers and back."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from hyperfunc.errors import BudgetSyntax

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GRAMMAR", "format_limits", "parse_limits"]

GRAMMAR = "write amounts with units and commas between them, such as '2000 calls, $5, 30 min'"

_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_COUNT = re.compile(rf"{_NUMBER}\s*([kKMB]?)\s*(calls?|evaluations?|evals?|tokens?)", re.ASCII)
_MONEY = re.compile(rf"\$\s*{_NUMBER}|{_NUMBER}\s*(?:usd|dollars?)", re.ASCII | re.IGNORECASE)
_CLOCK = r"(days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-zA-Z])"
_SPAN = re.compile(rf"{_NUMBER}\s*{_CLOCK}\s*", re.ASCII)
_UNITS = {"c": "calls", "e": "evaluations", "t": "tokens"}
_TIMES = {"": 1, "k": 1000, "K": 1000, "M": 1_000_000, "B": 1_000_000_000}
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def parse_limits(text: str) -> dict[str, int | float]:
    """Limits by name from a text; see :meth:`hyperfunc.ledger.Budget.parse`."""
    if text.strip() == "unlimited":
        return {}
    limits: dict[str, int | float] = {}
    for part in text.split(","):
        name, amount = _part(part.strip(), text)
        if name in limits:
            raise BudgetSyntax(f"the budget {text!r} names {name} twice: give each limit once")
        limits[name] = amount
    return limits


def format_limits(limits: Mapping[str, float | None], empty: str = "unlimited") -> str:
    """The text of limits, which :func:`parse_limits` reads back to equal numbers."""
    given = {name: amount for name, amount in limits.items() if amount is not None}
    return ", ".join(_written(name, amount) for name, amount in given.items()) or empty


def _part(part: str, text: str) -> tuple[str, int | float]:
    if match := _COUNT.fullmatch(part):
        amount = Fraction(match[1]) * _TIMES[match[2]]
        if amount.denominator != 1:
            raise BudgetSyntax(f"{part!r} in the budget {text!r} is not a whole number: {GRAMMAR}")
        return _UNITS[match[3][0]], int(amount)
    if match := _MONEY.fullmatch(part):
        return "dollars", float(match[1] or match[2])
    if part and not _SPAN.sub("", part):
        return "seconds", float(sum(Fraction(m[1]) * _SECONDS[m[2][0]] for m in _SPAN.finditer(part)))
    raise BudgetSyntax(f"cannot read {part!r} in the budget {text!r}: {GRAMMAR}")


def _written(name: str, amount: float) -> str:
    if name == "dollars":
        return f"${_plain(amount)}"
    if name == "seconds":
        return _span(amount)
    return f"{amount} {name[:-1] if amount == 1 else name}"


def _span(seconds: float) -> str:
    if seconds <= 0 or seconds % 60:
        return f"{_plain(seconds)} s"
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours and minutes:
        return f"{hours}h{minutes}m"
    return f"{hours} h" if hours else f"{minutes} min"


def _plain(amount: float) -> str:
    """Digits without an exponent that read back to the same float."""
    digits = format(Decimal(repr(float(amount))), "f")
    return digits.removesuffix(".0")
