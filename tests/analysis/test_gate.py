"""A gate lets pass what is shown, not what was measured; and says what is missing."""

from __future__ import annotations

import math
import re
from statistics import NormalDist
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.records import of_scores

from hyperfunc import EvalGate, Experiment, Ledger
from hyperfunc.analysis.gate import GateResult, junit_of_error, summary_of_error
from hyperfunc.errors import EvidenceError
from hyperfunc.rng import generator

HOSTILE = "a|b`c <script>alert(1)</script> ]]> & \x1b[31m \x00 \ufffe @all"


def pair(gain: list[float]) -> tuple[Experiment, Experiment]:
    """A baseline, and a candidate that gains this much on each example."""
    names = {"name": "main"}, {"name": "branch", "candidate": "e" * 16}
    return of_scores([0.5] * len(gain), **names[0]), of_scores([0.5 + g for g in gain], **names[1])


def check(gain: list[float], **limits: Any) -> GateResult:
    baseline, candidate = pair(gain)
    return EvalGate(baseline, **limits).check(candidate)


# Limits


CLEAR = [0.25, 0.5] * 15
VAGUE = [0.5, -0.25, 0.25, 0.0] * 8
WORSE = [-0.5, -0.25] * 15


@pytest.mark.parametrize(
    ("gain", "limits", "passes"),
    [
        (CLEAR, {"min_gain": 0}, True),
        (CLEAR, {"min_gain": 0.3}, True),
        (CLEAR, {"min_gain": 0.4}, False),
        (VAGUE, {"min_gain": 0}, True),
        (VAGUE, {"min_gain": 0.1}, False),
        (VAGUE, {"max_drop": 0.01}, True),
        ([-g for g in VAGUE], {"max_drop": 0.02}, False),
        ([-g for g in VAGUE], {"max_drop": 0.3}, True),
        (WORSE, {"max_drop": 0.3}, False),
        (WORSE, {"max_drop": 0.5}, True),
        (CLEAR, {"min_gain": 0.4, "max_drop": 0}, False),
        (CLEAR, {"min_gain": 0, "max_drop": 0}, True),
    ],
)
def test_the_lower_end_decides(gain: list[float], limits: dict[str, float], passes: bool) -> None:
    result = check(gain, **limits)
    assert bool(result) is result.passed is passes
    assert [criterion.name for criterion in result.criteria] == list(limits)
    low = result.difference.gain.low
    kept = [low > 0 if c.name == "min_gain" and not c.limit else low >= c.bound for c in result.criteria]
    assert passes is all(kept)


@settings(max_examples=30)
@given(st.lists(st.sampled_from((0.0, 0.5, 1.0)), min_size=1, max_size=30), st.floats(0, 1))
def test_a_record_against_itself_gains_nothing_and_loses_nothing(scores: list[float], limit: float) -> None:
    one = of_scores(scores)
    assert not EvalGate(one, min_gain=limit).check(one)
    assert EvalGate(one, max_drop=limit).check(one)


@pytest.mark.parametrize("limits", [{}, {"min_gain": None, "max_drop": None}])
def test_a_gate_without_a_limit_is_refused(limits: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError, match="give min_gain, such as 0, or max_drop"):
        EvalGate("main", **limits)


@pytest.mark.parametrize("limit", [-0.1, 1.5, math.nan, math.inf, True, "0.1"])
@pytest.mark.parametrize("name", ["min_gain", "max_drop"])
def test_a_limit_out_of_range_is_refused_by_name(name: str, limit: Any) -> None:
    with pytest.raises(EvidenceError, match=f"{name} is .*; give a number in"):
        EvalGate("main", **{name: limit})


def test_the_newest_record_is_the_candidate_when_none_is_named() -> None:
    baseline, candidate = pair(CLEAR)
    with Ledger.memory() as ledger:
        for record in (baseline, candidate):
            ledger.add_event(record.id, "experiment scores", {"cells": record.rows()})
            created = float(record.name == "branch")
            ledger.add_event(record.id, "experiment", record.head() | {"created": created})
        result = EvalGate("main", min_gain=0, ledger=ledger).check()
    assert result.difference.subject.id == candidate.id


# How often


def noisy(number: int, drop: float) -> tuple[Experiment, Experiment]:
    """A baseline that is right on about half of 40 examples, and a candidate that is so a little less often.

    Examples of a group are alike, and luck is shared by no one.
    """
    rng = generator("gate", number)
    ease = np.repeat(rng.random(20), 2) * 0.6 + 0.2
    groups = [f"g{n // 2}" for n in range(40)]
    base, other = (rng.random(40) < ease), (rng.random(40) < ease - drop)
    return (
        of_scores(base.astype(float).tolist(), groups),
        of_scores(other.astype(float).tolist(), groups, candidate="e" * 16),
    )


def margin(rate: float, repetitions: int) -> float:
    """The 99 % binomial error."""
    return NormalDist().inv_cdf(0.99) * math.sqrt(rate * (1 - rate) / repetitions)


@pytest.mark.slow
@pytest.mark.parametrize(("drop", "limits"), [(0.0, {"min_gain": 0}), (0.1, {"max_drop": 0.1})])
def test_what_is_not_so_seldom_passes(drop: float, limits: dict[str, Any]) -> None:
    repetitions = 300
    pairs = (noisy(number, drop) for number in range(repetitions))
    passed = sum(bool(EvalGate(base, **limits).check(other)) for base, other in pairs)
    assert passed / repetitions <= 0.05 + margin(0.05, repetitions)
    # Never to pass would keep the law, too, and be no gate.
    assert passed > 0


@pytest.mark.slow
@pytest.mark.parametrize("bound", [0.1, 0.25])
def test_as_many_more_examples_as_it_says_settle_it_four_times_in_five(bound: float) -> None:
    rng = generator("settling")
    shares, values = np.array([0.1, 0.45, 0.45]), np.array([-0.5, 0.0, 0.5])
    gain = np.repeat(values, (shares * 40).round().astype(int)).tolist()
    first = check(gain, min_gain=bound).criteria[0]
    assert not first.settled
    assert first.more is not None
    settled, repetitions = 0, 60
    for _ in range(repetitions):
        drawn = rng.choice(values, 40 + first.more, p=shares).tolist()
        settled += check(drawn, min_gain=bound).criteria[0].settled
    assert 0.8 - margin(0.8, repetitions) <= settled / repetitions <= 0.8 + margin(0.8, repetitions)


# What is missing


def test_a_wide_interval_says_how_many_more() -> None:
    result = check(VAGUE, min_gain=0.1)
    [criterion] = result.criteria
    assert criterion.more is not None
    assert criterion.more > 0
    assert f"about {criterion.more:,} more examples like these would settle it, were the" in str(criterion)


def test_a_measured_gain_below_the_limit_is_settled_the_other_way() -> None:
    [criterion] = check(VAGUE, min_gain=0.2).criteria
    assert not criterion.settled
    assert "more examples like these would settle that it does not" in str(criterion)


def test_what_lies_below_altogether_asks_for_no_more() -> None:
    [criterion] = check(WORSE, max_drop=0.1).criteria
    assert (criterion.settled, criterion.more) == (True, None)
    assert "the whole interval lies below that" in str(criterion)


def test_a_measured_gain_at_the_limit_is_not_settled_by_any_number() -> None:
    [criterion] = check([0.5, 0.0] * 20, min_gain=0.25).criteria
    assert (criterion.settled, criterion.more) == (False, None)
    assert "would hardly settle it" in str(criterion)


def test_equal_scores_say_how_many_rule_out_a_drop() -> None:
    [criterion] = check([0.0] * 20, max_drop=0.05).criteria
    assert criterion.more is not None
    assert not check([0.0] * (20 + criterion.more - 1), max_drop=0.05)
    assert check([0.0] * (20 + criterion.more), max_drop=0.05)


def test_one_group_settles_nothing() -> None:
    baseline = of_scores([0.0] * 10, ["g"] * 10)
    candidate = of_scores([1.0] * 10, ["g"] * 10, candidate="e" * 16)
    [criterion] = EvalGate(baseline, min_gain=0).check(candidate).criteria
    assert (criterion.passed, criterion.more) == (False, None)


# Reports


def suite_of(xml: str) -> Any:
    root = ET.fromstring(xml)
    assert root.tag == "testsuites"
    [suite] = root
    return suite


def check_schema(suite: Any) -> None:
    """What the schemas of Ant and Jenkins ask for: attributes, their types, and the order of children."""
    assert set(suite.attrib) == {
        "name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time",
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    cases = suite.findall("testcase")
    order = ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
    assert [child.tag for child in suite] == order
    assert all(set(p.attrib) == {"name", "value"} for p in suite.find("properties"))
    for case in cases:
        assert set(case.attrib) == {"name", "classname", "time"}
        assert len(case) <= 1
        assert all(set(child.attrib) == {"message", "type"} for child in case)
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors")) == len(suite.findall("testcase/error"))


def test_junit_has_a_case_for_each_limit_and_says_why_it_failed() -> None:
    result = check(VAGUE, min_gain=0.1, max_drop=0.2)
    suite = suite_of(result.to_junit())
    check_schema(suite)
    gained, dropped = suite.findall("testcase")
    assert (gained.get("name"), dropped.get("name")) == ("min_gain", "max_drop")
    assert gained.find("failure").get("message") == str(result.criteria[0])
    assert "branch" in gained.find("failure").text
    assert dropped.find("failure") is None


def test_a_gate_that_could_not_be_checked_is_an_error_for_each_limit() -> None:
    suite = suite_of(junit_of_error(["min_gain", "max_drop"], HOSTILE, 0.0))
    check_schema(suite)
    assert suite.get("timestamp") == "1970-01-01T00:00:00"
    assert [error.get("type") for error in suite.findall("testcase/error")] == ["hyperfunc.gate.error"] * 2
    assert "could not be checked (min_gain)" in summary_of_error(["min_gain"], HOSTILE)


def test_nothing_foreign_is_markup_in_the_reports() -> None:
    baseline = of_scores([0.5] * 8, name=HOSTILE, metric=HOSTILE)
    candidate = of_scores([0.25] * 8, name=f"b {HOSTILE}", metric=HOSTILE, candidate="e" * 16)
    result = EvalGate(baseline, min_gain=0).check(candidate)
    suite = suite_of(result.to_junit())
    check_schema(suite)
    assert "<script>alert(1)</script> ]]> & \\x1b[31m \\x00 ? @all" in suite.find("properties")[0].get(
        "value"
    )
    page = result.to_markdown()
    assert "\x1b" not in page
    assert "\x00" not in page
    bare = re.sub(r"(`+).*?\1", "", page, flags=re.DOTALL)
    assert not re.search(r"[<>@&]", bare.replace("->", ""))
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert {len(re.sub(r"\\\|", "", line).split("|")) for line in tables} == {6, 11}


def test_the_summary_says_what_holds_and_what_does_not() -> None:
    page = check(VAGUE, min_gain=0.1, max_drop=0.2).to_markdown()
    assert page.startswith("## Evaluation gate: failed\n")
    assert "`branch` against `main`: **+0.125**" in page
    assert re.search(r"\| min_gain 0\.1 \| at least \+0\.100 \| \S+ \| \*\*does not hold\*\*: about", page)
    assert re.search(r"\| max_drop 0\.2 \| at least −0\.200 \| \S+ \| holds \|", page)
    assert check(CLEAR, min_gain=0).to_markdown().startswith("## Evaluation gate: passed\n")
