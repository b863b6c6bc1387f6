"""How fast this machine is now, beside the one on which the goals in absolute time were set.

A goal such as "a parked call takes at most 12 µs" belongs to a machine. So that another one, or one that
others load at the same time, is judged by the library's work and not by its own speed, plain work of the
same sort is timed before and after every round, and the round's figure is divided by it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from hyperfunc.blas import one_blas_thread

__all__ = ["arrays", "interpreter", "paced"]

# Seconds of one step of each yardstick. Nobody timed them when the goals were set: the first is the least
# that was seen since on a free core, the second a tenth below that, an allowance for the machine before.
_STEP_S = 1.5e-6
_PRODUCT_S = 0.72e-3
_STEPS = 8_000
_PRODUCTS = 60


def paced(figure: Callable[[], float], yardstick: Callable[[], float], rounds: int) -> tuple[float, str]:
    """The median figure over rounds, as it would be on the machine of the goals.

    Args:
        figure: measures once; a time, so that a slow machine makes it larger.
        yardstick: how many times longer plain work takes than on the machine of the goals.
        rounds: how often to measure.

    Returns:
        The figure, and a note that says how much longer the yardstick took here.
    """
    fair, pace = [], []
    before = yardstick()
    for _ in range(rounds):
        value = figure()
        after = yardstick()
        pace.append((before + after) / 2)
        fair.append(value / pace[-1])
        before = after
    note = f"at the pace of the goals' machine; here all takes {statistics.median(pace):.2f} of its time"
    return statistics.median(fair), note


_WHERE: ContextVar[Any] = ContextVar("_WHERE", default=None)


class _Frame:
    __slots__ = ("above", "notes", "place")

    def __init__(self, above: Any, place: tuple[Any, ...]) -> None:
        self.above = above
        self.place = place
        self.notes: dict[Any, int] = {}


async def _leaf(x: float) -> float:
    return x


async def _step(x: float, open_: dict[Any, _Frame]) -> float:
    above = _WHERE.get()
    key = ("step", x.hex())
    frame = open_[key] = _Frame(above, key)
    frame.notes[key] = 1
    token = _WHERE.set(frame)
    try:
        return await _leaf(x)
    finally:
        _WHERE.reset(token)
        del open_[key]


async def _steps() -> float:
    open_: dict[Any, _Frame] = {}
    began = time.thread_time()
    for number in range(_STEPS):
        await _step(float(number), open_)
    return time.thread_time() - began


def interpreter() -> float:
    """Objects, dicts, context variables and coroutines: what a call of a hyperfunction is made of."""
    return asyncio.run(_steps()) / _STEPS / _STEP_S


@one_blas_thread()
def arrays() -> float:
    """Products and exponentials of doubles on one core: what a small model is made of."""
    random = np.random.default_rng(0)
    rows, weight = random.standard_normal((64, 256)), random.standard_normal((256, 1024))
    began = time.thread_time()
    for _ in range(_PRODUCTS):
        np.exp(-np.abs(rows @ weight)).sum()
    return (time.thread_time() - began) / _PRODUCTS / _PRODUCT_S
