"""Confirmation: the winner against the start on held-out examples, touched once, paired by example."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.blas import one_torch_thread
from hyperfunc.errors import BudgetExhausted
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.evaluation.stacks import stack, take
from hyperfunc.evaluation.statistics import Interval, paired_interval
from hyperfunc.execution.folding import fold, is_missing
from hyperfunc.rng import generator
from hyperfunc.spaces import Candidate
from hyperfunc.types import Cell, Failure

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Confirmation", "confirm"]

_BLOCK = 8
_SHOWN = 12
_RESAMPLES = 400

Rows = Sequence[tuple[Example, Cell, Cell]]
Judge = Callable[[Candidate, Sequence[Example], str], Awaitable[Sequence[Cell]]]


@dataclass(frozen=True)
class Confirmation:
    """What the held-out examples say."""

    accepted: bool
    score_start: float
    score_winner: float
    gain: Interval | None
    rows: tuple[tuple[Example, Cell, Cell], ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For the report: all scores, and a few items side by side."""
        return {
            "scores_start": [a.score for _, a, _ in self.rows],
            "scores_best": [b.score for _, _, b in self.rows],
            "items": [
                {
                    "inputs": _shown(dict(example.inputs)),
                    "expected": _shown(example.expected),
                    "start": _shown(a.prediction),
                    "best": _shown(b.prediction),
                    "score_start": a.score,
                    "score_best": b.score,
                    "feedback_start": a.feedback,
                    "feedback_best": b.feedback,
                }
                for example, a, b in self.rows[:_SHOWN]
            ],
        }


async def confirm(
    judge: Judge,
    metric: Metric,
    start: Candidate,
    winner: Candidate,
    examples: Sequence[Example],
    held_out: bool,
    seed: int,
) -> Confirmation:
    """Compare two candidates on the same examples under the same luck.

    Args:
        judge: fills the cells of a candidate on some examples.
        metric: of either kind.
        start, winner: what is compared.
        examples: N of them.
        held_out: whether the search never saw them; only then an interval is claimed.
        seed: of the bootstrap.

    Returns:
        The winner is accepted when the 95 % interval of its paired gain lies above zero; without
        held-out examples, when it is simply better.
    """
    rows, warnings = await _fill(judge, start, winner, examples)
    if not rows:
        reason = "the budget left nothing to confirm the winner with, so the start is kept"
        return Confirmation(False, math.nan, math.nan, None, (), (*warnings, reason))
    seen = [e for e, _, _ in rows]
    value_start = await fold(metric, [a for _, a, _ in rows], seen, 1)
    value_winner = await fold(metric, [b for _, _, b in rows], seen, 1)
    same = start.id == winner.id
    gain = None
    if held_out and not same:
        with one_torch_thread():
            gain = await _interval(metric, rows, seed)
    accepted = not same and (value_winner > value_start if gain is None else gain.low > 0)
    return Confirmation(accepted, float(value_start), float(value_winner), gain, tuple(rows), tuple(warnings))


async def _fill(
    judge: Judge, start: Candidate, winner: Candidate, examples: Sequence[Example]
) -> tuple[list[tuple[Example, Cell, Cell]], list[str]]:
    """Cells of both, block by block, so that what a budget allows does not depend on timing."""
    rows: list[tuple[Example, Cell, Cell]] = []
    for at in range(0, len(examples), _BLOCK):
        part = examples[at : at + _BLOCK]
        try:
            before = await judge(start, part, f"confirm-start-{at}")
            after = before if start.id == winner.id else await judge(winner, part, f"confirm-winner-{at}")
        except BudgetExhausted as exc:
            return rows, [f"confirmed on {len(rows)} of {len(examples)} examples: {exc}"]
        rows.extend(
            (e, a, b)
            for e, a, b in zip(part, before, after, strict=True)
            if not is_missing(a) and not is_missing(b)
        )
    missing = len(examples) - len(rows)
    return rows, [f"{missing} held-out examples could not be evaluated"] if missing else []


async def _interval(metric: Metric, rows: Rows, seed: int) -> Interval:
    groups = [e.group or e.luck or str(i) for i, (e, _, _) in enumerate(rows)]
    if metric.per_item:
        differences_N = np.array([(b.score or 0.0) - (a.score or 0.0) for _, a, b in rows])
        return paired_interval(differences_N, groups=groups, seed=seed)
    rng = generator(seed, "confirm")
    gain_of = _set_gain(metric, rows)
    gains = [await gain_of(rng.integers(0, len(rows), len(rows))) for _ in range(_RESAMPLES)]
    low, high = (float(x) for x in np.quantile(gains, (0.025, 0.975)))
    estimate = await gain_of(np.arange(len(rows)))
    return Interval(low=low, high=high, estimate=estimate, level=0.95, method="paired percentile bootstrap")


def _set_gain(metric: Metric, rows: Rows) -> Callable[[NDArray[np.int64]], Awaitable[float]]:
    """The gain of the winner over the start on some of the rows, for a metric over sets."""

    async def folded(places: NDArray[np.int64]) -> float:
        picked = [rows[i] for i in places]
        expected = [e.expected for e, _, _ in picked]
        after = await metric.fold([b.prediction for _, _, b in picked], expected)
        return after - await metric.fold([a.prediction for _, a, _ in picked], expected)

    failed = any(isinstance(cell.prediction, Failure) for _, *cells in rows for cell in cells)
    if metric.kind != "batch" or failed:
        return folded
    # Stacked once: 400 resamples of a thousand tensors would be as many copies of each.
    both = stack([stack([b.prediction for _, _, b in rows]), stack([a.prediction for _, a, _ in rows])])
    expected = stack([e.expected for e, _, _ in rows])

    async def batched(places: NDArray[np.int64]) -> float:
        values = metric.function(take(both, places, axis=1), take(expected, places))
        return float(values[0]) - float(values[1])

    return batched


def _shown(value: Any) -> Any:
    if isinstance(value, Failure):
        return f"failed: {value.reason}"
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return repr(value) if isinstance(value, tuple) else value
