"""The meter of a budget: what it grants never exceeds a limit, whoever asks and in whatever order.

Whoever wants to spend reserves an upper bound first and settles what it really was afterwards.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self, TypeVar

from hyperfunc.errors import BudgetError, BudgetExhausted, UnknownPrice
from hyperfunc.ledger.amounts import Amounts, caps_of, free_of, spend_of
from hyperfunc.ledger.budget import Budget, Spend

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

__all__ = ["Meter", "Reservation"]

_NOTHING = Spend()
_UNLIMITED = Budget()
_Number = TypeVar("_Number", int, float)


class Meter:
    """Grants amounts of a budget. Any thread may ask; the meters of one tree share one lock.

    Args:
        budget: the limits.
        clock: seconds, never going back; tests give their own.
        already: spent before, by the part of the run that is being resumed.
        parent: the meter that this one draws from; use :meth:`sub`.

    Example::

        >>> meter = Meter(Budget(calls=10))
        >>> with meter.reserve(calls=3) as reservation:
        ...     reservation.settle(calls=2)
        >>> meter.left().calls
        8
    """

    def __init__(
        self,
        budget: Budget,
        *,
        clock: Callable[[], float] = time.monotonic,
        already: Spend = _NOTHING,
        parent: Meter | None = None,
    ) -> None:
        self.budget = budget
        self._caps = caps_of(budget)
        self._clock = clock
        self._started = clock() - already.seconds
        self._spent = Amounts.of(already.calls, already.evaluations, already.tokens, already.dollars)
        self._reserved = Amounts()
        self._line: tuple[Meter, ...] = (self, *parent._line) if parent else (self,)
        self._lock: threading.Lock = parent._lock if parent else threading.Lock()
        self._limited = tuple(meter for meter in self._line if meter.budget != _UNLIMITED)

    def reserve(
        self, calls: int = 0, evaluations: int = 0, tokens: int = 0, dollars: float | None = 0.0
    ) -> Reservation:
        """Set amounts aside before anything is dispatched.

        Args:
            calls: at most this many will be made.
            evaluations: at most this many lanes will be run.
            tokens: at most this many, prompt and completion together.
            dollars: at most this much; ``None`` says that the price is unknown.

        Returns:
            A reservation, to be settled or released.

        Raises:
            BudgetExhausted: a limit would be exceeded, or the deadline has passed.
            UnknownPrice: there is a money limit and ``dollars`` is None.
        """
        wanted = Amounts.of(calls, evaluations, tokens, dollars or 0.0)
        with self._lock:
            self._refuse(wanted, priced=dollars is not None)
            for meter in self._line:
                meter._reserved = meter._reserved.plus(wanted)
        return Reservation(self, wanted)

    def can_afford(
        self, calls: int = 0, evaluations: int = 0, tokens: int = 0, dollars: float | None = 0.0
    ) -> bool:
        """Whether :meth:`reserve` would grant these amounts now."""
        wanted = Amounts.of(calls, evaluations, tokens, dollars or 0.0)
        with self._lock:
            try:
                self._refuse(wanted, priced=dollars is not None)
            except (BudgetExhausted, UnknownPrice):
                return False
        return True

    def sub(
        self,
        *,
        calls: int | None = None,
        evaluations: int | None = None,
        tokens: int | None = None,
        dollars: float | None = None,
        seconds: float | None = None,
    ) -> Meter:
        """A meter with a cap of its own that draws from this one: both limits hold. Its time starts now."""
        cap = Budget(calls, evaluations, tokens, dollars, seconds)
        return Meter(cap, clock=self._clock, parent=self)

    @property
    def limits_tokens(self) -> bool:
        """Whether this meter, or one it draws from, limits tokens."""
        return any(meter.budget.tokens is not None for meter in self._line)

    @property
    def spent(self) -> Spend:
        """What was settled, here and in the meters drawn from this one, and the seconds since the start."""
        with self._lock:
            return spend_of(self._spent, self._clock() - self._started)

    @property
    def reserved(self) -> Spend:
        """What is set aside and not settled yet."""
        with self._lock:
            return spend_of(self._reserved, 0.0)

    def left(self) -> Budget:
        """What could still be granted by this meter and those it draws from; ``None`` where unlimited."""
        with self._lock:
            free = [free_of(m._caps, m._spent.plus(m._reserved), m._seconds_left()) for m in self._line]
        return Budget(
            calls=_least(budget.calls for budget in free),
            evaluations=_least(budget.evaluations for budget in free),
            tokens=_least(budget.tokens for budget in free),
            dollars=_least(budget.dollars for budget in free),
            seconds=_least(budget.seconds for budget in free),
        )

    def _seconds_left(self) -> float | None:
        if self.budget.seconds is None:
            return None
        return max(0.0, self.budget.seconds - (self._clock() - self._started))

    def _refuse(self, wanted: Amounts, *, priced: bool) -> None:
        for meter in self._limited:
            if meter.budget.dollars is not None and not priced:
                raise UnknownPrice(
                    f"the budget of {meter.budget} limits dollars and the price of a call is unknown: "
                    "give the model's price and the request's max_tokens, or limit calls or tokens instead"
                )
            if meter._seconds_left() == 0:
                raise BudgetExhausted(
                    f"the time of the budget of {meter.budget} is over and nothing more is dispatched: "
                    "resume the run with more time"
                )
            for name in wanted.beyond(meter._caps, meter._spent.plus(meter._reserved)):
                raise BudgetExhausted(
                    f"the budget of {meter.budget} has not enough {name} left for {wanted} more "
                    f"({meter._spent} spent, {meter._reserved} reserved): resume the run with a larger budget"
                )

    def _close(self, reservation: Reservation, wanted: Amounts, actual: Amounts) -> bool:
        with self._lock:
            if reservation._closed:
                return False
            reservation._closed = True
            for meter in self._line:
                meter._reserved = meter._reserved.minus(wanted)
                meter._spent = meter._spent.plus(actual)
        return True


class Reservation:
    """Amounts that a :class:`Meter` has set aside; settled or released once.

    As a context manager it settles in full when nothing else was said: a call that broke off may have
    been paid.
    """

    __slots__ = ("_closed", "_meter", "_wanted")

    def __init__(self, meter: Meter, wanted: Amounts) -> None:
        self._meter = meter
        self._wanted = wanted
        self._closed = False  # changed under the meter's lock

    def settle(
        self,
        calls: int | None = None,
        evaluations: int | None = None,
        tokens: int | None = None,
        dollars: float | None = None,
    ) -> None:
        """Say what was really spent; the rest goes back.

        Args:
            calls: made, at most as many as reserved; ``None`` means all that were reserved, here and below.
            evaluations: run, at most as many as reserved.
            tokens: used. More than reserved is recorded as it is, for the record must be true.
            dollars: paid. More than reserved is recorded as it is.

        Raises:
            ValueError: a negative amount, or more calls or evaluations than were reserved.
            BudgetError: it was settled or released before.
        """
        most = self._wanted
        actual = Amounts.of(
            most.calls if calls is None else calls,
            most.evaluations if evaluations is None else evaluations,
            most.tokens if tokens is None else tokens,
            dollars or 0.0,
        )
        if dollars is None:
            actual = actual._replace(pico=most.pico)
        if actual.calls > most.calls or actual.evaluations > most.evaluations:
            raise ValueError(f"cannot settle {actual} of {most}: reserve an upper bound before dispatch")
        if not self._close(actual):
            raise BudgetError("a reservation was settled twice: settle or release each reservation once")

    def release(self) -> None:
        """Give everything back, because nothing was dispatched. Does nothing after :meth:`settle`."""
        self._close(Amounts())

    def _close(self, actual: Amounts) -> bool:
        return self._meter._close(self, self._wanted, actual)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(self._wanted)


def _least(amounts: Iterable[_Number | None]) -> _Number | None:
    return min((amount for amount in amounts if amount is not None), default=None)
