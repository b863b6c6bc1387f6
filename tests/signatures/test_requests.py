"""Requests are the documented bytes, and answers are read strictly: what is written can be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.signatures.forms import QA, Line, Triage, answer

from hyperfunc import Exemplar, InputField, OutputField, Signature
from hyperfunc.errors import BadAnswer, CallError
from hyperfunc.signatures.reading import fields_of
from hyperfunc.signatures.rendering import Format, messages, response_format

INPUTS = {"ticket": "Help! Zoë", "tags": ["a", "ü"]}
SHOT = Exemplar({"tags": [], "ticket": "Paid twice."}, {"urgency": 5, "note": None, "team": "billing"})


def turns(form: Format, *shots: Exemplar, prompt: str = "Sort.") -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in messages(Triage.__layout__, form, prompt, shots, INPUTS)]


USER = '=== ticket ===\nHelp! Zoë\n\n=== tags ===\n["a", "ü"]'
SHOT_USER = "=== ticket ===\nPaid twice.\n\n=== tags ===\n[]"
GIVEN = "The message has:\n- ticket: text; from a customer\n- tags: JSON [text, ...]\n\n"


def test_the_request_for_json_byte_by_byte() -> None:
    system = (
        f"Sort.\n\n{GIVEN}"
        "Reply with one JSON object and nothing else. It has:\n"
        '- "team": one of "billing", "tech"\n'
        '- "urgency": whole number; from 1 to 5\n'
        '- "note": text or null'
    )
    assert turns("json", SHOT) == [
        ("system", system),
        ("user", SHOT_USER),
        ("assistant", '{"team": "billing", "urgency": 5, "note": null}'),
        ("user", USER),
    ]


def test_the_request_for_text_byte_by_byte() -> None:
    system = (
        f"Sort.\n\n{GIVEN}"
        "Reply with each of these under its heading, in this order:\n\n"
        '=== team ===\n(one of "billing", "tech")\n\n'
        "=== urgency ===\n(whole number; from 1 to 5)\n\n"
        "=== note ===\n(text or null)"
    )
    assert turns("text", SHOT) == [
        ("system", system),
        ("user", SHOT_USER),
        ("assistant", "=== team ===\nbilling\n\n=== urgency ===\n5\n\n=== note ===\nnull"),
        ("user", USER),
    ]


QA_SECTION = (
    "The message has:\n- question: text\n\n"
    "Reply with this and nothing else, without its name:\n- answer: text; a few words"
)


def test_one_output_stands_alone_in_text() -> None:
    shot = Exemplar({"question": "2+2"}, "4")
    made = messages(QA.__layout__, "text", "", (shot,), {"question": "3+3"})
    assert [m.content for m in made] == [
        QA_SECTION,
        "=== question ===\n2+2",
        "4",
        "=== question ===\n3+3",
    ]


def test_the_schema_is_strict_where_servers_can_be() -> None:
    asked = response_format(Triage.__layout__)["json_schema"]
    assert asked["strict"] is True
    assert list(asked["schema"]["properties"]) == asked["schema"]["required"] == ["team", "urgency", "note"]
    assert asked["schema"]["properties"]["urgency"] == {"type": "integer", "description": "from 1 to 5"}
    loose = Signature.parse("a -> b: dict[str, int]").__layout__
    assert response_format(loose)["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        (
            {"ticket": "x"},
            {"team": "tech", "urgency": 1, "note": None},
            "where the signature has ticket, tags",
        ),
        ({"ticket": "x", "tags": []}, {"team": "tech"}, "where the signature has team, urgency, note"),
        (
            {"ticket": "x", "tags": [1]},
            {"team": "tech", "urgency": 1, "note": None},
            "tags[0]: expected text",
        ),
        ({"ticket": "x", "tags": []}, {"team": "me", "urgency": 1, "note": None}, "team: expected one of"),
        ("x", "y", "exemplar 0 has"),
    ],
)
def test_an_exemplar_that_does_not_fit_is_a_failure_of_the_call(
    given: Any, wanted: Any, message: str
) -> None:
    with pytest.raises(CallError) as found:
        turns("json", Exemplar(given, wanted))
    assert message in str(found.value)


GOOD = {"team": "tech", "urgency": 3, "note": None}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", '{"team": "tech", "urgency": 3, "note": null}'),
        ("json", ' {"note": null, "urgency": 3, "team": "tech"}\n'),
        ("text", "=== team ===\ntech\n\n=== urgency ===\n3\n\n=== note ===\nnull"),
        ("text", "I think:\n=== note ===\nnull\n=== urgency ===\n\n 3 \n  ===team===  \ntech\n"),
    ],
)
def test_answers_are_read(form: Format, text: str) -> None:
    assert fields_of(Triage.__layout__, form, answer(text)) == GOOD


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("json", "It is tech.", 'expected a JSON object with team, urgency, note, got "It is tech."'),
        ("json", "[1]", "expected a JSON object with team, urgency, note, got [1]"),
        ("json", '```json\n{"team": "tech"}\n```', "expected a JSON object"),
        ("json", '{"team": "tech", "team": "tech"}', "expected a JSON object"),
        ("json", '{"team": "tech", "urgency": 3}', "note is missing, expected text or null"),
        ("json", '{"team": "tech", "urgency": "3", "note": null}', 'urgency: expected whole number, got "3"'),
        ("json", '{"team": "tech", "urgency": 3, "note": null, "why": 1}', "why was not asked for"),
        ("text", "tech", 'team is missing, expected one of "billing", "tech"'),
        ("text", "=== team ===\ntech\n=== note ===\nnull", "urgency is missing, expected whole number"),
        (
            "text",
            "=== team ===\nTech.\n=== urgency ===\nsoon",
            'team: expected one of "billing", "tech", got "Tech."',
        ),
        ("text", "=== team ===\ntech\n=== team ===\ntech", "team stands there twice"),
        ("text", "", 'the answer was ""'),
    ],
)
def test_what_is_missing_or_wrong_is_named(form: Format, text: str, message: str) -> None:
    with pytest.raises(BadAnswer) as found:
        fields_of(Triage.__layout__, form, answer(text))
    assert message in str(found.value)
    assert "the signature Triage" in str(found.value)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(BadAnswer) as found:
        fields_of(Triage.__layout__, "json", answer('{"team": "x", "urgency": 1.5}'))
    assert [word for word in ("team", "urgency", "note") if f"{word}" in str(found.value)] == [
        "team", "urgency", "note",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "text"])
def test_an_answer_that_was_cut_off_does_not_count(form: Format) -> None:
    with pytest.raises(BadAnswer, match=r"cut off by its length.*raise max_tokens"):
        fields_of(QA.__layout__, form, answer('{"answer": "a"}', "length"))


def test_one_output_is_the_whole_text_or_what_stands_under_its_heading() -> None:
    layout = QA.__layout__
    assert fields_of(layout, "text", answer("  Paris\n")) == {"answer": "Paris"}
    assert fields_of(layout, "text", answer("Well.\n=== answer ===\nParis")) == {"answer": "Paris"}
    assert fields_of(layout, "text", answer("=== other ===\nParis")) == {"answer": "=== other ===\nParis"}
    with pytest.raises(BadAnswer, match="answer is missing, expected text"):
        fields_of(layout, "text", answer(" \n"))


RICH = Signature.parse("q -> a: str, n: int, f: float, b: bool, l: list[str], d: dict[str, Any]").__layout__
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(str.strip)
VALUES = st.fixed_dictionaries(
    {
        "a": PLAIN.filter(lambda text: "===" not in text),
        "n": st.integers(),
        "f": st.floats(allow_nan=False, allow_infinity=False),
        "b": st.booleans(),
        "l": st.lists(PLAIN, max_size=3),
        "d": st.dictionaries(PLAIN, st.none() | st.integers() | PLAIN, max_size=3),
    }
)


@given(VALUES, st.sampled_from(["json", "text"]))
def test_what_is_shown_in_an_exemplar_is_read_as_the_same_values(
    values: dict[str, Any], form: Format
) -> None:
    shown = messages(RICH, form, "", (Exemplar({"q": "?"}, values),), {"q": "!"})[2].content
    assert fields_of(RICH, form, answer(shown)) == values


def test_records_are_written_in_the_order_of_their_parts() -> None:
    class Bill(Signature):
        text: str = InputField()
        line: Line = OutputField()

    shot = Exemplar({"text": "?"}, {"line": {"price": 1, "name": "a"}})
    made = messages(Bill.__layout__, "json", "", (shot,), {"text": "!"})
    assert made[2].content == '{"line": {"name": "a", "price": 1.0}}'
