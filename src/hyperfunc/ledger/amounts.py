"""Exact amounts: whole numbers only, money in 1e-12 dollars, so that sums and comparisons are exact."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from hyperfunc.ledger.budget import Budget, Spend

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Amounts", "caps_of", "free_of", "spend_of"]

_PICO = 10**12
_AXES = ("calls", "evaluations", "tokens", "dollars")


class Amounts(NamedTuple):
    """How much of each limited thing."""

    calls: int = 0
    evaluations: int = 0
    tokens: int = 0
    pico: int = 0

    @classmethod
    def of(cls, calls: int, evaluations: int, tokens: int, dollars: float) -> Amounts:
        """From counts and dollars; a part of 1e-12 dollars counts as a whole one.

        Raises:
            ValueError: a negative amount, or dollars that are not finite.
        """
        if min(calls, evaluations, tokens) < 0 or not 0 <= dollars < math.inf:
            raise ValueError(
                f"cannot meter {calls} calls, {evaluations} evaluations, {tokens} tokens, {dollars} dollars: "
                "give finite numbers of at least 0"
            )
        return cls(calls, evaluations, tokens, math.ceil(_decimal(dollars)) if dollars else 0)

    def plus(self, other: Amounts) -> Amounts:
        """The sum on each axis."""
        a, b, c, d = self
        w, x, y, z = other
        return Amounts(a + w, b + x, c + y, d + z)

    def minus(self, other: Amounts) -> Amounts:
        """The difference on each axis."""
        a, b, c, d = self
        w, x, y, z = other
        return Amounts(a - w, b - x, c - y, d - z)

    def beyond(self, caps: tuple[int | None, ...], used: Amounts) -> Iterator[str]:
        """The names of the limits that these amounts would exceed on top of what is used."""
        for name, cap, taken, more in zip(_AXES, caps, used, self, strict=True):
            if cap is not None and more and taken + more > cap:
                yield name

    def __str__(self) -> str:
        return str(spend_of(self, 0.0))


def caps_of(budget: Budget) -> tuple[int | None, ...]:
    """The limits on the axes of :class:`Amounts`; a part of 1e-12 dollars does not count."""
    money = None if budget.dollars is None else math.floor(_decimal(budget.dollars))
    return (budget.calls, budget.evaluations, budget.tokens, money)


def free_of(caps: tuple[int | None, ...], used: Amounts, seconds: float | None) -> Budget:
    """What is left under the limits."""
    free = [None if cap is None else max(0, cap - taken) for cap, taken in zip(caps, used, strict=True)]
    return Budget(free[0], free[1], free[2], None if free[3] is None else free[3] / _PICO, seconds)


def spend_of(amounts: Amounts, seconds: float) -> Spend:
    """The amounts as people read them."""
    return Spend(amounts.calls, amounts.evaluations, amounts.tokens, amounts.pico / _PICO, seconds)


def _decimal(dollars: float) -> Fraction:
    """The float's shortest decimal (0.1 is a tenth), in units of 1e-12 dollars."""
    return Fraction(repr(float(dollars))) * _PICO
