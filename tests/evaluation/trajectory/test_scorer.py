"""What an example may expect of the calls, which calls count, and how the ledger knows such a scorer."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from tests.execution.graphs import trace

from hyperfunc import CompositeScorer, ExactMatch, Example, Trajectory, hyperfunction
from hyperfunc.errors import MetricError
from hyperfunc.evaluation import (
    Component,
    ToolCall,
    ToolEfficiency,
    TrajectoryExactMatch,
    TrajectoryF1,
    TrajectoryRecall,
    TrajectoryScorer,
    as_metric,
    mean,
    pass_at_k,
    same_call,
    same_name,
    weighted_mean,
)
from hyperfunc.execution.shelf import metric_fingerprint


@hyperfunction
async def search(query: str) -> str:
    return query


@hyperfunction
async def buy(item: str) -> str:
    return item


@hyperfunction
async def plan(wish: str) -> str:
    return await buy(await search(wish))


async def run(wish: str) -> str:
    return await plan(wish)


CALLS = trace(run, wish="lamp")
TOOLS = ("search", "buy")


@pytest.mark.parametrize(
    "expected",
    [
        ["search", "buy"],
        [("search", {"query": "lamp"}), "buy"],
        {"trajectory": ["search", "buy"], "answer": "lamp"},
        {"tool_calls": [{"function": {"name": "search", "arguments": "{}"}}, {"function": {"name": "buy"}}]},
    ],
)
def test_an_example_expects_a_trajectory_or_a_dict_that_has_one(expected: Any) -> None:
    scorer = TrajectoryExactMatch(only=TOOLS, match=same_name)
    assert scorer.score("anything", expected, {}, CALLS).score == 1.0


def test_the_key_may_be_another_one() -> None:
    scorer = ToolEfficiency(only=TOOLS, key="calls")
    assert scorer.score(None, {"calls": 2}, {}, CALLS).score == 1.0
    assert scorer.score(None, {"calls": None}, {}, CALLS).score == 1.0
    assert scorer.score(None, 1, {}, trace=CALLS).score == 0.5


@pytest.mark.parametrize(
    ("scorer", "expected", "message"),
    [
        (TrajectoryF1(), None, "the example expects None; give a list of names"),
        (TrajectoryF1(), "search", "and got 'search'"),
        (TrajectoryF1(), 2, "and got 2"),
        (TrajectoryF1(), {"answer": "x"}, "no 'trajectory' for TrajectoryF1"),
        (TrajectoryF1(only=TOOLS), ["plan"], "'plan' is expected and `only` of TrajectoryF1 leaves it out"),
        (ToolEfficiency(), -1, "and got -1"),
        (ToolEfficiency(), True, "and got True"),
    ],
)
def test_an_expectation_that_is_no_trajectory_is_an_error(
    scorer: TrajectoryScorer, expected: Any, message: str
) -> None:
    with pytest.raises(MetricError, match=message):
        scorer.score("lamp", expected, {}, CALLS)


def test_without_calls_there_is_no_score() -> None:
    with pytest.raises(MetricError, match="TrajectoryF1 judges the calls of a run, and no trace was given"):
        TrajectoryF1().score("lamp", ["search"], {}, None)


@pytest.mark.parametrize("settings", [{"match": 3}, {"match": "same_name"}, {"only": [3]}])
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(MetricError, match="of TrajectoryF1"):
        TrajectoryF1(**settings)


def test_which_calls_count_is_a_setting() -> None:
    def recall(expected: list[str], **settings: Any) -> float:
        return TrajectoryRecall(**settings).score(None, expected, {}, CALLS).score

    assert recall(["plan"]) == 1.0
    assert recall(["search"]) == 0.0
    assert recall(["search"], nested=True) == 1.0
    assert recall(["search"], only="search") == 1.0
    assert TrajectoryF1(only=["b", "a", "b"]) == TrajectoryF1(only=("a", "b"))


def about(made: ToolCall, expected: ToolCall) -> bool:
    want = (expected.arguments or {}).items()
    return made.name == expected.name and want <= (made.arguments or {}).items()


def test_what_is_the_same_may_be_the_users_own_rule() -> None:
    made = [("search", {"query": "lamp", "limit": 3})]
    expected = [("search", {"query": "lamp"})]
    assert TrajectoryF1().compare(made, expected).score == 0.0
    assert TrajectoryF1(match=about).compare(made, expected).score == 1.0


def test_a_rule_that_raises_is_heard() -> None:
    def broken(made: ToolCall, expected: ToolCall) -> bool:
        raise KeyError("item")

    with pytest.raises(KeyError, match="item"):
        TrajectoryF1(match=broken).compare(["a"], ["a"])


# The ledger


def key(scorer: Any) -> str:
    return metric_fingerprint(as_metric(scorer))


def within(limit: float, made: ToolCall, expected: ToolCall) -> bool:
    return bool(abs((made.arguments or {}).get("x", 0.0)) <= limit)


def rule(limit: float) -> Any:
    def inner(made: ToolCall, expected: ToolCall) -> bool:
        return bool(abs((made.arguments or {}).get("x", 0.0)) <= limit)

    return inner


class Mine(TrajectoryF1):
    def _value(self, found: Any) -> float:
        return 0.5


part = functools.partial(functools.partial, within)


def test_scorers_that_judge_differently_are_kept_apart_and_equal_ones_together() -> None:
    kinds = [
        TrajectoryF1(), TrajectoryRecall(), TrajectoryF1(match=same_name), TrajectoryF1(match=about),
        TrajectoryF1(only=("a",)), TrajectoryF1(nested=True), TrajectoryF1(key="path"), Mine(),
        TrajectoryF1(match=part(1.0)), TrajectoryF1(match=part(2.0)),
        TrajectoryF1(match=rule(1.0)), TrajectoryF1(match=rule(2.0)),
        CompositeScorer([(TrajectoryF1(match=rule(1.0)), 1.0)]),
        CompositeScorer([(TrajectoryF1(match=rule(2.0)), 1.0)]),
    ]  # fmt: skip
    assert len({key(scorer) for scorer in kinds}) == len(kinds)
    assert key(TrajectoryF1(match=rule(1.0))) == key(TrajectoryF1(match=rule(1.0)))
    assert key(TrajectoryF1(match=part(1.0))) == key(TrajectoryF1(match=part(1.0)))
    assert " at 0x" not in repr(kinds)


def test_the_methods_of_a_scorer_are_part_of_its_code() -> None:
    def scorer(points: float) -> Any:
        class Own:
            def score(self, output: Any, expected: Any, inputs: Any) -> float:
                return self.points()

            def points(self) -> float:
                return points

        return Own()

    assert key(scorer(0.5)) == key(scorer(0.5)) != key(scorer(0.25))


# Beside other scorers


def test_a_composite_hands_the_calls_to_those_who_need_them() -> None:
    both = CompositeScorer([(ExactMatch(), 0.5), (TrajectoryF1(only=TOOLS, match=same_name), 0.5)])
    metric = as_metric(both)
    assert metric.traced
    assert metric.takes == ("trace",)
    found = both.score(["search"], ["search"], {}, CALLS)
    assert found.score == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert "TrajectoryF1 (0.67, weight 0.50): extra: buy(item='lamp'); made: search" in found.feedback
    with pytest.raises(MetricError, match="no trace was given"):
        both.score(["search"], ["search"], {})
    assert not as_metric(CompositeScorer.equal(ExactMatch(), ExactMatch())).traced
    assert as_metric(CompositeScorer.equal(ExactMatch(), both)).traced


def test_a_stage_of_calls_needs_no_field_in_the_prediction() -> None:
    scorer = CompositeScorer.stages(
        answer=(ExactMatch(), 0.5), path=(TrajectoryF1(only=TOOLS, match=same_name), 0.5)
    )
    want = {"answer": "lamp", "path": ["search", "buy"]}
    assert scorer.score({"answer": "lamp"}, want, {}, CALLS).score == 1.0
    assert scorer.score("broken", want, {}, CALLS).score == 0.5
    with pytest.raises(MetricError, match="no 'path' for that stage"):
        scorer.score({"answer": "lamp"}, {"answer": "lamp"}, {}, CALLS)
    assert Component("path", TrajectoryF1(), 1.0).traced


def test_a_metric_over_a_set_sees_no_calls() -> None:
    scorer: Any = TrajectoryF1()
    for make in (mean, lambda s: weighted_mean(s, float), lambda s: pass_at_k(s, 1)):
        with pytest.raises(MetricError, match="TrajectoryF1 judges calls; give the scorer itself"):
            make(scorer)


def test_an_example_that_expects_a_trajectory_has_a_key() -> None:
    wanted = Trajectory.of(["search", ("buy", {"item": "lamp"})])
    keys = {Example({"wish": "x"}, w).key for w in (wanted, Trajectory.of(["search"]), wanted[:])}
    assert None not in keys
    assert len(keys) == 2
    assert same_call(wanted[0], ToolCall("search"))
