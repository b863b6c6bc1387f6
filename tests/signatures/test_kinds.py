"""Annotations are honored: each takes the values it names and no others, from JSON and from text."""

from __future__ import annotations

import json
import typing
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.signatures.forms import Depth, Invoice, Line, Place, Team

from hyperfunc.errors import ProgramError
from hyperfunc.llm.schema import violation
from hyperfunc.signatures.kinds import Kind, Mismatch, kind_of


def kind(hint: Any) -> Kind:
    return kind_of(hint, "x")


FITS: list[tuple[Any, Any, Any]] = [
    (str, "12", "12"),
    (int, 3, 3),
    (int, 3.0, 3),
    (float, 2, 2.0),
    (bool, True, True),
    (None, None, None),
    (Any, {"a": [1, None]}, {"a": [1, None]}),
    (Literal["a", "b"], "b", "b"),
    (Literal[1, "one", True], True, True),
    (Team, "tech", Team.TECH),
    (Depth, "DEEP", Depth.DEEP),
    (list[int], [1, 2], [1, 2]),
    (list, [1, "a"], [1, "a"]),
    (tuple[float, ...], [1, 2], (1.0, 2.0)),
    (dict[str, list[bool]], {"a": [True]}, {"a": [True]}),
    (Optional[int], None, None),  # noqa: UP045 - as users write it
    (int | str, "1", "1"),
    (Line, {"name": "a", "price": None}, Line("a", None)),
    (Invoice, {"lines": [{"name": "a", "price": 2}], "team": "tech"}, Invoice([Line("a", 2.0)], Team.TECH)),
    (Place, {"street": "Elm"}, {"street": "Elm"}),
    (typing.Annotated[int, "minutes"], 5, 5),
]


@pytest.mark.parametrize(("hint", "value", "meant"), FITS)
def test_a_json_value_becomes_what_the_annotation_names(hint: Any, value: Any, meant: Any) -> None:
    loaded = kind(hint).load(value, "x")
    assert loaded == meant
    assert type(loaded) is type(meant)


@pytest.mark.parametrize(("hint", "value", "meant"), FITS)
def test_schemas_allow_what_is_taken_and_values_go_there_and_back(hint: Any, value: Any, meant: Any) -> None:
    definitions: dict[str, Any] = {}
    assert violation(value, kind(hint).schema(definitions)) is None
    dumped = kind(hint).dump(meant, "x")
    assert json.loads(json.dumps(dumped)) == dumped
    assert kind(hint).load(dumped, "x") == meant
    # What a data file has in place of a value is as good as the value.
    assert kind(hint).load(kind(hint).dump(value, "x"), "x") == meant


WRONG: list[tuple[Any, Any, str]] = [
    (str, 5, "x: expected text, got 5"),
    (int, "5", 'x: expected whole number, got "5"'),
    (int, True, "x: expected whole number, got true"),
    (int, 2.5, "x: expected whole number, got 2.5"),
    (float, "high", 'x: expected number, got "high"'),
    (float, float("nan"), "x: expected number, got NaN"),
    (float, 10**400, "x: expected number, got 1000"),
    (bool, 1, "x: expected true or false, got 1"),
    (None, 0, "x: expected null, got 0"),
    (Literal["a", "b"], "c", 'x: expected one of "a", "b", got "c"'),
    (Literal[1], True, "x: expected one of 1, got true"),
    (Team, "sales", 'x: expected one of "billing", "tech", got "sales"'),
    (list[int], [1, "b"], 'x[1]: expected whole number, got "b"'),
    (list[int], "1, 2", 'x: expected JSON [whole number, ...], got "1, 2"'),
    (dict[str, int], {"a": None}, "x.a: expected whole number, got null"),
    (int | None, "5", 'x: expected whole number or null, got "5"'),
    (Line | None, {"name": 3, "price": 1}, "x.name: expected text, got 3"),
    (Line, {"name": "a"}, "x.price: expected number or null, got nothing"),
    (Line, {"name": "a", "price": 1, "vat": 2}, "got the name 'vat' too"),
    (Place, {"street": "Elm", "number": "9"}, 'x.number: expected whole number, got "9"'),
    (Invoice, {"lines": [{"name": "a", "price": 1}] * 4, "team": "tech"}, "ValueError: too many lines"),
    (Invoice, {"lines": [{"name": "a", "price": 1}], "team": "x"}, "x.team: expected one of"),
]


@pytest.mark.parametrize(("hint", "value", "message"), WRONG)
def test_what_does_not_fit_is_named(hint: Any, value: Any, message: str) -> None:
    with pytest.raises(Mismatch) as found:
        kind(hint).load(value, "x")
    assert message in str(found.value)


@pytest.mark.parametrize(
    ("hint", "text", "meant"),
    [
        (str, "null", "null"),
        (int, "12", 12),
        (float, "1e3", 1000.0),
        (bool, "True", True),
        (bool, "false", False),
        (Literal["a", "b"], "a", "a"),
        (Literal["a", "b"], '"a"', "a"),
        (Literal[1, 2], "2", 2),
        (Team, "tech", Team.TECH),
        (str | None, "null", None),
        (str | None, "nothing", "nothing"),
        (int | str, "12", 12),
        (int | str, "twelve", "twelve"),
        (list[int], "[1, 2]", [1, 2]),
        (list[int], "```json\n[1, 2]\n```", [1, 2]),
        (Line, '{"name": "a", "price": 2}', Line("a", 2.0)),
    ],
)
def test_texts_are_read(hint: Any, text: str, meant: Any) -> None:
    assert kind(hint).read(text, "x") == meant


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (int, "about 12"), (int, "12."), (bool, "yes"), (float, "NaN"), (Literal["a", "b"], "a."),
        (Team, "the tech team"), (list[int], "1, 2"), (list[int], "[1] and [2]"), (None, "None"),
        (dict[str, int], '{"a": 1, "a": 2}'),
    ],
)  # fmt: skip
def test_texts_are_not_repaired(hint: Any, text: str) -> None:
    with pytest.raises(Mismatch):
        kind(hint).read(text, "x")


class Loop(typing.NamedTuple):
    inner: int


@pytest.mark.parametrize("hint", [object, set[int], dict[int, str], tuple[int, str], Loop, bytes, "str"])
def test_annotations_without_a_form_are_refused_by_name(hint: Any) -> None:
    with pytest.raises(ProgramError, match="of QA is annotated with"):
        kind_of(hint, "answer of QA")


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(TREES, st.sampled_from([hint for hint, _, _ in FITS]))
def test_whatever_comes_is_taken_or_refused_and_what_is_taken_fits_the_schema(value: Any, hint: Any) -> None:
    it = kind(hint)
    try:
        loaded = it.load(value, "x")
    except Mismatch:
        return
    assert violation(value, it.schema({})) is None
    assert it.load(it.dump(loaded, "x"), "x") == loaded
