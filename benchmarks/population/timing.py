"""Times of alternatives that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["Ratios", "interleaved", "ratios"]

Ratios = dict[str, list[float]]
"""Alternative to one ratio per round."""


def interleaved(ways: Mapping[str, Callable[[], object]], rounds: int, repeats: int = 1) -> Ratios:
    """Seconds of processor time by alternative, one number per round."""
    for way in ways.values():
        way()
    seconds: Ratios = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
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
