"""Answers: the text inside the fence comes out as it was, and nothing that is no such text is taken."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hyperfunc.errors import BadAnswer
from hyperfunc.llm import Response
from hyperfunc.optimizers.proposers.answers import (
    delimiter,
    fenced_answer,
    json_answer,
    named_answers,
    schema_of_texts,
)

TICKS = "```"
lines = st.lists(
    st.sampled_from(
        ["```", "````", "```json", "  ```", "`x`", "", "Do it.", "{ticket}", "~~~", "``````", " "]
    )
)
texts = st.one_of(st.text(), lines.map("\n".join))


@given(texts, st.sampled_from(["", "text", "markdown"]), st.sampled_from(["", "Here it is:\n", "\n\n"]))
@example("a\n```python\nx\n```\nb", "", "")
def test_law_a_text_in_a_fence_that_is_long_enough_comes_out_as_it_was(
    text: str, tag: str, lead: str
) -> None:
    mark = delimiter(text)
    answer = f"{lead}{mark}{tag}\n{text}\n{mark}\nI hope it helps."
    if text.strip() in ("", "the new text"):
        with pytest.raises(BadAnswer):
            fenced_answer(answer, mark)
    else:
        assert fenced_answer(answer, mark) == text.strip()


@given(texts)
def test_law_whatever_the_answer_it_is_read_or_unreadable(answer: str) -> None:
    try:
        found = fenced_answer(answer)
    except BadAnswer:
        return
    assert found
    assert found == found.strip()
    assert len(found) <= len(answer) - 6  # never the whole of it


@given(st.text().filter(lambda text: "```" not in text))
def test_law_an_answer_without_a_fence_is_never_taken(answer: str) -> None:
    with pytest.raises(BadAnswer, match="no fence"):
        fenced_answer(answer)


@given(st.dictionaries(st.sampled_from(["a.prompt", "b.prompt", "c"]), texts, min_size=1))
def test_law_named_texts_come_out_as_they_were(given_texts: dict[str, str]) -> None:
    mark = delimiter(*given_texts.values())
    answer = "\n\n".join(f"{mark}{name}\n{text}\n{mark}" for name, text in given_texts.items())
    wanted = {n: t.strip() for n, t in given_texts.items() if t.strip() not in ("", "the new text")}
    if wanted:
        assert named_answers(answer, ["a.prompt", "b.prompt", "c"]) == wanted
    else:
        with pytest.raises(BadAnswer):
            named_answers(answer, ["a.prompt", "b.prompt", "c"])


READ = {
    "a language": ("```text\nDo it.\n```", "Do it."),
    "words behind the mark": ("```Do it\nwell.\n```", "Do it\nwell."),
    "one line": ("Here: ```Do it.``` Better?", "Do it."),
    "carriage returns": ("```\r\nDo it.\r\n```\r\n", "Do it."),
    "a fence inside, with a language": (
        "```\nAnswer as\n```json\n{}\n```\nand no more.\n```",
        "Answer as\n```json\n{}\n```\nand no more.",
    ),
    "fences inside without one, and nothing outside": (
        "```\nAnswer as\n```\n{}\n```\nand no more.\n```",
        "Answer as\n```\n{}\n```\nand no more.",
    ),
    "several fences": ("Old:\n```\nDo.\n```\nNew:\n```\nDo it well.\n```\n", "Do it well."),
    "the fence that was asked for": (
        "It said\n```\nsomething rather long\n```\nso:\n````\nDo it.\n````\n",
        "Do it.",
    ),
    "thoughts before it": (
        "<think>\n```\nno, not this one, too long\n```\n</think>\n```\nDo it.\n```",
        "Do it.",
    ),
    "indented fences": ("1.\n   ```\n   Do it.\n   ```", "Do it."),
}


@pytest.mark.parametrize(("answer", "wanted"), READ.values(), ids=READ.keys())
def test_what_models_write_is_read(answer: str, wanted: str) -> None:
    mark = "````" if "````" in answer else TICKS
    assert fenced_answer(answer, mark) == wanted


UNREADABLE = {
    "no fence": ("Do it well.", "no fence"),
    "no end": ("```\nDo it", "does not end"),
    "an end that is missing after a fence inside": ("```\nAnswer as\n```json\n{}\n```", "does not end"),
    "empty": ("```\n\n```", "nothing of its own"),
    "the example": ("```\nthe new text\n```", "nothing of its own"),
    "two on lines": ("```a``` or ```b```", "no fence"),
}


@pytest.mark.parametrize(("answer", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_no_text_in_a_fence_is_unreadable(answer: str, reason: str) -> None:
    with pytest.raises(BadAnswer, match=reason):
        fenced_answer(answer)


def test_an_answer_that_was_cut_off_is_unreadable() -> None:
    cut = Response(text="```\nDo it.\n```", finish_reason="length")
    with pytest.raises(BadAnswer, match="raise max_tokens"):
        fenced_answer(cut)
    assert fenced_answer(Response(text=cut.text)) == "Do it."


def test_named_texts_are_those_that_were_asked_for() -> None:
    answer = "```a\nDo it.\n```\n```json\n{}\n```"
    assert named_answers(answer, ["a", "b"]) == {"a": "Do it."}
    with pytest.raises(BadAnswer, match="two fences named a"):
        named_answers(f"{answer}\n```a\nOr this.\n```", ["a"])
    with pytest.raises(BadAnswer, match="no fence with the name"):
        named_answers(answer, ["c"])


def test_json_is_read_bare_or_in_a_fence_and_strictly() -> None:
    schema = schema_of_texts(["a"])
    assert json_answer('{"a": "x```y"}', schema) == {"a": "x```y"}
    assert json_answer('Here:\n```json\n{"a": "x"}\n```', schema) == {"a": "x"}
    for wrong in ('{"a": 1}', "{}", '{"a": "x", "b": "y"}', 'It is {"a": "x"}', "[]", "```\nx\n```", ""):
        with pytest.raises(BadAnswer):
            json_answer(wrong, schema)
