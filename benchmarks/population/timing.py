"""Times of alternatives that take turns."""

from __future__ import annotations

import ctypes
import statistics
import sys
import time
from collections.abc import Callable, Mapping

__all__ = ["Ratios", "interleaved", "keep_memory", "ratios"]

Ratios = dict[str, list[float]]
"""Alternative to one ratio per round."""


def keep_memory() -> None:
    """Have the process keep what it frees.

    Giving memory back to the system and taking it again costs as much as a layer's bias, and when that
    happens depends on what was freed before, by whichever alternative.
    """
    if sys.platform == "linux":
        for parameter in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
            ctypes.CDLL(None).mallopt(parameter, 1 << 30)


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int, repeats: int = 1) -> Ratios:
    """Seconds of processor time by alternative, one number per round.

    Each turn begins with a run that is not timed, so that nobody pays for memory and caches which the
    alternative before left in another state.
    """
    seconds: Ratios = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            way()
            began = time.process_time()
            for _ in range(repeats):
                way()
            seconds[name].append((time.process_time() - began) / repeats)
    return seconds


def ratios(seconds: Ratios, pure: str = "pure") -> Ratios:
    """How fast each other alternative is, with 1 for the best of those whose name begins with ``pure``."""
    base = min(
        (name for name in seconds if name.startswith(pure)), key=lambda n: statistics.median(seconds[n])
    )
    others = {name: taken for name, taken in seconds.items() if not name.startswith(pure)}
    return {n: [a / b for a, b in zip(seconds[base], taken, strict=True)] for n, taken in others.items()}
