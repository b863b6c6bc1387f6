"""What a run is charged: every distinct call once, whether it was paid now or found in the ledger.

Charging what the ledger answers like what a server answers keeps the cache transparent: a run stops
at the same place with and without it, a resumed run goes on as if it had not stopped, and what is
really paid can only be less than the budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import BudgetExhausted
from hyperfunc.ledger import Budget, Meter, Reservation, Spend

__all__ = ["Account", "Charge", "totals"]

_UNLIMITED = Budget()


@dataclass(frozen=True, slots=True)
class Charge:
    """One call: its tokens, and its cost in US dollars (``None``: unknown)."""

    tokens: int = 0
    dollars: float | None = 0.0


class Account:
    """Charges calls by key against a meter, and counts what was really paid.

    Args:
        meter: the limits; unlimited when left out.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self.meter = meter or Meter(_UNLIMITED)
        self.charged: dict[str, Charge] = {}
        self.lanes: set[tuple[str, str, int]] = set()
        self.made: dict[str, int] = {}
        self.paid_calls = 0
        self.paid_dollars = 0.0

    def reserve(self, tokens: int = 0, dollars: float | None = 0.0) -> Reservation:
        """Set one call aside before it is dispatched.

        Raises:
            BudgetExhausted: nothing more may be dispatched.
            UnknownPrice: there is a money limit and the price is unknown.
        """
        return self.meter.reserve(calls=1, tokens=tokens if self.meter.limits_tokens else 0, dollars=dollars)

    def begin(self, lanes: Iterable[tuple[str, str, int]]) -> None:
        """Charge evaluations: lanes that this run begins, or takes from the ledger, for the first time.

        Raises:
            BudgetExhausted: so many may not be run, or the time is over.
        """
        fresh = {lane for lane in lanes if lane not in self.lanes}
        self.meter.reserve(evaluations=len(fresh)).settle()
        self.lanes |= fresh

    @contextmanager
    def whole(self, key: str, lanes: int) -> Iterator[None]:
        """Charge a whole evaluation by its key, the first time this run makes it; nothing if it breaks off.

        Raises:
            BudgetExhausted: so many lanes may not be run, or the time is over.
        """
        lane = (key, "", 0)
        with self.meter.reserve(evaluations=0 if lane in self.lanes else lanes) as reservation:
            try:
                yield
            except BaseException:
                reservation.release()
                raise
        self.lanes.add(lane)

    def count(self, function: str, most: int) -> None:
        """Count a call that is about to be made against the function's ``max_calls_per_run``.

        Raises:
            BudgetExhausted: this run has made as many as it may.
        """
        if self.made.get(function, 0) >= most:
            raise BudgetExhausted(
                f"{function} was called max_calls_per_run={most} times and is not called again in this run: "
                "allow it more, then resume the run"
            )
        self.made[function] = self.made.get(function, 0) + 1

    @property
    def is_limited(self) -> bool:
        """Whether anything limits what may be begun."""
        return self.meter.budget != _UNLIMITED

    @property
    def watches_lanes(self) -> bool:
        """Whether lanes are limited in number or in time, so that each has to ask before it begins."""
        left = self.meter.left()
        return left.evaluations is not None or left.seconds is not None

    def pay(self, key: str, charge: Charge, reservation: Reservation) -> None:
        """Settle a reserved call that was really made."""
        self.paid_calls += 1
        self.paid_dollars += charge.dollars or 0.0
        self.charged[key] = charge
        reservation.settle(calls=1, tokens=charge.tokens, dollars=charge.dollars or 0.0)

    def lose(self, key: str, charge: Charge, reservation: Reservation) -> str:
        """Settle a call that was made and gave no answer; returns the key it is charged under."""
        number = 1
        while (lost := f"{key} lost {number}") in self.charged:
            number += 1
        self.pay(lost, charge, reservation)
        return lost

    def hit(self, key: str, charge: Charge) -> None:
        """Charge a call that the ledger answered, if this run was not charged for it yet."""
        if key in self.charged:
            return
        reservation = self.reserve(charge.tokens, charge.dollars or 0.0)
        self.charged[key] = charge
        reservation.settle(calls=1, tokens=charge.tokens, dollars=charge.dollars or 0.0)

    def hit_all(self, charges: Mapping[str, Charge]) -> None:
        """Charge everything that a finished lane had used."""
        for key, charge in charges.items():
            self.hit(key, charge)

    @property
    def spent(self) -> Spend:
        """What was charged."""
        return self.meter.spent


def totals(charges: Mapping[str, Charge]) -> dict[str, Any]:
    """What a lane used, as the fields of a cell."""
    return {
        "calls": len(charges),
        "tokens": sum(c.tokens for c in charges.values()),
        "dollars": sum(c.dollars or 0.0 for c in charges.values()),
    }
