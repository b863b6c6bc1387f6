"""Random budgets, batches and concurrency: what the world counted above what was allowed."""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reflective.running import Models, Plan, played, side_by_side
from benchmarks.report_table import Table
from hyperfunc.errors import BudgetTooSmall

__all__ = ["Overshoot", "measure", "overshoots"]

MOST = 300
"""Calls of the largest budget."""
PARTS = 8


def measure(table: Table) -> None:
    """1,000 random settings."""
    found = overshoots(16 if table.quick else 1000)
    refused = sum(each.refused for each in found)
    note = f"{len(found)} settings, {refused} budgets too small to begin with"
    table.add("calls beyond a budget, the most", max(e.calls for e in found), at_most=0, note=note)
    most = max(e.evaluations for e in found)
    table.add("rollouts beyond a budget, the most", most, at_most=0, note=note)


@dataclass(frozen=True)
class Overshoot:
    """What one run did beyond its budget.

    Args:
        calls: requests to the world and the reflector, above the limit; at least 0.
        evaluations: rollouts of different cells, above the limit; at least 0.
        refused: the budget was too small to begin with.
    """

    calls: int = 0
    evaluations: int = 0
    refused: bool = False


def overshoots(count: int) -> list[Overshoot]:
    """Of so many random settings, by the count of the world and the reflector and never by the library's."""
    parts = [range(first, count, PARTS) for first in range(PARTS)]
    return [each for part in side_by_side(_part, parts) for each in part]


def _part(numbers: range) -> list[Overshoot]:
    return [_one(number) for number in numbers]


def _one(number: int) -> Overshoot:
    rng = random.Random(number)
    calls, evaluations = rng.randrange(MOST), rng.randrange(MOST)
    limits = rng.choice(([f"{calls} calls"], [f"{evaluations} evaluations"],
                         [f"{calls} calls", f"{evaluations} evaluations"]))  # fmt: skip
    plan = Plan(
        seed=number,
        budget=", ".join(limits),
        workers=rng.choice((1, 2, 5, 16, 64)),
        lanes=rng.choice((None, 1, 3, 16)),
        # Requests that take a while are in flight when the budget ends.
        rollout_s=rng.choice((0.0, 0.0005)),
        reflection_s=rng.choice((0.0, 0.002)),
        settings={"batch": rng.choice((1, 3, 8, 20)), "workers": rng.choice((1, 4, 16, 64))},
    )
    models, refused = Models(plan), False
    with tempfile.TemporaryDirectory() as folder:
        try:
            played(plan, Path(folder), models=models)
        except BudgetTooSmall:
            refused = True
    made = models.rollouts.calls + models.reflecting.calls
    return Overshoot(
        max(0, made - calls) if "calls" in plan.budget else 0,
        max(0, models.rollouts.calls - evaluations) if "evaluations" in plan.budget else 0,
        refused,
    )
