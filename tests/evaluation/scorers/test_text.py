"""Scorers of text: the value, and what the feedback says was wrong and expected."""

from __future__ import annotations

import pytest

from hyperfunc import ContainsMatch, ExactMatch, Failure, RegexMatch
from hyperfunc.errors import MetricError


@pytest.mark.parametrize(
    ("output", "expected", "score", "feedback"),
    [
        ("a", "a", 1.0, "correct"),
        ("b", "a", 0.0, "got 'b', expected 'a'"),
        (None, "None", 0.0, "the prediction is None; expected 'None'"),
        ("None", None, 0.0, "got 'None', expected None"),
        (None, None, 1.0, "correct"),
        (Failure("ValueError: no"), "a", 0.0, "the program failed: ValueError: no; expected 'a'"),
        (3, "3", 1.0, "correct"),
    ],
)
def test_exact_match(output: object, expected: object, score: float, feedback: str) -> None:
    found = ExactMatch().score(output, expected, {})
    assert (found.score, found.feedback) == (score, feedback)


def test_missing_fragments_are_named() -> None:
    found = ContainsMatch().score("Dear Ada", ["ada", "sorry"], {})
    assert found.score == 0.5
    assert found.feedback == "missing: sorry"
    assert found.details == {"missing": ["'sorry'"]}


def test_nothing_to_look_for_is_an_error_of_the_example() -> None:
    with pytest.raises(MetricError, match="expects None; give one"):
        ContainsMatch().score("a", None, {})


@pytest.mark.parametrize(
    ("scorer", "output", "expected", "score"),
    [
        (RegexMatch(r"eur \d+"), "That is EUR 12.", None, 1.0),
        (RegexMatch(r"eur \d+", flags=0), "That is EUR 12.", None, 0.0),
        (RegexMatch(r"\d+", full_match=True), "12.", None, 0.0),
        (RegexMatch(r"\d+", full_match=True), "12", None, 1.0),
        (RegexMatch(), "abc", "B", 1.0),
        (RegexMatch("a", max_chars=3), "aaaa", None, 0.0),
        (RegexMatch("None"), None, None, 0.0),
    ],
)
def test_patterns(scorer: RegexMatch, output: object, expected: object, score: float) -> None:
    assert scorer.score(output, expected, {}).score == score


def test_a_pattern_that_does_not_match_is_shown() -> None:
    assert RegexMatch(r"\d+", full_match=True).score("12.", None, {}).feedback == (
        r"got '12.', which the pattern '\\d+' does not match as a whole"
    )


def test_wrong_patterns_are_errors() -> None:
    with pytest.raises(MetricError, match=r"'\(' is none"):
        RegexMatch("(")
    with pytest.raises(MetricError, match="3 is none"):
        RegexMatch().score("a", 3, {})
    with pytest.raises(MetricError, match="max_chars"):
        RegexMatch("a", max_chars=0)
