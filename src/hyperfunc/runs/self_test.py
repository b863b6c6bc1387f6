"""A/A: the start against a copy of itself, under other luck. What differs then is noise."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.statistics import Interval, paired_interval, smallest_difference
from hyperfunc.execution.folding import is_missing
from hyperfunc.types import Cell

__all__ = ["SelfTest", "self_test"]


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What the start did against itself.

    Args:
        examples: on which both runs gave a score.
        difference: of the second run minus the first, with its interval.
        changed: share of the examples whose score changed, in [0, 1].
        deviation: standard deviation of a single score between repeats of one example.
        resolves: the smallest true gain that the held-out examples find four times in five, were the
            differences of candidates as noisy as this; ``None`` when nothing varies or nothing is held out.
    """

    examples: int
    difference: Interval
    changed: float
    deviation: float
    resolves: float | None

    @property
    def passed(self) -> bool:
        """Whether the interval of the difference holds zero, as it must in 95 of 100 cases."""
        return self.difference.low <= 0 <= self.difference.high

    def __str__(self) -> str:
        gap = self.difference
        words = (
            f"A/A: the start against itself on {self.examples} examples: {gap.estimate:+.3f}, "
            f"{gap.level:.0%} interval {gap.low:+.3f} to {gap.high:+.3f}"
        )
        if not self.changed:
            return f"{words}; it repeats itself exactly"
        words += f"; {self.changed:.0%} of the scores change by luck alone"
        if self.resolves is not None:
            words += f", and a gain below {self.resolves:.3f} would hardly be seen"
        trust = "" if self.passed else ". Equal values differ beyond doubt: do not trust this metric"
        return words + trust


async def self_test(
    judge: Callable[[Sequence[Example], int], Awaitable[Sequence[Cell]]],
    examples: Sequence[Example],
    held_out: int,
    seed: int,
) -> SelfTest | None:
    """Evaluate the start twice under different luck, and compare the two runs like candidates.

    Args:
        judge: the start's cells on some examples under one luck.
        examples: N of them.
        held_out: how many examples the certificate will rest on.
        seed: of the bootstrap.

    Returns:
        ``None`` when no example has a score from both runs.
    """
    first, second = await judge(examples, 0), await judge(examples, 1)
    rows = [
        (e, a.score, b.score)
        for e, a, b in zip(examples, first, second, strict=True)
        if not (is_missing(a) or is_missing(b) or a.score is None or b.score is None)
    ]
    if not rows:
        return None
    differences_N = np.array([b - a for _, a, b in rows])
    groups = [e.cluster or str(n) for n, (e, _, _) in enumerate(rows)]
    spread = float(np.sqrt(np.mean(differences_N**2)))
    resolves = smallest_difference(held_out, deviation=spread) if held_out > 1 and spread else None
    return SelfTest(
        examples=len(rows),
        difference=paired_interval(differences_N, groups=groups, seed=seed),
        changed=float(np.mean(np.abs(differences_N) > 1e-12)),
        deviation=spread / math.sqrt(2),
        resolves=resolves,
    )
