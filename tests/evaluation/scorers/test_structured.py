"""Structured output: fields right, missing and too many, and the form that a schema asks for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import FieldF1, JSONFields, JSONSchemaMatch
from hyperfunc.errors import MetricError

OBJECTS = st.dictionaries(
    st.sampled_from("abc"),
    st.one_of(st.booleans(), st.integers(0, 2), st.lists(st.integers(0, 2), max_size=3)),
)
SCHEMA = {
    "type": "object",
    "required": ["team"],
    "properties": {"team": {"enum": ["billing", "shipping"]}, "urgent": {"type": "boolean"}},
}


def test_fields_say_what_was_got_and_expected() -> None:
    found = JSONFields().score('{"total": 11, "paid": true}', {"total": 12, "vat": 2, "paid": True}, {})
    assert found.score == pytest.approx(1 / 3)
    assert found.feedback == "total: got 11, expected 12; vat is missing, expected 2"
    assert found.details == {"fields": {"total": 0.0, "vat": 0.0, "paid": 1.0}}


@pytest.mark.parametrize(
    ("output", "expected", "score"),
    [
        ({"a": 1, "b": 2}, {"a": 1, "b": 2}, 1.0),
        ({}, {}, 1.0),
        ({"a": 1}, {}, 0.0),
        ({}, {"a": 1}, 0.0),
        ({"a": 1, "c": 3}, {"a": 1, "b": 2}, 0.5),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1, "y": 3}}, 0.5),
        ({"tags": ["b", "a"]}, {"tags": ["a", "b"]}, 1.0),
        ({"tags": ["a", "a"]}, {"tags": ["a", "b"]}, 0.5),
        ({"rows": [{"n": 1}, {"n": 2}]}, {"rows": [{"n": 2}, {"n": 1}]}, 0.0),
        ({"a": True}, {"a": 1}, 0.0),
        ('{"a": 1}', '{"a": 1.0}', 1.0),
        ({"a": []}, {"a": []}, 1.0),
    ],
)
def test_f1_of_fields(output: Any, expected: Any, score: float) -> None:
    assert FieldF1().score(output, expected, {}).score == score


def test_f1_lists_each_kind_of_mistake() -> None:
    found = FieldF1().score({"a": 1, "c": 3}, {"a": 2, "b": 4}, {})
    assert found.feedback == "a: got 1, expected 2; b is missing, expected 4; c: 3 was not expected"
    two = FieldF1().score({"a": 1, "c": 3, "d": 4}, {"a": 1, "b": 2}, {})
    assert two.details == {
        "precision": 1 / 3, "recall": 0.5, "right": 1, "predicted": 3, "expected": 2,
    }  # fmt: skip
    assert two.score == pytest.approx(2 / (3 + 2))


@settings(max_examples=60)
@given(OBJECTS, OBJECTS)
def test_f1_is_symmetric_and_1_for_itself(a: dict[str, Any], b: dict[str, Any]) -> None:
    scorer = FieldF1()
    assert scorer.score(a, a, {}).score == 1.0
    assert scorer.score(a, b, {}).score == scorer.score(b, a, {}).score


@pytest.mark.parametrize(
    ("output", "score", "feedback"),
    [
        ('{"team": "billing"}', 1.0, "fits the schema"),
        ({"team": "billing", "urgent": True}, 1.0, "fits the schema"),
        ("{}", 0.0, "$ lacks 'team'"),
        ({"team": "tech"}, 0.0, '$.team is "tech", not one of ["billing", "shipping"]'),
        ({"team": "billing", "urgent": 1}, 0.0, "$.urgent is 1, not boolean"),
    ],
)
def test_schema(output: Any, score: float, feedback: str) -> None:
    found = JSONSchemaMatch(SCHEMA).score(output, None, {})
    assert (found.score, found.feedback) == (score, feedback)
    assert JSONSchemaMatch().score(output, SCHEMA, {}) == found


@pytest.mark.parametrize("scorer", [JSONFields(), FieldF1(), JSONSchemaMatch()])
@pytest.mark.parametrize(
    ("output", "feedback"),
    [
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": 1', "the output is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        (None, "the prediction is None"),
    ],
)
def test_broken_json_scores_zero_and_is_said(scorer: Any, output: Any, feedback: str) -> None:
    found = scorer.score(output, {"type": "object"}, {})
    assert found.score == 0.0
    assert feedback in found.feedback
    assert "expected {'type': 'object'}" in found.feedback


def test_too_many_fields_are_not_read() -> None:
    found = FieldF1(max_fields=2).score({"a": [1, 2, 3]}, {"a": [1]}, {})
    assert (found.score, found.feedback[:27]) == (0.0, "the prediction has 3 fields")


def test_wrong_settings_and_expectations_are_errors() -> None:
    for scorer in (JSONFields(), FieldF1()):
        with pytest.raises(MetricError, match="compares fields, and the example expects 3"):
            scorer.score({}, 3, {})
    for make in (JSONFields, FieldF1):
        with pytest.raises(MetricError, match="tolerance of"):
            make(tolerance=-1)
    with pytest.raises(MetricError, match="max_fields"):
        FieldF1(max_fields=0)
    with pytest.raises(MetricError, match="needs a schema"):
        JSONSchemaMatch().score({}, None, {})
    for wrong in ({"type": "objekt"}, {"pattern": "("}, {"madeUp": 1}):
        with pytest.raises(MetricError, match="the schema of JSONSchemaMatch is wrong"):
            JSONSchemaMatch(wrong).score('"text"', None, {})


@pytest.mark.parametrize("number", [float("inf"), float("nan"), 10**400])
def test_numbers_that_json_does_not_have_break_a_schema(number: Any) -> None:
    found = JSONSchemaMatch({"multipleOf": 2}).score(number, None, {})
    assert found.score == 0.0
    assert "a number that JSON does not have or that is too large" in found.feedback
