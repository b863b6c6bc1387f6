"""Pieces: they join to the text, and no placeholder is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.optimizers.proposers.phrases import cut, joined, placeholders

texts = st.lists(
    st.sampled_from([
        "Be brief", ", ", ". ", "\n", "\n\n- ", " ", "{ticket}", "{a, b}", "${x}", "{{y; z}}", "%(n)s", "<q>",
        "[[u. v]]", "$w", "{", "}", '." ', "!",
    ])
).map("".join)  # fmt: skip
units = st.sampled_from(["line", "sentence", "phrase"])


@given(st.one_of(texts, st.text()), units)
def test_law_pieces_join_to_the_text(text: str, unit: str) -> None:
    pieces = cut(text, unit)
    assert joined(pieces) == text
    assert all(phrase.strip() for phrase in pieces.phrases)
    assert len(pieces.gaps) == max(0, len(pieces.phrases) - 1)
    assert all(gap.isspace() for gap in pieces.gaps)


@given(texts, units)
def test_law_no_placeholder_is_cut(text: str, unit: str) -> None:
    held = [found for phrase in cut(text, unit).phrases for found in placeholders(phrase)]
    assert held == placeholders(text)


@pytest.mark.parametrize(
    "one",
    ["{ticket}", "{x!r:>8}", "{{ticket}}", "${ticket}", "$ticket", "%(ticket)s", "<ticket>", "[[ticket]]"],
)
def test_placeholders_of_all_kinds_are_seen(one: str) -> None:
    assert placeholders(f"Read {one} well; 3 < 4 > 2, $5, 50%.") == [one]


def test_units() -> None:
    text = 'Say "no." Then go, and rest.\nSleep well.'
    assert cut(text, "line").phrases == ('Say "no." Then go, and rest.', "Sleep well.")
    assert cut(text, "sentence").phrases == ('Say "no."', "Then go, and rest.", "Sleep well.")
    assert cut(text, "phrase").phrases == ('Say "no." Then go,', "and rest.", "Sleep well.")
