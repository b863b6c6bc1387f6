"""Several scorers as one: weights that sum to 1, feedback by component, stages of a pipeline."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc import (
    CompositeScorer,
    ContainsMatch,
    ExactMatch,
    Example,
    Failure,
    HyperSystem,
    NumericDistance,
    ScoreResult,
    hyperfunction,
)
from hyperfunc.errors import MetricError
from hyperfunc.evaluation import Component, as_metric
from hyperfunc.execution.shelf import metric_fingerprint

STAGES = CompositeScorer.stages(route=(ExactMatch(), 0.4), reply=(ContainsMatch(), 0.6))
WANT = {"route": "billing", "reply": ["Ada", "sorry"]}


class Fixed:
    def __init__(self, value: Any) -> None:
        self.value = value

    def score(self, output: Any, expected: Any, inputs: Any) -> Any:
        return self.value


class Later:
    async def score(self, output: Any, expected: Any, inputs: Any) -> ScoreResult:
        return ScoreResult(0.5, "half")


def test_the_weighted_mean_keeps_the_feedback_of_each() -> None:
    scorer = CompositeScorer([(ExactMatch(), 0.25), (ContainsMatch(), 0.75)])
    found = scorer.score("Dear Ada", "ada", {})
    assert found.score == 0.75
    assert found.feedback == "ExactMatch (0.00, weight 0.25): got 'Dear Ada', expected 'ada'"
    assert found.details["components"]["ContainsMatch"] == {
        "score": 1.0, "weight": 0.75, "feedback": "all there", "details": {"missing": []},
    }  # fmt: skip


def test_stages_judge_their_own_fields_and_a_missing_one_scores_0() -> None:
    assert STAGES.score({"route": "billing", "reply": "Dear Ada"}, WANT, {}).score == pytest.approx(0.7)
    gone = STAGES.score({"route": "billing"}, WANT, {})
    assert gone.score == pytest.approx(0.4)
    assert "the prediction has no 'reply'; expected ['Ada', 'sorry']" in gone.feedback
    for broken in (None, "nope", 3, Failure("x")):
        assert STAGES.score(broken, WANT, {}).score == 0.0
    with pytest.raises(MetricError, match="has no 'route' for that stage"):
        STAGES.score({"route": "billing"}, {"reply": "x"}, {})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_equal_weights_give_the_mean(values: list[float]) -> None:
    found = CompositeScorer.equal(*map(Fixed, values)).score(None, None, {})
    assert 0.0 <= found.score <= 1.0
    assert found.score == pytest.approx(math.fsum(values) / len(values))


@given(st.lists(st.floats(0, 3), min_size=1, max_size=5))
def test_weights_that_do_not_sum_to_1_are_refused(weights: list[float]) -> None:
    parts = [(Fixed(1.0), w) for w in weights]
    if abs(math.fsum(weights) - 1) > 1e-9:
        with pytest.raises(MetricError, match=r"sum to .*, not 1"):
            CompositeScorer(parts)
    else:
        assert CompositeScorer(parts).score(None, None, {}).score == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("components", "message"),
    [
        ([], "no components"),
        (ExactMatch(), r"give a list of \(scorer, weight\)"),
        ([ExactMatch()], r"give \(scorer, weight\)"),
        ([(ExactMatch, 1.0)], "give a scorer"),
        ([(len, 1.0)], "give a scorer"),
        ([(ExactMatch(), -1.0), (ExactMatch(), 2.0)], "the weight of 'ExactMatch' in CompositeScorer is -1"),
        ([(ExactMatch(), math.nan)], "is nan"),
        ([Component("a", ExactMatch(), 0.5), Component("a", ExactMatch(), 0.5)], "two components"),
    ],
)
def test_what_is_no_composition_is_one_clear_error(components: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        CompositeScorer(components)


def test_a_component_must_return_a_score_and_a_missing_one_stays_missing() -> None:
    with pytest.raises(MetricError, match="metric Fixed returned 7"):
        CompositeScorer([(Fixed(7), 1.0)]).score("a", "a", {})
    assert math.isnan(CompositeScorer.equal(ExactMatch(), Fixed(math.nan)).score("a", "a", {}).score)


def test_a_component_may_be_async() -> None:
    @hyperfunction
    def echo(text: str) -> str:
        return text

    scorer = CompositeScorer.equal(ExactMatch(), Later())
    found = HyperSystem([echo]).evaluate([Example({"text": "a"}, "a")], scorer)
    assert found == 0.75
    assert found.cells[0].feedback == "Later (0.50, weight 0.50): half"


def test_two_scorers_of_one_kind_are_named_apart() -> None:
    scorer = CompositeScorer.equal(ExactMatch(), ExactMatch(case_sensitive=False))
    assert [c.name for c in scorer.components] == ["ExactMatch", "ExactMatch 2"]


def test_the_ledger_tells_compositions_apart() -> None:
    def key(scorer: CompositeScorer) -> str:
        return metric_fingerprint(as_metric(scorer))

    one = CompositeScorer([(NumericDistance(), 0.5), (ExactMatch(), 0.5)])
    assert key(one) == key(CompositeScorer([(NumericDistance(), 0.5), (ExactMatch(), 0.5)]))
    assert key(one) != key(CompositeScorer([(NumericDistance(), 0.4), (ExactMatch(), 0.6)]))
    assert key(one) != key(CompositeScorer([(NumericDistance(0.5), 0.5), (ExactMatch(), 0.5)]))


def test_the_ledger_tells_the_code_of_components_apart() -> None:
    class Strict:
        def __repr__(self) -> str:
            return "Mine()"

        def score(self, output: Any, expected: Any, inputs: Any) -> float:
            return float(output == expected)

    class Lenient(Strict):
        def score(self, output: Any, expected: Any, inputs: Any) -> float:
            return float(output in expected)

    one, other = (repr(CompositeScorer([Component("a", s, 1.0)])) for s in (Strict(), Lenient()))
    assert one != other
    assert one == repr(CompositeScorer([Component("a", Strict(), 1.0)]))
