"""Metrics that take a trace and a component's name, and what metrics of one prediction may return."""

from __future__ import annotations

import asyncio
import math
from types import SimpleNamespace
from typing import Any

import pytest

from hyperfunc import Example, HyperSystem, Ledger, ScoreResult, hyperfunction, per_item
from hyperfunc.errors import MetricError
from hyperfunc.evaluation import as_metric
from hyperfunc.evaluation.metrics import checked_score

EXAMPLE = Example({"text": "a"}, "a")


@hyperfunction
def echo(text: str) -> str:
    return text


def all_five(
    gold: Any, pred: Any, trace: Any = None, pred_name: Any = None, pred_trace: Any = None
) -> dict[str, Any]:
    about = f"{pred_name} with {pred_trace}" if pred_name else f"the whole with {trace}"
    return {"score": float(gold.expected == pred), "feedback": about, "objective_scores": {"short": 0.5}}


def all_needed(gold: Any, pred: Any, trace: Any, pred_name: Any, pred_trace: Any) -> dict[str, Any]:
    calls = [call.name for call in trace.calls]
    return {"score": float(gold.expected == trace.output), "feedback": f"{pred_name} {pred_trace} {calls}"}


def dspy_like(x: Any, y: Any, trace: Any = None) -> SimpleNamespace:
    return SimpleNamespace(score=0.25, feedback=f"trace {trace}")


def named_only(example: Any, pred: Any, *, pred_name: str | None = None) -> float:
    return 1.0 if pred_name == "echo" else 0.5


@pytest.mark.parametrize(
    ("metric", "takes", "value", "feedback"),
    [
        (all_five, ("trace", "pred_name", "pred_trace"), 1.0, "the whole with None"),
        (all_needed, ("trace", "pred_name", "pred_trace"), 1.0, "None None ['echo']"),
        (dspy_like, ("trace",), 0.25, "trace None"),
        (named_only, ("pred_name",), 0.5, ""),
        (per_item(lambda a, b, trace=None: 0.5), ("trace",), 0.5, ""),
        (lambda example, pred: 0.5, (), 0.5, ""),
        (lambda example, pred, strict=False: 0.5, (), 0.5, ""),
    ],
)
def test_they_are_known_by_their_signature(metric: Any, takes: Any, value: float, feedback: str) -> None:
    settled = as_metric(metric)
    assert (settled.kind, settled.takes) == ("item", takes)
    assert settled.per_component == ("pred_name" in takes)
    assert settled.traced == (metric is all_needed)
    with Ledger.memory() as ledger:
        for _ in range(2):
            found = HyperSystem([echo]).evaluate([EXAMPLE], metric, ledger=ledger)
            assert (float(found), found.cells[0].feedback) == (value, feedback)


def test_a_component_gets_feedback_of_its_own() -> None:
    async def ask(metric: Any) -> ScoreResult:
        return await as_metric(metric).score(EXAMPLE, "a", trace="T", pred_name="echo", pred_trace="P")

    found = asyncio.run(ask(all_five))
    assert found == ScoreResult(1.0, "echo with P", {"objective_scores": {"short": 0.5}})
    assert asyncio.run(ask(dspy_like)).feedback == "trace T"
    assert asyncio.run(ask(named_only)).score == 1.0
    assert asyncio.run(ask(lambda example, pred: 0.5)).score == 0.5


def test_what_nothing_gives_may_not_be_required() -> None:
    def metric(example: Any, pred: Any, judge: Any) -> float:
        return 1.0

    for settle in (as_metric, per_item):
        with pytest.raises(MetricError, match="metric metric needs the argument 'judge', which nothing"):
            settle(metric)


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (True, ScoreResult(1.0)),
        ({"score": 0.5}, ScoreResult(0.5)),
        ({"score": 1, "feedback": None, "why": [1], "odd": object()}, ScoreResult(1.0, "", {"why": [1]})),
        (SimpleNamespace(score=0.5, feedback=None), ScoreResult(0.5)),
        (SimpleNamespace(score=True), ScoreResult(1.0)),
    ],
)
def test_scores_come_as_numbers_objects_and_dicts(given: Any, result: ScoreResult) -> None:
    assert checked_score(given, "m") == result


@pytest.mark.parametrize(
    "given", [{}, {"score": "1"}, {"feedback": "x"}, SimpleNamespace(score=None), "1", None]
)
def test_what_has_no_score_is_an_error(given: Any) -> None:
    with pytest.raises(MetricError, match=r"return a score in \[0, 1\]"):
        checked_score(given, "m")


@pytest.mark.parametrize("given", [10**400, {"score": -(10**400)}, {"score": 1.5}, math.inf])
def test_a_score_outside_its_range_is_an_error(given: Any) -> None:
    with pytest.raises(MetricError, match=r"a score of one item lies in \[0, 1\]"):
        checked_score(given, "m")
    assert math.isnan(checked_score({"score": math.nan}, "m").score)
