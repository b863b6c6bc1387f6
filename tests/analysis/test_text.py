"""Foreign text is harmless, numbers are readable."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.analysis.report import text
from hyperfunc.analysis.report.diff import list_diff, word_diff

ANY = st.text(st.characters(codec=None), max_size=60)


@given(ANY)
def test_visible_text_has_no_character_that_acts(value: str) -> None:
    shown = text.visible(value)
    for char in shown:
        assert char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"}
        assert unicodedata.bidirectional(char) not in {
            "RLO",
            "LRO",
            "RLE",
            "LRE",
            "PDF",
            "RLI",
            "LRI",
            "FSI",
            "PDI",
        }
    shown.encode("utf-8")


@given(st.text("abc <>&\"'ä漢🙂\n\t", max_size=40))
def test_visible_leaves_ordinary_text_alone(value: str) -> None:
    assert text.visible(value) == value


def test_a_terminal_escape_is_written_out() -> None:
    assert text.visible("a\x1b]0;title\x07b") == "a\\x1b]0;title\\x07b"


@given(ANY, st.integers(2, 50))
def test_a_shortened_line_is_one_line_of_the_length(value: str, limit: int) -> None:
    line = text.shorten(value, limit)
    assert len(line) <= limit
    assert "\n" not in line


WORDS = st.lists(st.sampled_from(["a", "b", "the team", ".", "\n", "  ", "é!"]), max_size=30).map("".join)


@given(WORDS, WORDS)
def test_a_difference_spells_both_texts(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(piece.text for piece in pieces if piece.op != "new") == before
    assert "".join(piece.text for piece in pieces if piece.op != "gone") == after
    assert all(piece.text for piece in pieces)


def test_an_edit_shows_only_the_words_that_changed() -> None:
    pieces = word_diff("Say which team handles the message.", "Say which person handles the message.")
    assert [tuple(piece) for piece in pieces] == [
        ("same", "Say which "),
        ("gone", "team"),
        ("new", "person"),
        ("same", " handles the message."),
    ]


def test_a_rewritten_text_is_before_and_after() -> None:
    assert [piece.op for piece in word_diff("one two three four", "five the six seven eight nine")] == [
        "gone",
        "new",
    ]


def test_a_text_that_only_grew_is_not_rewritten() -> None:
    pieces = word_diff("Reply please.", "Reply please. Not more than one sentence, and state the next step.")
    assert [piece.op for piece in pieces] == ["same", "new"]


def test_huge_texts_are_not_compared_word_by_word() -> None:
    before = "word " * 5000
    assert [piece.op for piece in word_diff(before, before + "more")] == ["gone", "new"]


ITEMS = st.lists(st.integers(0, 4), max_size=8)


@given(ITEMS, ITEMS)
def test_a_list_difference_accounts_for_every_item(before: list[int], after: list[int]) -> None:
    parts = list_diff(before, after)
    assert [item for op, item in parts if op != "gone"] == after
    assert sorted(item for op, item in parts if op != "new") == sorted(before)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0421, "0.042 s"),
        (9.5, "9.5 s"),
        (48.2, "48 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert text.clock(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "not measured"),
        (float("nan"), "not measured"),
        (0.5, "0.500"),
        (-0.25, "−0.250"),
        (-0.0001, "0.000"),
    ],
)
def test_scores(value: float | None, said: str) -> None:
    assert text.score(value) == said


def test_counts_money_and_signs() -> None:
    assert text.count(1, "calls") == "1 call"
    assert text.count(12_400, "calls") == "12,400 calls"
    assert [text.money(value) for value in (0, 0.0031, 1.239, None)] == [
        "$0.00",
        "$0.0031",
        "$1.24",
        "unknown",
    ]
    assert text.signed(0.1) == "+0.100"
    assert text.signed(-0.1) == "−0.100"
