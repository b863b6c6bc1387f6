"""Answers in JSON are read strictly: nothing is repaired, and the error says where it fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import BadAnswer, ModelError
from hyperfunc.llm.client import Response
from hyperfunc.llm.schema import violation
from hyperfunc.llm.structured import parse_answer, schema_of

TEAM = {
    "type": "object",
    "properties": {
        "team": {"enum": ["billing", "tech"]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "maxItems": 2},
        "sure": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    },
    "required": ["team"],
    "additionalProperties": False,
    "$defs": {"item": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$"}},
}


@pytest.mark.parametrize("text", ['{"team": "tech"}', ' {"team": "tech", "items": ["a"], "sure": null}\n'])
def test_what_fits_is_read(text: str) -> None:
    assert parse_answer(text, TEAM) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('```json\n{"team": "tech"}\n```', "not the JSON"),
        ('{"team": "tech"} Hope this helps!', "Extra data"),
        ('{"team": "tech",}', "not the JSON"),
        ('{"team": "tech", "team": "billing"}', "a name twice"),
        ('{"team": "tech", "sure": NaN}', "NaN is no JSON"),
        ("", "not the JSON"),
        ("[" * 100_000, "not the JSON"),
        ('{"team": "Tech"}', r'\$.team is "Tech", not one of'),
        ('{"items": []}', "lacks 'team'"),
        ('{"team": "tech", "mood": 1}', "has 'mood', which was not asked for"),
        ('{"team": "tech", "items": ["a", "B"]}', r"\$.items\[1\] is \"B\", which"),
        ('{"team": "tech", "items": ["a", "b", "c"]}', "length of 3, not at most 2"),
        ('{"team": "tech", "sure": 2}', r"\$.sure is 2, not at most 1"),
        ('{"team": "tech", "sure": true}', "not number or null"),
        ("[]", r"\$ is \[\], not object"),
    ],
)
def test_what_does_not_fit_is_an_error_that_says_where(text: str, says: str) -> None:
    with pytest.raises(BadAnswer, match=says):
        parse_answer(text, TEAM)


def test_an_answer_that_was_cut_off_says_so() -> None:
    with pytest.raises(BadAnswer, match="raise max_tokens"):
        parse_answer(Response(text='{"team": "te', finish_reason="length"), TEAM)


def test_every_form_of_a_response_format() -> None:
    assert schema_of(None) is None
    assert schema_of(TEAM) == TEAM
    assert schema_of({"type": "json_object"}) == {"type": "object"}
    assert schema_of({"type": "json_schema", "json_schema": {"name": "x", "schema": TEAM}}) == TEAM
    for wrong in ({"type": "json_schema"}, {"kind": "object"}):
        with pytest.raises(ModelError):
            schema_of(wrong)


@pytest.mark.parametrize(
    ("value", "schema", "fits"),
    [
        (1, {"type": "integer"}, True), (1.0, {"type": "integer"}, True), (1.5, {"type": "integer"}, False),
        (True, {"type": "integer"}, False), (True, {"const": 1}, False), ([True], {"const": [1]}, False),
        ([1], {"const": [1.0]}, True), (3, {"multipleOf": 1.5}, True), (3, {"multipleOf": 2}, False),
        (1, {"exclusiveMinimum": 1}, False), (1, {"exclusiveMaximum": 1}, False),
        (1, {"anyOf": [{"type": "string"}, {"minimum": 1}]}, True),
        (0, {"anyOf": [{"type": "string"}, {"minimum": 1}]}, False),
        (1, {"oneOf": [{"type": "integer"}, {"minimum": 0}]}, False),
        (1, {"oneOf": [{"type": "integer"}, {"minimum": 5}]}, True),
        (1, {"allOf": [{"type": "integer"}, {"minimum": 5}]}, False), ("x", {"minimum": 5}, True),
        ({"a": 1}, {"additionalProperties": {"type": "string"}}, False),
        ({"a": 1}, {"properties": {"a": False}}, False),
        ({"a": {"a": {}}}, {"properties": {"a": {"$ref": "#"}}, "additionalProperties": False}, True),
        ({"a": {"b": {}}}, {"properties": {"a": {"$ref": "#"}}, "additionalProperties": False}, False),
        ("é", {"maxLength": 1}, True),
    ],
)  # fmt: skip
def test_keywords(value: Any, schema: Any, fits: bool) -> None:
    assert (violation(value, schema) is None) is fits


@pytest.mark.parametrize(
    "schema", [{"if": {}}, {"type": "text"}, {"$ref": "http://x"}, {"$ref": "#/no"}, {"items": 3}]
)
def test_a_schema_that_is_not_understood_is_an_error_and_no_pass(schema: Any) -> None:
    with pytest.raises(ModelError):
        violation([1], schema)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_every_value_fits_the_schema_that_names_it(value: Any) -> None:
    assert parse_answer(json.dumps(value), {"const": value}) == value
    assert violation(value, {"enum": [[value]]}) is not None
