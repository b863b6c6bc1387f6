"""What a call costs, how many lanes fit, and what waits for what."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from hyperfunc import Example, HyperSystem, LMParam, hyperfunction

__all__ = ["attached", "fan_out", "lane_memory", "parked", "shared_calls"]


def plain(x: float) -> float:
    """What a call is compared with."""
    return x


async def plain_async(x: float) -> float:
    """What an async call is compared with."""
    return x


@hyperfunction(hp_type=LMParam, optimize_hparams=True)
def light(x: float, *, hp: LMParam) -> float:
    """A sync hyperfunction with a parameter group."""
    return x


@hyperfunction(hp_type=LMParam, optimize_hparams=True)
async def light_async(x: float, *, hp: LMParam) -> float:
    """An async hyperfunction with a parameter group."""
    return x


class Sync(HyperSystem):
    """Times calls from inside a sync run."""

    def run(self, calls: int, own: bool) -> float:
        """Microseconds a call."""
        fn: Callable[..., Any] = light if own else plain
        began = time.thread_time()
        for i in range(calls):
            fn(float(i))
        return (time.thread_time() - began) / calls * 1e6


class Async(HyperSystem):
    """Times calls from inside an async run."""

    async def run(self, calls: int, own: bool) -> float:
        """Microseconds a call."""
        fn: Callable[..., Any] = light_async if own else plain_async
        began = time.thread_time()
        for i in range(calls):
            await fn(float(i))
        return (time.thread_time() - began) / calls * 1e6


def _last(preds: list[float], expected: list[Any]) -> float:
    return preds[0]


def attached(system: HyperSystem, calls: int) -> float:
    """Microseconds that an attached call costs above the plain function."""
    return float(system(calls=calls, own=True) - system(calls=calls, own=False))


def parked(system: HyperSystem, calls: int) -> float:
    """Microseconds a parked call takes inside a lane."""
    return float(system.evaluate([Example({"calls": calls, "own": True}, 0.0)], _last))


@hyperfunction
async def waits(x: int) -> int:
    """Waits 50 ms."""
    await asyncio.sleep(0.05)
    return x


class Waiting(HyperSystem):
    """One call that waits."""

    async def run(self, x: int) -> int:
        """Wait."""
        return int(await waits(x))


def _sum(preds: list[float], expected: list[Any]) -> float:
    return float(sum(preds))


def fan_out(rounds: int) -> tuple[list[float], list[float]]:
    """Wall time of 512 lanes over a bare gather, by ``evaluate`` and by ``evaluate_population``."""

    async def bare() -> None:
        await asyncio.gather(*(asyncio.sleep(0.05) for _ in range(512)))

    def wall(work: Callable[[], Any]) -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    system = Waiting([waits])
    data = [Example({"x": i}, 0) for i in range(512)]
    system.evaluate(data, _sum)
    population = [system.candidate] * 32
    alone, together = [], []
    for _ in range(rounds):
        base = wall(lambda: asyncio.run(bare()))
        alone.append(wall(lambda: system.evaluate(data, _sum)) / base)
        together.append(wall(lambda: system.evaluate_population(population, data[:16], _sum)) / base)
    return alone, together


@hyperfunction
async def yields(x: float) -> float:
    """Lets others go first."""
    await asyncio.sleep(0)
    return x


class Two(HyperSystem):
    """Two async calls."""

    async def run(self, x: float) -> float:
        """One after the other."""
        return float(await yields(await yields(x) + 0.5))


_MEMORY = """
import resource
from benchmarks.engine.overhead import Two, _sum
from hyperfunc import Example
data = [Example({"x": float(i)}, 0) for i in range(LANES)]
system = Two()
system.evaluate(data[:10], _sum)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
system.evaluate(data, _sum, max_concurrency=LANES, max_batch_size=LANES)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / LANES)
"""


def lane_memory(lanes: int) -> float:
    """Kilobytes a lane when all lanes live at once, in a process of its own."""
    code = _MEMORY.replace("LANES", str(lanes))
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout)


def shared_calls() -> int:
    """How often a function really runs when ten equal calls are in flight."""
    made = 0

    @hyperfunction
    async def once(x: int) -> int:
        nonlocal made
        made += 1
        await asyncio.sleep(0.01)
        return x

    class Ten(HyperSystem):
        async def run(self, x: int) -> int:
            return sum(await asyncio.gather(*(once(x) for _ in range(10))))

    Ten([once]).evaluate([Example({"x": 1}, 10)], _sum)
    return made
