"""Limits of a run and what was spent, as values. The :class:`~hyperfunc.ledger.Meter` grants against them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from hyperfunc.errors import BudgetSyntax
from hyperfunc.ledger.budget_text import GRAMMAR, format_limits, parse_limits

__all__ = ["Budget", "Spend"]

_COUNTS = ("calls", "evaluations", "tokens")
_AXES = (*_COUNTS, "dollars", "seconds")


@dataclass(frozen=True, slots=True)
class Budget:
    """Upper limits of one run; ``None`` means unlimited.

    Args:
        calls: model requests, or outermost calls of functions that name a model; at least 0.
        evaluations: lanes (one candidate on one example, once); at least 0.
        tokens: prompt and completion together; at least 0.
        dollars: US dollars; at least 0.
        seconds: wall-clock time; at least 0.

    Raises:
        BudgetSyntax: an amount is negative or not finite, or a count is not a whole number.

    Example::

        >>> str(Budget.parse("2k calls, 5 USD, 90 min"))
        '2000 calls, $5, 1h30m'
    """

    calls: int | None = None
    evaluations: int | None = None
    tokens: int | None = None
    dollars: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in _AXES:
            amount = getattr(self, name)
            if amount is not None:
                _check_limit(name, amount)

    @classmethod
    def parse(cls, text: str | Budget) -> Budget:
        """Read ``"2000 calls, $5, 30 min"``; a :class:`Budget` is returned as it is.

        Args:
            text: limits with units and commas between them: ``2k calls``, ``200 evaluations``,
                ``1.5M tokens``, ``$5`` or ``5 USD``, ``90 s``, ``30 min``, ``1h30m``, ``2 days``;
                or ``unlimited``.

        Returns:
            A budget whose ``str`` reads back to an equal one.

        Raises:
            BudgetSyntax: anything else, above all a number that does not say of what.
        """
        if isinstance(text, Budget):
            return text
        if not isinstance(text, str):
            raise BudgetSyntax(f"the budget {text!r} does not say of what: {GRAMMAR}")
        return cls(**parse_limits(text))  # type: ignore[arg-type]

    def __str__(self) -> str:
        return format_limits(asdict(self))


@dataclass(frozen=True, slots=True)
class Spend:
    """What was spent: counts, US dollars (known prices only) and seconds of wall-clock time."""

    calls: int = 0
    evaluations: int = 0
    tokens: int = 0
    dollars: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Spend) -> Spend:
        return Spend(
            self.calls + other.calls,
            self.evaluations + other.evaluations,
            self.tokens + other.tokens,
            self.dollars + other.dollars,
            self.seconds + other.seconds,
        )

    def __str__(self) -> str:
        return format_limits({name: amount or None for name, amount in asdict(self).items()}, empty="nothing")


def _check_limit(name: str, amount: object) -> None:
    whole = name in _COUNTS
    number = isinstance(amount, int if whole else int | float) and not isinstance(amount, bool)
    if not number or not 0 <= amount < math.inf:  # type: ignore[operator]
        kind = "a whole number" if whole else "a finite number"
        raise BudgetSyntax(f"a budget of {amount!r} {name} is not possible: give {kind} of at least 0")
