"""The search of a run when an ask fails while others are under way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from hyperfunc.errors import BudgetExhausted, InfrastructureError
from hyperfunc.optimizers.base import Ask, Told
from hyperfunc.runs.searching import Searching
from hyperfunc.spaces import Real, Space


class Asking:
    """Wants several answers at once, and never more."""

    pipelined = True
    workers = 4
    ended = "nothing is left"

    def __init__(self, count: int) -> None:
        start = Space({"x": Real(0, 1)}).default
        self.asks = [Ask((start,), (number,)) for number in range(count)]

    def ask(self, load: float) -> Ask | None:
        return self.asks.pop(0) if self.asks else None

    def tell(self, ask: Ask, told: Told) -> None:
        raise AssertionError("the first answer to be read is an error")


class Desk:
    """The first ask fails at once, the others take some time."""

    history: Sequence[Any] = ()

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.finished: list[int] = []

    def affords(self, ask: Ask, under_way: Sequence[Ask]) -> bool:
        return True

    def fresh(self, ask: Ask) -> int:
        return 1

    async def evaluate(self, ask: Ask, number: int) -> Any:
        if number == 0:
            raise self.error
        await asyncio.sleep(0.02)
        self.finished.append(number)


@pytest.mark.parametrize("error", [InfrastructureError("gone"), ValueError("a bug"), BudgetExhausted("used")])
def test_what_is_in_flight_is_paid_for_and_waited_for(error: Exception) -> None:
    desk: Any = Desk(error)
    decider: Any = Asking(4)
    searching = Searching(decider, desk, ())
    if isinstance(error, BudgetExhausted):
        asyncio.run(searching.run(lambda: "used up"))
        assert searching.stopped == "used up"
    else:
        with pytest.raises(type(error)):
            asyncio.run(searching.run(lambda: "used up"))
    assert sorted(desk.finished) == [1, 2, 3]


def test_an_interruption_waits_for_nothing() -> None:
    desk: Any = Desk(asyncio.CancelledError())
    decider: Any = Asking(4)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Searching(decider, desk, ()).run(lambda: "used up"))
    assert not desk.finished
