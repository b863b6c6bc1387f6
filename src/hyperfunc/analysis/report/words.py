"""The sentences of a report, the same in every format."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from hyperfunc.ledger.budget import Budget

from . import text
from .data import Change, ReportData, Step

__all__ = [
    "changes_title",
    "gain_sentence",
    "headline",
    "history_rows",
    "matrix_sentence",
    "spend_rows",
    "winner_name",
]


def headline(data: ReportData) -> str:
    """The one thing to know about the run."""
    outcome = data.outcome
    if outcome is None:
        best = [step.incumbent for step in data.steps if step.incumbent is not None]
        so_far = f", {text.score(best[-1])} on training examples so far" if best else ""
        return f"Not finished: {text.count(len(data.steps), 'steps')}{so_far}"
    if outcome.recommended_start:
        return f"Keep the start: nothing was better than its {text.score(outcome.score_start)} beyond doubt"
    return f"From {text.score(outcome.score_start)} to {text.score(outcome.score_best)}"


def gain_sentence(data: ReportData) -> str:
    """How sure the headline is, and on what it rests."""
    outcome, metric = data.outcome, data.about("metric")
    if outcome is None:
        return "A run that was stopped continues where it was, and pays nothing twice."
    held_out, seen = len(outcome.scores_start), text.count(data.meta.get("n_train") or 0, "examples")
    measured = f"Measured by {metric or 'the metric'} on"
    if not data.meta.get("n_test"):
        return f"{measured} the {seen} of the search itself: nothing was held out, so no interval is claimed."
    measured = f"{measured} {text.count(held_out, 'examples')} that the search never saw"
    if not data.changes:
        return f"{measured}; the search preferred the start itself."
    if outcome.gain is None:
        return f"{measured}; no interval of the gain was measured."
    gain, whose = outcome.gain, "winner's gain" if outcome.recommended_start else "gain"
    span = f"{text.signed(gain.low)} to {text.signed(gain.high)}"
    return f"{measured}. The {whose} is {text.signed(gain.estimate)}, {gain.level:.0%} interval {span}."


def winner_name(data: ReportData) -> str:
    """What to call the values that the search preferred."""
    return "winner" if data.outcome and data.outcome.recommended_start else "recommended"


def changes_title(data: ReportData) -> str:
    """Over the changed knobs."""
    kept = data.outcome is not None and data.outcome.recommended_start
    return "What the search would have changed" if kept else "What changed"


def history_rows(steps: Sequence[Step]) -> tuple[list[str], list[list[str]]]:
    """Names of columns and the steps as rows of text; a column without any value is left out."""
    columns: dict[str, list[str]] = {
        "step": [str(step.number) for step in steps],
        "tried": [str(step.candidates) for step in steps],
        "lanes": [str(step.lanes) for step in steps],
        "best tried": ["" if step.best is None else text.score(step.best) for step in steps],
        "incumbent": ["" if step.incumbent is None else text.score(step.incumbent) for step in steps],
        "note": [text.shorten(step.note, 160) for step in steps],
    }
    used = {name: cells for name, cells in columns.items() if any(cells)}
    return list(used), [list(row) for row in zip(*used.values(), strict=True)]


def matrix_sentence(change: Change) -> str:
    """What to say of weights, whose values nobody reads."""
    shape = " × ".join(str(size) for size in change.knob.get("shape") or ())
    return f"A matrix of {shape} weights was trained." if shape else "A matrix of weights was trained."


SHOW: dict[str, Callable[[float], str]] = {
    "calls": text.count,
    "evaluations": text.count,
    "tokens": text.count,
    "dollars": text.money,
    "seconds": text.clock,
}
NAMES = {"dollars": "cost", "seconds": "time"}


def spend_rows(data: ReportData) -> list[tuple[str, str, str, float | None]]:
    """(what, spent, limit, share of the limit) of all that was used or limited; the last two may lack."""
    limits = _limits(data.meta.get("budget"))
    rows = []
    for name, show in SHOW.items():
        spent, limit = _number(data.spend.get(name)), _number(limits.get(name))
        if spent is None or (not spent and limit is None):
            continue
        share = spent / limit if limit else None
        rows.append((NAMES.get(name, name), show(spent), "" if limit is None else show(limit), share))
    return rows


def _limits(budget: Any) -> dict[str, Any]:
    """The budget as a run's meta record has it: its text or its fields."""
    return asdict(Budget.parse(budget)) if isinstance(budget, str) else dict(budget or {})


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
