"""Calls that another library makes: counted before they are made, from threads and from the loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any

import pytest

from hyperfunc import Example, HyperSystem, Ledger, hyperfunction, per_item
from hyperfunc.errors import BudgetError, CallError
from hyperfunc.execution.account import Charge
from hyperfunc.execution.foreign import foreign_call

EXAMPLES = [Example({"n": n}, None) for n in range(6)]
fine = per_item(lambda example, pred: 1.0)


class Library:
    """Asks models of its own, in whatever thread it is called."""

    def __init__(self, tokens: int = 10) -> None:
        self.made = 0
        self.tokens = tokens
        self.lock = threading.Lock()

    def ask(self) -> None:
        call = foreign_call(Charge(50))
        if call is not None:
            call.begin_here()
        with self.lock:
            self.made += 1
        if call is not None:
            call.end(Charge(self.tokens, 0.25))

    async def aask(self) -> None:
        call = foreign_call(Charge(50))
        assert call is not None
        await call.begin()
        self.made += 1
        call.end(Charge(self.tokens, 0.25))


def programs(library: Library) -> dict[str, Any]:
    """The ways a program may call a library."""

    @hyperfunction(blocking=True, share=False)
    def threaded(n: int) -> int:
        library.ask()
        library.ask()
        return n

    @hyperfunction(share=False)
    async def on_loop(n: int) -> int:
        await library.aask()
        await library.aask()
        return n

    @hyperfunction(share=False)
    async def blocking_the_loop(n: int) -> int:
        library.ask()
        library.ask()
        return n

    @hyperfunction(share=False)
    async def in_tasks(n: int) -> int:
        await asyncio.gather(library.aask(), library.aask())
        return n

    class Plain(HyperSystem):
        def run(self, n: int) -> int:
            library.ask()
            library.ask()
            return n

    named = {fn.name: HyperSystem([fn]) for fn in (threaded, on_loop, blocking_the_loop, in_tasks)}
    return {**named, "plain": Plain()}


KINDS = sorted(programs(Library()))


@pytest.mark.parametrize("kind", KINDS)
def test_calls_tokens_and_dollars_are_those_of_the_lane(kind: str) -> None:
    library = Library()
    value = programs(library)[kind].evaluate(EXAMPLES, fine)
    assert [(c.calls, c.tokens, c.dollars) for c in value.cells] == [(2, 20, 0.5)] * 6
    assert library.made == 12


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("budget", ["1 call", "5 calls", "7 calls", "130 tokens"])
def test_no_budget_is_exceeded(kind: str, budget: str) -> None:
    library = Library()
    with Ledger.memory() as ledger, contextlib.suppress(BudgetError):
        programs(library)[kind].experiment(EXAMPLES, fine, budget=budget, ledger=ledger)
    amount = int(budget.split()[0])
    assert 0 < library.made * (10 if "tokens" in budget else 1) <= amount


def test_unknown_dollars_are_refused_under_a_budget_in_dollars() -> None:
    made = []

    @hyperfunction(blocking=True)
    def program(n: int) -> int:
        call = foreign_call(Charge(1, None))
        assert call is not None
        call.begin_here()
        made.append(n)
        return n

    with Ledger.memory() as ledger, pytest.raises(BudgetError, match="price"):
        HyperSystem([program]).experiment(EXAMPLES, fine, budget="$5", ledger=ledger)
    assert made == []


def test_a_lane_is_charged_the_same_when_the_ledger_answers() -> None:
    library = Library()
    with Ledger.memory() as ledger:
        values = [programs(library)["threaded"].evaluate(EXAMPLES, fine, ledger=ledger) for _ in range(2)]
    assert library.made == 12
    assert values[0].cells == values[1].cells


def test_outside_of_an_evaluation_nothing_is_counted() -> None:
    assert foreign_call(Charge()) is None
    library = Library()
    programs(library)["threaded"](n=1)
    assert library.made == 2


def test_a_call_of_a_lane_that_is_over_is_refused() -> None:
    errors: list[BaseException] = []
    left = threading.Event()
    threads = []

    @hyperfunction(blocking=True, share=False)
    def program(n: int) -> int:
        call = foreign_call(Charge())
        assert call is not None

        def late() -> None:
            left.wait(10)
            try:
                call.begin_here()
            except BaseException as error:
                errors.append(error)

        threads.append(threading.Thread(target=late))
        threads[-1].start()
        return n

    async def run() -> None:
        await HyperSystem([program]).aevaluate(EXAMPLES[:1], fine)
        left.set()
        await asyncio.to_thread(threads[0].join)

    asyncio.run(run())
    assert [type(error) for error in errors] == [CallError]


def test_a_failure_that_is_nobodys_fault_gives_no_score() -> None:
    @hyperfunction(blocking=True, share=False)
    def program(n: int) -> int:
        call = foreign_call(Charge())
        assert call is not None
        call.begin_here()
        call.end(Charge(), shaky=n == 2)
        if n in (2, 3):
            raise ValueError("no answer")
        return n

    value = HyperSystem([program]).evaluate(EXAMPLES, fine)
    assert [cell.score for cell in value.cells] == [1, 1, None, 0, 1, 1]


def test_those_who_wait_go_on_when_a_call_needs_less_than_it_might_have() -> None:
    made = []

    @hyperfunction(blocking=True, share=False)
    def program(n: int) -> int:
        call = foreign_call(Charge(100))
        assert call is not None
        call.begin_here()
        time.sleep(0.01)
        made.append(n)
        call.end(Charge(1))
        return n

    with Ledger.memory() as ledger:
        HyperSystem([program]).experiment(EXAMPLES, fine, budget="120 tokens", ledger=ledger)
    assert len(made) == 6
