"""Certification: the winner against the start on sealed examples, read once, paired by example."""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.analysis.certificate import Figures, Pair, figures_of, figures_of_resamples
from hyperfunc.blas import one_torch_thread
from hyperfunc.errors import BudgetExhausted
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.execution.folding import fold, is_missing
from hyperfunc.spaces import Candidate
from hyperfunc.types import Cell, Failure

from .resampling import resampled

__all__ = ["Outcome", "Judge", "compare"]

_BLOCK = 8
_SHOWN = 12

Row = tuple[Example, Cell, Cell]
Judge = Callable[[Candidate, Sequence[Example], str], Awaitable[Sequence[Cell]]]


@dataclass(frozen=True)
class Outcome:
    """What a comparison says.

    Args:
        accepted: the winner is recommended.
        score_start, score_winner: values on the examples; NaN when there are none.
        figures: estimates with intervals; ``None`` unless the examples were held out.
        rows: examples with the cells of start and winner.
        resamples: values of both on resampled sets, for a metric over sets.
        missing: examples that could not be evaluated.
        warnings: what the user should know.
    """

    accepted: bool
    score_start: float
    score_winner: float
    figures: Figures | None = None
    rows: tuple[Row, ...] = ()
    resamples: tuple[tuple[float, float], ...] = ()
    missing: int = 0
    warnings: tuple[str, ...] = ()

    def pairs(self, per_item: bool) -> tuple[Pair, ...]:
        """The rows as a certificate has them."""
        return tuple(_pair(place, row, per_item) for place, row in enumerate(self.rows))

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


async def compare(
    judge: Judge,
    metric: Metric,
    start: Candidate,
    winner: Candidate,
    examples: Sequence[Example],
    held_out: bool,
    seed: int,
) -> Outcome:
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
    rows, missing, warnings = await _fill(judge, start, winner, examples)
    if not rows:
        reason = "the budget left nothing to confirm the winner with, so the start is kept"
        return Outcome(False, math.nan, math.nan, warnings=(*warnings, reason), missing=missing)
    seen = [e for e, _, _ in rows]
    value_start = float(await fold(metric, [a for _, a, _ in rows], seen, 1))
    value_winner = float(await fold(metric, [b for _, _, b in rows], seen, 1))
    pairs = [_pair(place, row, metric.per_item) for place, row in enumerate(rows)]
    same, figures = start.id == winner.id, None
    resamples: tuple[tuple[float, float], ...] = ()
    if held_out:
        with one_torch_thread():
            if metric.per_item:
                figures = figures_of(pairs, seed)
            else:
                sides, groups = ([a for _, a, _ in rows], [b for _, _, b in rows]), [p.group for p in pairs]
                drawn = await resampled(metric, sides, seen, groups, seed)
                resamples = tuple((before, after) for before, after in drawn)
                figures = figures_of_resamples(pairs, (value_start, value_winner), resamples)
    better = value_winner > value_start if figures is None else figures.gain.low > 0
    return Outcome(
        better and not same, value_start, value_winner, figures, tuple(rows), resamples, missing, warnings
    )


def _pair(place: int, row: Row, per_item: bool) -> Pair:
    example, before, after = row
    scores = (before.score or 0.0, after.score or 0.0) if per_item else (None, None)
    return Pair(example.key or f"#{place}", example.cluster or str(place), example.weight, *scores)


async def _fill(
    judge: Judge, start: Candidate, winner: Candidate, examples: Sequence[Example]
) -> tuple[list[Row], int, tuple[str, ...]]:
    """Cells of both, block by block, so that what a budget allows does not depend on timing."""
    rows: list[Row] = []
    for at in range(0, len(examples), _BLOCK):
        part = examples[at : at + _BLOCK]
        try:
            before = await judge(start, part, f"confirm-start-{at}")
            after = before if start.id == winner.id else await judge(winner, part, f"confirm-winner-{at}")
        except BudgetExhausted as exc:
            missing = len(examples) - len(rows)
            return rows, missing, (f"confirmed on {len(rows)} of {len(examples)} examples: {exc}",)
        rows.extend(
            (e, a, b)
            for e, a, b in zip(part, before, after, strict=True)
            if not is_missing(a) and not is_missing(b)
        )
    missing = len(examples) - len(rows)
    return rows, missing, (f"{missing} held-out examples could not be evaluated",) if missing else ()


def _shown(value: Any) -> Any:
    if isinstance(value, Failure):
        return f"failed: {value.reason}"
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return repr(value)
    return repr(value) if isinstance(value, tuple) else value
