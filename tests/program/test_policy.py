"""The runtime policy: what is cut off, what is tried again, what always passes through, what is counted."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from typing import Any

import pytest

from hyperfunc import Example, HyperSystem, Ledger, hyperfunction, per_item
from hyperfunc.errors import (
    BadAnswer,
    BudgetExhausted,
    CallLimit,
    CallTimeout,
    InfrastructureError,
    KeyRefused,
    ModelError,
    ProgramError,
    QuotaExhausted,
    RequestRefused,
    UnknownModel,
)
from hyperfunc.program.policy import Policy, run_async, run_sync, run_thread


@per_item
def everything(example: Example, pred: Any) -> float:
    return 1.0


def rows(n: int) -> list[Example]:
    return [Example({"i": i}, None) for i in range(n)]


def system_of(run: Any, *functions: Any) -> HyperSystem:
    return type("Made", (HyperSystem,), {"run": run})(functions)


def evaluate(run: Any, n: int = 1, **options: Any) -> Any:
    return system_of(run).evaluate(rows(n), everything, **options)


# Time limits


def test_a_sync_function_that_sleeps_too_long_is_a_failed_cell_and_the_run_goes_on() -> None:
    @hyperfunction(timeout_s=0.05)
    def nap(x: int) -> int:
        if x == 1:
            time.sleep(1)
        return x

    def run(self: Any, i: int) -> int:
        return int(nap(i))

    evaluate(run, 1)  # what is only done once is not what is measured
    best = float("inf")
    for _ in range(3):
        began = time.monotonic()
        found = evaluate(run, 3)
        best = min(best, time.monotonic() - began)
        assert [c.score for c in found.cells] == [1.0, 0.0, 1.0]
        assert (
            found.cells[1].failure == "CallTimeout: nap took longer than its timeout_s=0.05; it was cut off"
        )
    assert best <= 0.2


def test_a_function_that_swallows_its_cancellation_is_still_late() -> None:
    @hyperfunction(timeout_s=0.01)
    async def stubborn(x: int) -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            return "I was fast enough"
        return "never"

    @hyperfunction(timeout_s=0.01)
    async def renaming(x: int) -> str:
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            raise ValueError("something else") from None
        return "never"

    async def run(self: Any, i: int) -> str:
        return str(await (stubborn if i else renaming)(i))

    failures = [cell.failure or "" for cell in evaluate(run, 2).cells]
    assert [failure.partition(" took")[0] for failure in failures] == [
        "CallTimeout: renaming", "CallTimeout: stubborn",
    ]  # fmt: skip


def test_each_attempt_has_the_whole_time() -> None:
    made: list[int] = []

    async def attempt() -> str:
        made.append(1)
        await asyncio.sleep(0.03 if len(made) < 3 else 0.0)
        return "third"

    policy = Policy(retries=2, timeout_s=0.01, backoff_s=0.0)
    assert asyncio.run(run_async(policy, "f", attempt)) == "third"


def test_production_is_cut_off_too() -> None:
    released = threading.Event()

    @hyperfunction(timeout_s=0.02)
    def hang(x: int) -> int:
        released.wait(10)
        return x

    def run(self: Any, i: int) -> int:
        return int(hang(i))

    with pytest.raises(CallTimeout):
        system_of(run)(i=1)
    with pytest.raises(CallTimeout):
        hang(1)
    released.set()


def test_what_an_abandoned_thread_returns_is_dropped() -> None:
    released, ended = threading.Event(), threading.Event()

    def late() -> str:
        released.wait(10)
        ended.set()
        return "late"

    async def go() -> list[str]:
        waiting = asyncio.create_task(run_thread(late))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        released.set()
        while not ended.is_set():  # noqa: ASYNC110 - it ends in another thread
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        return ["nothing happened"]

    assert asyncio.run(go()) == ["nothing happened"]


def test_a_thread_may_raise_anything() -> None:
    def stop() -> None:
        raise StopIteration

    async def go(work: Any) -> None:
        async with asyncio.timeout(5):
            await run_thread(work)

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(go(stop))


# Cancellation and interrupts


def test_a_cancelled_task_never_runs_again_whatever_the_function_makes_of_it() -> None:
    made: list[str] = []

    async def rename() -> None:
        made.append("rename")
        try:
            await asyncio.sleep(5)
        except asyncio.CancelledError:
            raise ValueError("an ordinary error") from None

    async def plain() -> None:
        made.append("plain")
        await asyncio.sleep(5)

    async def fails() -> None:
        made.append("fails")
        raise ValueError

    async def go(attempt: Any, policy: Policy) -> None:
        task = asyncio.create_task(run_async(policy, "f", attempt))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    asyncio.run(go(rename, Policy(retries=5, backoff_s=0.0)))
    asyncio.run(go(rename, Policy(retries=5, timeout_s=3, backoff_s=0.0)))
    asyncio.run(go(plain, Policy(retries=5, backoff_s=0.0)))
    asyncio.run(go(fails, Policy(retries=5, backoff_s=1e6)))  # it is cancelled while it pauses
    assert made == ["rename", "rename", "plain", "fails"]


@pytest.mark.parametrize("death", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_what_is_no_exception_passes_at_once(death: type[BaseException]) -> None:
    made: list[int] = []

    async def attempt() -> None:
        made.append(1)
        raise death

    def attempt_sync() -> None:
        made.append(1)
        raise death

    for policy in (Policy(retries=5), Policy(retries=5, timeout_s=3)):
        with pytest.raises(death):
            asyncio.run(run_async(policy, "f", attempt))
        with pytest.raises(death):
            run_sync(policy, "f", attempt_sync)
    assert len(made) == 4


# Retries


def attempts(error: Exception, **policy: Any) -> int:
    made: list[int] = []

    async def attempt() -> None:
        made.append(1)
        raise error

    def attempt_sync() -> None:
        made.append(1)
        raise error

    given = Policy(retries=2, backoff_s=0.0, **policy)
    with pytest.raises(type(error)):
        asyncio.run(run_async(given, "f", attempt))
    count = len(made)
    with pytest.raises(type(error)):
        run_sync(given, "f", attempt_sync)
    assert len(made) == 2 * count
    return count


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), InfrastructureError("x"), ConnectionError("x"), BadAnswer("x"), TimeoutError("x")],
)
def test_errors_are_tried_again(error: Exception) -> None:
    assert attempts(error) == 3


@pytest.mark.parametrize(
    "error",
    [BudgetExhausted("x"), CallLimit("x"), ProgramError("x"), ModelError("x"), UnknownModel("x"),
     RequestRefused("x"), KeyRefused("x"), QuotaExhausted("x")],
)  # fmt: skip
def test_what_asking_again_cannot_change_is_not(error: Exception) -> None:
    assert attempts(error) == 1
    assert attempts(error, retry_on=type(error)) == 1


def test_retry_on_says_which() -> None:
    assert attempts(KeyError("x"), retry_on=(KeyError, ConnectionError)) == 3
    assert attempts(IndexError("x"), retry_on=LookupError) == 3
    assert attempts(ValueError("x"), retry_on=(KeyError, ConnectionError)) == 1


def test_retry_on_is_a_setting_of_the_decorator() -> None:
    made: list[int] = []

    @hyperfunction(retries=3, retry_on=KeyError, backoff_s=0.0)
    async def work(x: int) -> int:
        made.append(x)
        if len(made) < 3:
            raise KeyError(x)
        raise ValueError(x)

    async def run(self: Any, i: int) -> int:
        return int(await work(i))

    assert evaluate(run).cells[0].failure == "ValueError: 0"
    assert len(made) == 3


def test_pauses_double_with_full_jitter_and_have_an_end() -> None:
    policy = Policy(backoff_s=0.5)
    for number in (0, 1, 2, 20, 2000):
        pauses = [policy.pause(number) for _ in range(300)]
        most = min(30.0, 0.5 * 2.0 ** min(number, 10))
        assert 0 <= min(pauses) < 0.1 * most
        assert 0.9 * most < max(pauses) <= most


def test_jitter_leaves_the_programs_random_numbers_alone() -> None:
    random.seed(7)
    expected = random.random()
    random.seed(7)
    Policy().pause(3)
    assert random.random() == expected


# Counting


def test_max_calls_counts_calls_and_not_attempts() -> None:
    made: list[int] = []

    @hyperfunction(max_calls=2, retries=3, backoff_s=0.0)
    async def work(x: int) -> int:
        made.append(x)
        if len(made) % 2:
            raise ValueError
        return x

    async def run(self: Any, i: int) -> int:
        return sum([await work(x) for x in range(i + 1)])

    found = evaluate(run, 3)
    assert [c.score for c in found.cells] == [1.0, 1.0, 0.0]
    assert (found.cells[2].failure or "").startswith("CallLimit: work was called more than max_calls=2 times")


@pytest.mark.parametrize("sync", [False, True])
def test_max_calls_holds_in_one_run_of_production(sync: bool) -> None:
    @hyperfunction(max_calls=2)
    async def work(x: int) -> int:
        return x

    async def run(self: Any, i: int) -> int:
        return sum([await work(x) for x in range(i)])

    def run_sync_(self: Any, i: int) -> int:
        return sum(work(x) for x in range(i))

    system = system_of(run_sync_ if sync else run)
    for _ in range(3):
        assert system(i=2) == 1
    with pytest.raises(CallLimit, match="max_calls=2"):
        system(i=3)
    assert asyncio.run(system.acall(i=2)) == 1
    # A call by itself belongs to no lane.
    assert [asyncio.run(work(x)) for x in range(4)] == [0, 1, 2, 3]


def test_max_calls_per_run_ends_the_run_and_what_was_done_is_kept() -> None:
    made: list[int] = []

    @hyperfunction(max_calls_per_run=3)
    async def work(x: int) -> int:
        made.append(x)
        return x

    async def run(self: Any, i: int) -> int:
        try:
            return int(await work(i // 2))
        except Exception:
            return -1  # whoever swallows it is not believed

    system = system_of(run)
    with Ledger.memory() as ledger:
        # Equal calls are made once, and what is shared is not counted.
        assert system.evaluate(rows(6), everything, ledger=ledger).predictions == [0, 0, 1, 1, 2, 2]
        with pytest.raises(BudgetExhausted, match=r"work was called max_calls_per_run=3 times"):
            system.evaluate(rows(20), everything, ledger=ledger, max_concurrency=1)
        made.clear()
        # Lanes that are there need no calls.
        assert system.evaluate(rows(6), everything, ledger=ledger).predictions == [0, 0, 1, 1, 2, 2]
        assert made == []


def test_an_optimisation_ends_at_max_calls_per_run_with_a_result() -> None:
    from hyperfunc import LMParam

    made: list[int] = []

    @hyperfunction(max_calls_per_run=9, hp_type=LMParam, optimize_hparams=True)
    def work(i: int, *, hp: LMParam) -> float:
        made.append(i)
        return hp.temperature

    def run(self: Any, i: int) -> float:
        return float(work(i))

    def low(preds: list[float], expected: list[Any]) -> float:
        return 1 - sum(preds) / len(preds) / 2

    result = system_of(run, work).optimize(rows(4), low, budget="400 evaluations")
    assert len(made) == 9
    assert "max_calls_per_run=9" in str(result)


# Settings


@pytest.mark.parametrize(
    "wrong",
    [{"retries": -1}, {"retries": 1.5}, {"retries": True}, {"timeout_s": 0}, {"timeout_s": -1},
     {"timeout_s": float("nan")}, {"max_calls": 0}, {"max_calls_per_run": 0}, {"backoff_s": -0.1},
     {"retry_on": KeyboardInterrupt}, {"retry_on": (ValueError, asyncio.CancelledError)},
     {"retry_on": ValueError("x")}],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProgramError, match=next(iter(wrong))):
        hyperfunction(**wrong)(lambda x: x)
