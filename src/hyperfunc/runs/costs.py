"""What lanes cost, what can still be begun, and what is set aside for the confirmation."""

from __future__ import annotations

from collections.abc import Sequence

from hyperfunc.ledger import Meter, Spend
from hyperfunc.types import Cell

__all__ = ["Costs"]

_AMOUNTS = ("calls", "evaluations", "tokens", "dollars")
# At most so much of a budget goes into confirming the winner, and so much of its time.
_SHARE = 0.4
_TIME_SHARE = 0.2


class Costs:
    """The dearest lane so far, as a bound for those to come."""

    def __init__(self) -> None:
        self.dearest = Spend(evaluations=1)

    def learn(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Take the lanes of some cells into account."""
        for cell in (c for row in rows for c in row):
            self.dearest = Spend(
                calls=max(self.dearest.calls, cell.calls),
                evaluations=1,
                tokens=max(self.dearest.tokens, cell.tokens),
                dollars=max(self.dearest.dollars, cell.dollars),
            )

    def affords(self, meter: Meter, lanes: int) -> bool:
        """Whether so many lanes can be paid for if each costs as much as the dearest one.

        Starting what cannot be finished would spend on calls that no decision may use, and which
        calls those are would depend on timing.
        """
        left = meter.left()
        limits = [(getattr(self.dearest, name) * lanes, getattr(left, name)) for name in _AMOUNTS]
        return all(limit is None or need <= limit for need, limit in limits)

    def lanes(self, meter: Meter) -> int | None:
        """How many lanes a meter pays if each costs as much as the dearest one; ``None`` for no limit."""
        left = meter.left()
        each = [(getattr(self.dearest, name), getattr(left, name)) for name in _AMOUNTS]
        return min(
            (int(limit / cost) for cost, limit in each if cost > 0 and limit is not None), default=None
        )

    def set_aside(self, meter: Meter, examples: int) -> tuple[int, Meter]:
        """Keep what it takes to run two candidates on held-out examples.

        Args:
            meter: of the whole run.
            examples: how many are held out.

        Returns:
            How many of them can be paid for, and the meter that is left for the search.
        """
        left = meter.left()
        each = {name: 2 * getattr(self.dearest, name) for name in _AMOUNTS}
        limited = {name: getattr(left, name) for name in _AMOUNTS if getattr(left, name) is not None}
        for name, limit in limited.items():
            if each[name] > 0:
                examples = min(examples, int(limit * _SHARE / each[name]))
        rest = {name: max(0, limit - each[name] * examples) for name, limit in limited.items()}
        if left.seconds is not None and examples:
            rest["seconds"] = left.seconds * (1 - _TIME_SHARE)
        return examples, meter.sub(**rest)
