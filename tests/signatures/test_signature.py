"""A signature is what its class says: instruction, fields, order, types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.signatures.forms import QA, Triage

from hyperfunc import InputField, OutputField, Signature
from hyperfunc.errors import ProgramError


def names(signature: type[Signature]) -> tuple[list[str], list[str]]:
    layout = signature.__layout__
    return [f.name for f in layout.inputs], [f.name for f in layout.outputs]


def words(signature: type[Signature]) -> dict[str, str]:
    layout = signature.__layout__
    return {f.name: f.kind.words for f in (*layout.inputs, *layout.outputs)}


def test_the_docstring_is_the_instruction_and_fields_keep_their_order() -> None:
    assert Triage.__layout__.instruction == "Sort the ticket."
    assert names(Triage) == (["ticket", "tags"], ["team", "urgency", "note"])
    assert [f.desc for f in Triage.__layout__.outputs] == ["", "from 1 to 5", ""]


def test_without_a_docstring_the_instruction_names_the_fields() -> None:
    class Sum(Signature):
        a = InputField()
        b: int = InputField()
        total: int = OutputField()

    assert Sum.__layout__.instruction == "Given a and b, answer with total."
    assert words(Sum) == {"a": "text", "b": "whole number", "total": "whole number"}


def test_types_may_be_local_to_where_the_signature_is_written() -> None:
    @dataclass
    class Point:
        x: int

    class Local(Signature):
        text: str = InputField()
        point: Point = OutputField()

    assert words(Local)["point"] == 'JSON {"x": whole number}'
    assert Local.Prediction(point=Point(1)).to_json() == {"point": {"x": 1}}


def test_a_subclass_has_the_fields_of_its_base_first_and_may_change_them() -> None:
    class Sure(QA):
        answer: float = OutputField()  # type: ignore[assignment]
        sure: bool = OutputField()

    assert names(Sure) == (["question"], ["answer", "sure"])
    assert words(Sure)["answer"] == "number"
    assert Sure.__layout__.instruction == "Answer the question."
    assert words(QA)["answer"] == "text"


def test_the_short_form_is_the_same_signature() -> None:
    made = Signature.parse(
        'question, tags: list[str] -> team: Literal["a", -1], sure: float | None, '
        "more: dict[str, Optional[int]]",
        "Do it.",
        name="Short",
    )
    assert names(made) == (["question", "tags"], ["team", "sure", "more"])
    assert words(made) == {
        "question": "text",
        "tags": "JSON [text, ...]",
        "team": 'one of "a", -1',
        "sure": "number or null",
        "more": 'JSON {"a name": whole number or null, ...}',
    }
    assert (made.__name__, made.__layout__.instruction) == ("Short", "Do it.")


@pytest.mark.parametrize(
    "text",
    [
        "question", "-> answer",
        "question ->", "a, b -> c d", "a: open('x') -> b", "a: int() -> b", "*a -> b",
        "a = 1 -> b", "a, /, b -> c", "a: set[int] -> b", "a): pass\ndef f(b -> c", "a: list[int, str -> b",
        "a -> a", "a, a -> b", "class -> b", "a: b.c -> d", "a: 'str' -> b", "a: int | 3 -> b",
    ],
)  # fmt: skip
def test_a_short_form_that_is_none_is_refused_and_nothing_in_it_runs(text: str) -> None:
    with pytest.raises(ProgramError, match="signature"):
        Signature.parse(text)


def refused(body: dict[str, Any], match: str, annotations: dict[str, Any] | None = None) -> None:
    with pytest.raises(ProgramError, match=match):
        type("Bad", (Signature,), {**body, "__annotations__": annotations or {}})


def test_signatures_that_cannot_be_used_say_why() -> None:
    good = {"a": InputField(), "b": OutputField()}
    refused({"b": OutputField()}, "Bad has no inputs")
    refused({"a": InputField()}, "Bad has no outputs")
    refused({**good, "prompt": InputField()}, "prompt of the signature Bad is what a Predict is given")
    refused({**good, "items": OutputField()}, "items of the signature Bad is a method")
    refused({**good, "_x": OutputField()}, "_x of the signature Bad is no name")
    refused(good, "c of the signature Bad is neither given nor asked for", {"c": str})
    refused(good, "b of Bad is annotated with bytes", {"b": bytes})
    refused(good, "annotations of the signature Bad cannot be read", {"b": "Nowhere"})


def test_a_signature_is_not_called() -> None:
    with pytest.raises(ProgramError, match=r"write Predict\(QA, model=\.\.\.\)"):
        QA(question="x")
