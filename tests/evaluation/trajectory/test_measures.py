"""Laws of the scorers of trajectories, and what their feedback says."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc import ScoreResult, Trajectory
from hyperfunc.evaluation import (
    ToolCall,
    ToolEfficiency,
    TrajectoryAnyOrderMatch,
    TrajectoryExactMatch,
    TrajectoryF1,
    TrajectoryInOrderMatch,
    TrajectoryOrder,
    TrajectoryPrecision,
    TrajectoryRecall,
    TrajectoryScorer,
    same_call,
    same_name,
)
from hyperfunc.execution.encoding import decode, encode

ALL: list[type[TrajectoryScorer]] = [
    TrajectoryExactMatch, TrajectoryInOrderMatch, TrajectoryAnyOrderMatch, TrajectoryPrecision,
    TrajectoryRecall, TrajectoryF1, TrajectoryOrder, ToolEfficiency,
]  # fmt: skip
GRADED = [TrajectoryPrecision, TrajectoryRecall, TrajectoryF1, TrajectoryOrder, ToolEfficiency]

GIVEN = st.builds(ToolCall, st.sampled_from("abc"), st.sampled_from([{}, {"x": 1}, {"x": 2}]))
CALLS = st.one_of(GIVEN, st.builds(ToolCall, st.sampled_from("abc")))
MADE = st.lists(GIVEN, max_size=6).map(tuple).map(Trajectory)
EXPECTED = st.lists(CALLS, max_size=6).map(tuple).map(Trajectory)


def value(kind: type[TrajectoryScorer], made: Any, expected: Any, **settings: Any) -> float:
    return kind(**settings).compare(made, expected).score


def scores(made: Any, expected: Any, **settings: Any) -> dict[type[TrajectoryScorer], float]:
    return {kind: value(kind, made, expected, **settings) for kind in ALL}


@given(MADE, EXPECTED, st.sampled_from([same_call, same_name]))
def test_every_score_is_in_its_bounds_with_feedback_that_can_be_kept(
    made: Trajectory, expected: Trajectory, match: Any
) -> None:
    for kind in ALL:
        found = kind(match=match).compare(made, expected)
        assert isinstance(found, ScoreResult)
        assert 0.0 <= found.score <= 1.0
        assert kind in GRADED or found.score in (0.0, 1.0)
        assert found.feedback
        assert (kept := encode(found.details)) is not None
        assert decode(kept) == found.details


@given(MADE, EXPECTED)
def test_the_scores_imply_each_other(made: Trajectory, expected: Trajectory) -> None:
    found = scores(made, expected)
    strict = value(TrajectoryAnyOrderMatch, made, expected, extra=False)
    exact, in_order, any_order = (found[kind] for kind in ALL[:3])
    precision, recall, f1, order = (found[kind] for kind in ALL[3:7])
    assert exact <= in_order <= any_order
    assert exact <= strict <= any_order
    assert (exact == 1) == (in_order == 1 and strict == 1)
    assert (in_order == 1) == (order == 1)
    assert (any_order == 1) == (recall == 1)
    assert (strict == 1) == (f1 == 1) == (precision == recall == 1)
    assert order <= recall
    assert min(precision, recall) - 1e-12 <= f1 <= max(precision, recall) + 1e-12


@given(EXPECTED)
def test_what_is_exactly_as_expected_has_every_score_1(calls: Trajectory) -> None:
    assert set(scores(calls, calls).values()) == {1.0}
    assert TrajectoryF1().compare(calls, calls).feedback == f"as expected: {calls}"


@given(MADE, st.randoms(use_true_random=False))
def test_a_permutation_has_every_score_1_that_order_is_no_part_of(
    calls: Trajectory, chance: random.Random
) -> None:
    mixed = Trajectory(tuple(chance.sample(calls.calls, len(calls))))
    found = scores(mixed, calls)
    free = {*ALL} - {TrajectoryExactMatch, TrajectoryInOrderMatch, TrajectoryOrder}
    assert {found[kind] for kind in free} == {1.0}
    assert value(TrajectoryAnyOrderMatch, mixed, calls, extra=False) == 1.0
    assert (found[TrajectoryExactMatch] == 1) == (mixed == calls) == (found[TrajectoryOrder] == 1)


@given(MADE, MADE)
def test_exchanging_the_two_exchanges_precision_and_recall(one: Trajectory, two: Trajectory) -> None:
    assert value(TrajectoryPrecision, one, two) == value(TrajectoryRecall, two, one)
    for kind in (TrajectoryF1, TrajectoryExactMatch):
        assert value(kind, one, two) == value(kind, two, one)


@given(MADE, MADE)
def test_by_name_they_are_shares_of_multisets(made: Trajectory, expected: Trajectory) -> None:
    common = sum((Counter(made.names) & Counter(expected.names)).values())
    found = scores(made, expected, match=same_name)
    if made and expected:
        assert found[TrajectoryPrecision] == float(Fraction(common, len(made)))
        assert found[TrajectoryRecall] == float(Fraction(common, len(expected)))
        assert found[TrajectoryF1] == float(Fraction(2 * common, len(made) + len(expected)))


@given(MADE, EXPECTED)
def test_names_alone_are_never_harder_to_match(made: Trajectory, expected: Trajectory) -> None:
    strict, loose = scores(made, expected), scores(made, expected, match=same_name)
    assert all(strict[kind] <= loose[kind] for kind in ALL)


@given(MADE.filter(len))
def test_nothing_against_something_is_0_and_against_nothing_1(calls: Trajectory) -> None:
    assert set(scores([], calls).values()) == set(scores(calls, []).values()) == {0.0}
    assert set(scores([], []).values()) == {1.0}


@given(MADE.filter(len), EXPECTED.filter(len), st.data())
def test_one_more_call_never_helps_precision_nor_hurts_recall_and_order(
    made: Trajectory, expected: Trajectory, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(made)))
    more = Trajectory((*made.calls[:place], ToolCall("other", {}), *made.calls[place:]))
    before, after = scores(made, expected), scores(more, expected)
    assert after[TrajectoryPrecision] <= before[TrajectoryPrecision]
    for kind in (TrajectoryRecall, TrajectoryOrder, TrajectoryInOrderMatch, TrajectoryAnyOrderMatch):
        assert after[kind] == before[kind]


@given(MADE.filter(len), st.one_of(st.none(), st.integers(1, 9)), st.data())
def test_a_call_made_again_is_waste(made: Trajectory, needed: int | None, data: st.DataObject) -> None:
    longer = Trajectory((*made.calls, data.draw(st.sampled_from(made.calls))))
    assert value(ToolEfficiency, longer, needed) < value(ToolEfficiency, made, needed)
    assert value(ToolEfficiency, longer, ["other"]) < value(ToolEfficiency, made, ["other"])
    assert value(ToolEfficiency, longer, longer) == 1.0


@pytest.mark.parametrize(
    ("made", "expected", "score"),
    [
        ("a b c", "a b c", 1.0),
        ("a b", "a b c", 1.0),  # fewer calls are not less efficient; recall says that one is missing
        ("a b c d", "a b", 0.5),
        ("x y", "a b", 1.0),  # another way of the same length
        ("a a a b", "a b", 0.5),
        ("a a", "a b", 0.5),  # the second one is waste, although two calls are needed
        ("a a b", "a a b", 1.0),  # expected twice
        ("a a b c", None, 0.75),
        ("a b c", None, 1.0),
        ("", None, 1.0),
        ("a a a b", 2, 0.5),
        ("a b c d", 3, 0.75),
        ("a a", 2, 0.5),
        ("a", 5, 1.0),
        ("", 0, 1.0),
        ("a", 0, 0.0),
        ("", 2, 0.0),
    ],
)
def test_efficiency_is_needed_over_made_and_repeats_are_waste(made: str, expected: Any, score: float) -> None:
    want = expected.split() if isinstance(expected, str) else expected
    assert value(ToolEfficiency, made.split(), want) == score


def test_only_identical_calls_are_repeats() -> None:
    a, b, unknown = ("f", {"x": 1}), ("f", {"x": 2}), ("f", {"x": object()})
    assert value(ToolEfficiency, [a, b], None) == 1.0
    assert value(ToolEfficiency, [a, b, a], None) == 2 / 3
    assert value(ToolEfficiency, [unknown, unknown], None) == 1.0
    # A bare name that is expected twice allows two identical calls.
    assert value(ToolEfficiency, [a, a], ["f", "f"]) == 1.0
    assert value(ToolEfficiency, [a, a], ["f", "g"]) == 0.5


def test_feedback_names_what_is_missing_extra_out_of_order_and_repeated() -> None:
    made = ["plan", ("buy", {"item": "rug"}), "search", "search", "search"]
    found = TrajectoryF1().compare(made, ["search", ("buy", {"item": "lamp"}), "plan"])
    assert found.feedback == (
        "missing: buy(item='lamp'); extra: buy(item='rug'), search (2 times); out of order: plan; "
        "repeated: search (2 times); made: plan → buy(item='rug') → search → search → search; "
        "expected: search → buy(item='lamp') → plan"
    )
    assert found.details == {
        "made": ["plan", "buy(item='rug')", "search", "search", "search"],
        "expected": ["search", "buy(item='lamp')", "plan"],
        "missing": ["buy(item='lamp')"],
        "extra": ["buy(item='rug')", "search", "search"],
        "out_of_order": ["plan"],
        "repeated": ["search", "search"],
    }
    said = ToolEfficiency().compare(["a", "b", "b"], 1)
    assert said.feedback == "3 calls made, 1 needed; repeated: b; made: a → b → b"


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no attributes")

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    __hash__ = object.__hash__


class Endless(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("no items")


NESTED: list[Any] = []
NESTED.append(NESTED)


ODD = [Hostile(), [Hostile()], Endless(a=1), NESTED, "\ud800", float("nan"), 10**5000, len, np.array([1.5])]


@pytest.mark.parametrize("place", range(len(ODD)))
def test_arguments_may_be_anything(place: int) -> None:
    odd = ODD[place]
    calls = [ToolCall("f", {"x": odd}), ToolCall("f", {"x": odd}), ToolCall("\ud800", {"\ud800": 1})]
    for kind in ALL:
        for want in (["f"], [("f", {"x": 1})], calls):
            found = kind().compare(calls, want)
            assert 0.0 <= found.score <= 1.0
            assert encode(found.details) is not None
            assert found.feedback.encode()


def test_feedback_of_endless_calls_stays_short() -> None:
    made = [("search", {"query": str(i) * 100}) for i in range(2000)]
    for kind in ALL:
        found = kind().compare(made, ["buy", "search"])
        assert len(found.feedback) <= 4000
        assert len(repr(found.details)) < 20_000
    assert "and 1980 more" in TrajectoryRecall().compare([f"f{i}" for i in range(2000)], ["g"]).feedback
