"""What the runtime policy holds: time limits, cancellation, interrupts, limits of calls."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from benchmarks.report_table import Table
from hyperfunc import Example, HyperSystem, hyperfunction
from hyperfunc.errors import BudgetExhausted

__all__ = ["begun_after_cancelling", "cut_off", "measure", "most_calls", "survived_interrupts"]

LIMIT_S, SLEEP_S = 0.05, 1.0


def _fine(example: Example, prediction: Any) -> float:
    return 1.0


def _rows(number: int) -> list[Example]:
    return [Example({"i": i}, None) for i in range(number)]


@hyperfunction(timeout_s=LIMIT_S)
def nap(i: int) -> int:
    """Too slow for every fourth."""
    if i % 4 == 1:
        time.sleep(SLEEP_S)
    return i


class Naps(HyperSystem):
    """One call a lane."""

    def run(self, i: int) -> int:
        """Nap."""
        return int(nap(i))


def cut_off(rounds: int, lanes: int = 8) -> tuple[float, int]:
    """Seconds of an evaluation whose slow calls are cut off, and how many lanes had the wrong outcome."""
    system, seconds, wrong = Naps([nap]), [], 0
    system.evaluate(_rows(1), _fine)
    for _ in range(rounds):
        began = time.perf_counter()
        found = system.evaluate(_rows(lanes), _fine)
        seconds.append(time.perf_counter() - began)
        wrong += sum((cell.score == 0.0) != (i % 4 == 1) for i, cell in enumerate(found.cells))
    return statistics.median(seconds), wrong


def begun_after_cancelling(rounds: int) -> int:
    """Attempts of tasks that were cancelled, or after their evaluation has ended, by stubborn functions."""
    ended = float("inf")
    late = 0

    def begin(task: asyncio.Task[Any] | None, grace: float = 0.0) -> None:
        nonlocal late
        late += time.monotonic() > ended + grace or (task is not None and task.cancelling() > 0)

    @hyperfunction(retries=5, backoff_s=0.001)
    async def failing(i: int) -> int:
        begin(asyncio.current_task())
        await asyncio.sleep(0.001)
        raise ValueError

    @hyperfunction(retries=5, backoff_s=0.0)
    async def renaming(i: int) -> int:
        begin(asyncio.current_task())
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise ValueError from None
        return i

    @hyperfunction(retries=5, timeout_s=0.5, backoff_s=0.0)
    def sleeping(i: int) -> int:
        # A thread that was started before may come to run a little later.
        begin(None, grace=0.05)
        time.sleep(0.03)
        raise ValueError

    functions = [failing, renaming, sleeping]

    class Stubborn(HyperSystem):
        async def run(self, i: int) -> int:
            result = functions[i % 3](i)
            return int(result if i % 3 == 2 else await result)

    async def one(pause: float) -> None:
        nonlocal ended
        task = asyncio.ensure_future(Stubborn(functions).aevaluate(_rows(30), _fine))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.wait([task])
        ended = time.monotonic()
        await asyncio.sleep(0.2)
        ended = float("inf")

    for number in range(rounds):
        asyncio.run(one(0.002 * (number + 1)))
    return late


def survived_interrupts() -> int:
    """How many of 8 interrupts retries swallow: two kinds, sync and async, with and without a time limit."""
    swallowed = 0
    for death in (KeyboardInterrupt, SystemExit):
        for timeout_s in (None, 5.0):
            for is_async in (False, True):
                swallowed += not _dies(death, timeout_s, is_async)
    return swallowed


def _dies(death: type[BaseException], timeout_s: float | None, is_async: bool) -> bool:
    settings: dict[str, Any] = {"retries": 5, "timeout_s": timeout_s, "backoff_s": 0.0}

    @hyperfunction(**settings)
    def sync(i: int) -> int:
        raise death

    @hyperfunction(**settings)
    async def waits(i: int) -> int:
        raise death

    fn = waits if is_async else sync

    class Dying(HyperSystem):
        def run(self, i: int) -> int:
            try:
                return int(fn(i))
            except Exception:
                return -1

    try:
        Dying([fn]).evaluate(_rows(2), _fine)
    except death:
        return True
    return False


def most_calls(per_lane: int, per_run: int) -> tuple[int, int]:
    """The most calls that were made in one lane, and in one run, under limits of both."""
    made: dict[int, int] = {}

    @hyperfunction(max_calls=per_lane, share=False)
    async def step(i: int) -> int:
        made[i] = made.get(i, 0) + 1
        return i

    @hyperfunction(max_calls_per_run=per_run, share=False)
    async def dear(i: int) -> int:
        made[i] = made.get(i, 0) + 1
        return i

    class Endless(HyperSystem):
        async def run(self, i: int) -> int:
            while True:
                await step(i)

    class Dear(HyperSystem):
        async def run(self, i: int) -> int:
            return int(await dear(i))

    Endless([step]).evaluate(_rows(20), _fine)
    lane = max(made.values())
    made.clear()
    try:
        Dear([dear]).evaluate(_rows(200), _fine)
    except BudgetExhausted:
        return lane, sum(made.values())
    raise RuntimeError("a run went on after max_calls_per_run")


def measure(table: Table) -> None:
    """Add the figures."""
    rounds = 3 if table.quick else 15
    seconds, wrong = cut_off(rounds)
    note = f"sync, sleeps {SLEEP_S:g} s, timeout_s={LIMIT_S}"
    table.add("evaluation with calls that are cut off", seconds, "s", at_most=0.2, note=note)
    table.add("lanes beside them with a wrong outcome", wrong, at_most=0)
    table.add("attempts of tasks that were cancelled", begun_after_cancelling(rounds), at_most=0)
    table.add("interrupts that retries swallowed, of 8", survived_interrupts(), at_most=0)
    lane, run = most_calls(5, 30)
    table.add("calls in a lane with max_calls=5", lane, at_least=5, at_most=5)
    table.add("calls in a run with max_calls_per_run=30", run, at_least=30, at_most=30)


if __name__ == "__main__":
    import sys

    from benchmarks.report_table import run as run_table

    sys.exit(run_table("models: policy", measure))
