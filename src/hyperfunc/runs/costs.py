"""What lanes cost, what can still be begun, and what is set aside for the confirmation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from hyperfunc.ledger import Budget, Meter, Spend
from hyperfunc.types import Cell

if TYPE_CHECKING:
    from hyperfunc.execution.account import Charge
    from hyperfunc.optimizers.base import Ask

__all__ = ["Costs"]

_AMOUNTS = ("calls", "evaluations", "tokens", "dollars")
# At most so much of a budget goes into confirming the winner, and so much of its time.
_SHARE = 0.4
_TIME_SHARE = 0.2


class Costs:
    """The dearest lane so far, as a bound for those to come."""

    def __init__(self) -> None:
        self.dearest = Spend(evaluations=1)
        self._held = 0
        self._kept = Spend()
        self._opened = Spend()
        self._told = Spend()
        self._charged: set[str] = set()
        self._asked: set[tuple[str, int, int]] = set()
        self._begun: dict[int, int] = {}
        self._consulting: dict[int, Spend] = {}
        self._consulted = Spend()
        self._dearest_consultation = Spend()
        self._refused: set[int] = set()

    def learn(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Take the lanes of some cells into account."""
        for cell in (c for row in rows for c in row):
            self.dearest = Spend(
                calls=max(self.dearest.calls, cell.calls),
                evaluations=1,
                tokens=max(self.dearest.tokens, cell.tokens),
                dollars=max(self.dearest.dollars, cell.dollars),
            )

    def affords_lanes(self, meter: Meter, lanes: int) -> bool:
        """Whether so many lanes can be paid for if each costs as much as the dearest one.

        Starting what cannot be finished would spend on calls that no decision may use, and which
        calls those are would depend on timing.
        """
        return _fits(self._worst(lanes), meter.left())

    def affords(self, meter: Meter, ask: Ask, under_way: Sequence[Ask]) -> bool:
        """Whether an ask can be paid for in full, with those under way at their dearest.

        What asks under way have spent so far depends on timing. So only those that were answered are
        counted by what they took, and the others by the most they may take.

        Args:
            meter: of the search.
            ask: that may be begun.
            under_way: those that were begun and not answered.
        """
        wanted = self._most(ask) + self._confirmation_grew()
        if not under_way:
            return _fits(wanted, meter.left())
        free = _minus(meter.budget, self._told)
        for each in under_way:
            begun = self._consulting.get(id(each))
            free = _minus(free, self._worst(self._begun[id(each)]) if begun is None else begun)
        return _fits(wanted, free)

    def _confirmation_grew(self) -> Spend:
        """What the confirmation takes beyond what was set aside: texts that are learnt may cost more."""
        now = self._worst(2 * self._held)
        return Spend(**{name: max(0, getattr(now, name) - getattr(self._kept, name)) for name in _AMOUNTS})

    def _most(self, ask: Ask) -> Spend:
        """The most that an ask should take: the dearest so far, for each lane or consultation."""
        if ask.consult is None:
            return self._worst(self._cells(ask))
        calls = ask.consult.proposer.calls * len(ask.consult.names)
        dearest = self._dearest_consultation
        return Spend(calls=calls, tokens=dearest.tokens, dollars=dearest.dollars)

    def begin_consultation(self, ask: Ask, meter: Meter) -> None:
        """A consultation begins, unless those before it have used up their share of the budget."""
        assert ask.consult is not None
        most = self._most(ask)
        total = sum(self._consulting.values(), self._consulted + most)
        if _within(total, meter.budget, ask.consult.share):
            self._consulting[id(ask)] = most
        else:
            self._consulting[id(ask)] = Spend()
            self._refused.add(id(ask))

    def refuses(self, ask: Ask) -> bool:
        """Whether a consultation that has begun is beyond their share."""
        return id(ask) in self._refused

    def open(self, charged: Iterable[str], spent: Spend) -> None:
        """The search begins; these calls were charged before and cost nothing more."""
        self._charged |= set(charged)
        self._opened = spent

    @property
    def spent(self) -> Spend:
        """What was charged before the search and for asks that were told, whatever is under way."""
        return self._opened + self._told

    def begin(self, ask: Ask) -> int:
        """How many of an ask's cells nobody has asked for before; they are asked for from now on."""
        cells = self._places(ask)
        self._begun[id(ask)] = len(cells - self._asked)
        self._asked |= cells
        return self._begun[id(ask)]

    def told(self, ask: Ask, charges: Mapping[str, Charge]) -> None:
        """An ask was answered; ``charges`` are the calls that its lanes used."""
        fresh = {key: charge for key, charge in charges.items() if key not in self._charged}
        self._charged |= fresh.keys()
        spend = Spend(
            calls=len(fresh),
            evaluations=self._begun.pop(id(ask), 0),
            tokens=sum(charge.tokens for charge in fresh.values()),
            dollars=sum(charge.dollars or 0.0 for charge in fresh.values()),
        )
        self._told += spend
        if self._consulting.pop(id(ask), None) is not None:
            self._refused.discard(id(ask))
            self._consulted += spend
            dearest = self._dearest_consultation
            self._dearest_consultation = Spend(
                tokens=max(dearest.tokens, spend.tokens), dollars=max(dearest.dollars, spend.dollars)
            )

    def _cells(self, ask: Ask) -> int:
        if self._asked or self._begun:
            return len(self._places(ask) - self._asked)
        return len(ask.population) * len(ask.examples)

    def _places(self, ask: Ask) -> set[tuple[str, int, int]]:
        return {(member.id, n, ask.repeat) for member in ask.population for n in ask.examples}

    def _worst(self, lanes: int) -> Spend:
        d = self.dearest
        return Spend(d.calls * lanes, d.evaluations * lanes, d.tokens * lanes, d.dollars * lanes)

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
        self._held, self._kept = examples, self._worst(2 * examples)
        rest = {name: max(0, limit - each[name] * examples) for name, limit in limited.items()}
        if left.seconds is not None and examples:
            rest["seconds"] = left.seconds * (1 - _TIME_SHARE)
        return examples, meter.sub(**rest)


def _fits(wanted: Spend, free: Budget) -> bool:
    pairs = [(getattr(wanted, name), getattr(free, name)) for name in _AMOUNTS]
    return all(limit is None or need <= limit for need, limit in pairs)


def _within(spend: Spend, budget: Budget, share: float) -> bool:
    """Whether a spend is within a share of each limited amount."""
    pairs = [(getattr(spend, name), getattr(budget, name)) for name in _AMOUNTS]
    return share >= 1 or all(limit is None or need <= limit * share for need, limit in pairs)


def _minus(free: Budget, spent: Spend) -> Budget:
    """What is left, at least 0; time is no matter of decisions."""
    pairs = {name: (getattr(free, name), getattr(spent, name)) for name in _AMOUNTS}
    left = {name: None if a is None else max(a - b, 0) for name, (a, b) in pairs.items()}
    return Budget(**left)
