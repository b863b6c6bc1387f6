from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import BudgetError, BudgetExhausted, UnknownPrice
from hyperfunc.ledger import Budget, Meter, Spend

CENTS = st.floats(min_value=0, max_value=2, allow_nan=False)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads change places as often as possible, so that a missing lock shows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Tally:
    """Counts from outside what is granted, never more than the meter should."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.now = self.most = 0

    def add(self, amount: int) -> None:
        with self.lock:
            self.now += amount
            self.most = max(self.most, self.now)


def spend_at_random(meter: Meter, tally: Tally, seed: int) -> None:
    luck = random.Random(seed)
    for _ in range(300):
        wanted = luck.randint(1, 4)
        try:
            reservation = meter.reserve(calls=wanted, dollars=0.1 * wanted)
        except BudgetExhausted:
            continue
        tally.add(wanted)
        used = luck.choice([0, 0, 1, wanted])
        tally.add(used - wanted)
        reservation.settle(calls=used, dollars=0.1 * used)


@pytest.mark.usefixtures("restless")
@pytest.mark.parametrize("seed", range(3))
def test_many_threads_never_get_more_than_the_limit(seed: int) -> None:
    meter, tally = Meter(Budget(calls=500, dollars=1000.0)), Tally()
    share = meter.sub(calls=200)
    threads = [
        threading.Thread(target=spend_at_random, args=(share if i % 2 else meter, tally, 10 * seed + i))
        for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tally.most <= 500
    assert meter.spent.calls == tally.now <= 500
    assert share.spent.calls <= 200
    assert meter.reserved == Spend()
    assert meter.spent.dollars == pytest.approx(0.1 * tally.now, rel=1e-12)


@pytest.mark.usefixtures("restless")
def test_threads_together_get_every_single_call() -> None:
    meter = Meter(Budget(calls=1000))
    granted = Tally()

    def take() -> None:
        for _ in range(400):
            if meter.can_afford(calls=1):
                try:
                    meter.reserve(calls=1)
                except BudgetExhausted:
                    return
                granted.add(1)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert granted.now == 1000
    assert meter.left().calls == 0


@given(
    st.lists(st.tuples(st.integers(0, 9), CENTS, st.integers(0, 9), CENTS), max_size=30),
    st.integers(0, 40),
    CENTS,
)
def test_sums_are_exact(wishes: list[tuple[int, float, int, float]], calls: int, dollars: float) -> None:
    meter = Meter(Budget(calls=calls, dollars=dollars))
    used_calls, used_dollars = 0, Fraction(0)
    for want_calls, want_dollars, use_calls, use_dollars in wishes:
        asked = used_dollars + Fraction(repr(want_dollars))
        fits = used_calls + want_calls <= calls and (not want_dollars or asked <= Fraction(repr(dollars)))
        assert not meter.can_afford(calls=want_calls, dollars=want_dollars) or fits
        try:
            reservation = meter.reserve(calls=want_calls, dollars=want_dollars)
        except BudgetExhausted:
            continue
        assert fits
        actual_calls, actual_dollars = min(use_calls, want_calls), min(use_dollars, want_dollars)
        reservation.settle(calls=actual_calls, dollars=actual_dollars)
        used_calls += actual_calls
        used_dollars += Fraction(repr(actual_dollars))
    assert meter.spent.calls == used_calls <= calls
    assert used_dollars <= Fraction(repr(dollars))


def test_ten_times_a_tenth_is_one_dollar() -> None:
    meter = Meter(Budget(dollars=1))
    for _ in range(10):
        meter.reserve(dollars=0.1).settle()
    assert meter.left().dollars == 0
    assert not meter.can_afford(dollars=1e-12)


def test_settling_with_less_gives_the_rest_back() -> None:
    meter = Meter(Budget(calls=10, tokens=100))
    reservation = meter.reserve(calls=10, tokens=80)
    assert meter.left() == Budget(calls=0, tokens=20)
    reservation.settle(calls=4, tokens=30)
    assert meter.left() == Budget(calls=6, tokens=70)
    assert meter.spent.calls == 4
    assert meter.reserved == Spend()


def test_what_is_not_said_is_settled_as_reserved() -> None:
    meter = Meter(Budget(calls=10))
    meter.reserve(calls=2, evaluations=1, tokens=50, dollars=0.25).settle(calls=1)
    spent = meter.spent
    assert (spent.calls, spent.evaluations, spent.tokens, spent.dollars) == (1, 1, 50, 0.25)


def test_more_tokens_than_reserved_are_recorded_and_stop_further_grants() -> None:
    meter = Meter(Budget(tokens=100, dollars=1))
    meter.reserve(tokens=60, dollars=0.5).settle(tokens=120, dollars=1.5)
    assert meter.spent.tokens == 120
    assert meter.left() == Budget(tokens=0, dollars=0.0)
    assert not meter.can_afford(tokens=1)


@pytest.mark.parametrize("amounts", [{"calls": 3}, {"evaluations": 1}, {"tokens": -1}, {"dollars": -0.1}])
def test_more_calls_than_reserved_are_a_mistake_that_changes_nothing(amounts: dict[str, int]) -> None:
    meter = Meter(Budget(calls=10))
    reservation = meter.reserve(calls=2)
    with pytest.raises(ValueError, match=r"cannot (settle|meter)"):
        reservation.settle(**amounts)
    assert meter.reserved.calls == 2
    reservation.settle(calls=2)


def test_a_reservation_is_settled_once() -> None:
    meter = Meter(Budget(calls=10))
    reservation = meter.reserve(calls=2)
    reservation.settle(calls=1)
    reservation.release()
    with pytest.raises(BudgetError, match="settled twice"):
        reservation.settle(calls=1)
    assert meter.left().calls == 9


def test_a_released_reservation_costs_nothing() -> None:
    meter = Meter(Budget(calls=1))
    meter.reserve(calls=1).release()
    assert meter.can_afford(calls=1)
    assert meter.spent.calls == 0


def test_a_call_that_breaks_off_counts_as_paid() -> None:
    meter = Meter(Budget(calls=5))
    with pytest.raises(KeyError), meter.reserve(calls=2):
        raise KeyError
    with meter.reserve(calls=2) as reservation:
        reservation.settle(calls=1)
    assert meter.spent.calls == 3


def test_after_the_deadline_nothing_is_granted() -> None:
    clock = Clock()
    meter = Meter(Budget(calls=10, seconds=60), clock=clock)
    clock.now += 59.999
    early = meter.reserve(calls=1)
    clock.now += 0.001
    assert not meter.can_afford()
    with pytest.raises(BudgetExhausted, match="time of the budget of 10 calls, 1 min is over"):
        meter.reserve(calls=1)
    early.settle()
    assert meter.spent.calls == 1
    assert meter.left().seconds == 0
    assert meter.spent.seconds == pytest.approx(60)


def test_a_resumed_meter_goes_on_from_what_was_spent() -> None:
    clock = Clock()
    meter = Meter(
        Budget(calls=10, dollars=1, seconds=60), clock=clock, already=Spend(calls=8, dollars=0.75, seconds=50)
    )
    assert meter.left() == Budget(calls=2, dollars=0.25, seconds=10)
    meter.reserve(calls=2)
    with pytest.raises(BudgetExhausted, match="has not enough calls left for 1 call more"):
        meter.reserve(calls=1)
    clock.now += 10
    assert not meter.can_afford()


def test_money_is_refused_up_front_when_the_price_is_unknown() -> None:
    with pytest.raises(
        UnknownPrice, match=r"limits dollars and the price of a call is unknown: give the model's"
    ):
        Meter(Budget(dollars=5)).reserve(calls=1, dollars=None)
    with pytest.raises(UnknownPrice):
        Meter(Budget(dollars=5)).sub(calls=3).reserve(calls=1, dollars=None)
    assert not Meter(Budget(dollars=5)).can_afford(calls=1, dollars=None)
    Meter(Budget(calls=5)).reserve(calls=1, dollars=None).settle()


def test_the_error_names_the_limit_and_what_is_gone() -> None:
    meter = Meter(Budget(calls=10, tokens=100))
    meter.reserve(calls=7).settle()
    meter.reserve(calls=2)
    with pytest.raises(
        BudgetExhausted,
        match=r"100 tokens has not enough calls left for 2 calls more \(7 calls spent, 2 calls reserved\)",
    ):
        meter.reserve(calls=2)


def test_what_is_not_limited_is_counted_all_the_same() -> None:
    meter = Meter(Budget())
    meter.reserve(calls=10**9, dollars=0.001).settle()
    assert meter.left() == Budget()
    assert meter.spent.calls == 10**9


def test_a_share_draws_from_the_whole() -> None:
    clock = Clock()
    whole = Meter(Budget(calls=10, seconds=100), clock=clock)
    share = whole.sub(calls=4, seconds=10)
    share.reserve(calls=3).settle(calls=2)
    assert whole.spent.calls == share.spent.calls == 2
    assert share.left() == Budget(calls=2, seconds=10)
    whole.reserve(calls=7)
    assert share.left().calls == 1
    with pytest.raises(BudgetExhausted, match="the budget of 10 calls, 100 s has not enough"):
        share.reserve(calls=2)
    assert share.reserved.calls == 0
    clock.now += 10
    assert not share.can_afford()
    assert whole.can_afford(calls=1)


def test_a_refused_share_reserves_nothing_anywhere() -> None:
    whole = Meter(Budget(calls=10))
    share = whole.sub(calls=1)
    with pytest.raises(BudgetExhausted):
        share.reserve(calls=2)
    assert whole.reserved.calls == share.reserved.calls == 0


@pytest.mark.parametrize("amounts", [{"calls": -1}, {"dollars": float("nan")}, {"dollars": float("inf")}])
def test_amounts_that_are_none_are_refused(amounts: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="give finite numbers of at least 0"):
        Meter(Budget()).reserve(**amounts)  # type: ignore[arg-type]
