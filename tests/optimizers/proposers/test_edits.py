"""Edits: any text, no error, the same for the same luck, and every placeholder whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.optimizers.proposers.asked import one, propose, request

from hyperfunc.errors import ProposerError
from hyperfunc.optimizers.proposers import Edits
from hyperfunc.optimizers.proposers.phrases import cut, placeholders
from hyperfunc.spaces import Text

parts = st.lists(
    st.sampled_from(["Be brief", ", ", ". ", "\n", "{a, b}", "{ticket}", "<q>", "{", "}", " ", "$x"])
)
texts = parts.map("".join) | st.text()


@given(
    texts, st.lists(texts, max_size=3), st.lists(texts, max_size=2), st.integers(1, 4), st.integers(0, 99),
    st.sampled_from(["line", "sentence", "phrase"]),
)  # fmt: skip
def test_law_edits_keep_placeholders_and_depend_on_the_request_alone(
    text: str, bank: list[str], others: list[str], edits: int, seed: int, unit: str
) -> None:
    proposer = Edits(bank, edits=edits, unit=unit)
    about = one(text, others=tuple({"route.prompt": other} for other in others), seed=seed)
    changes = propose(proposer, about)
    assert changes == propose(proposer, about)
    found = [change["route.prompt"] for change in changes]
    assert len(set(found)) == len(found) <= 4
    for edited in found:
        assert edited != text
        assert sorted(placeholders(edited)) == sorted(placeholders(text))


def all_edits(text: str, bank: Any = (), **more: Any) -> set[str]:
    """Everything that one edit makes of a text, over many consultations."""
    found = (propose(Edits(bank, **more), one(text, number=number)) for number in range(60))
    return {change["route.prompt"] for changes in found for change in changes}


def test_each_operation_is_there() -> None:
    assert all_edits("A. B. C.", ["D."]) == {
        "B. C.", "A. C.", "A. B.",
        "B. A. C.", "C. B. A.", "A. C. B.", "B. C. A.", "C. A. B.",
        "D. A. B. C.", "A. D. B. C.", "A. B. D. C.", "A. B. C. D.",
    }  # fmt: skip


def test_a_phrase_with_a_placeholder_is_moved_but_not_lost() -> None:
    assert all_edits("Read {ticket}. Answer.") == {"Read {ticket}.", "Answer. Read {ticket}."}


def test_pieces_that_would_form_a_placeholder_are_not_put_together() -> None:
    found = all_edits("{a\nX, b}")
    assert found
    assert "X,\n{a b}" not in found


def test_an_addition_has_a_line_of_its_own_among_lines() -> None:
    assert "A\nD\nB" in all_edits("A\nB", ["D"])
    assert all_edits("", ["D"]) == {"D"}
    assert all_edits("A") == set()


def test_phrases_of_other_candidates_enter_and_those_with_placeholders_do_not() -> None:
    about = one("A.", others=({"route.prompt": "A. B, {x}. C."}, {"more": "Z."}), seed=4)
    found = {
        c["route.prompt"]
        for n in range(20)
        for c in propose(Edits(), one("A.", others=about.others, number=n))
    }
    assert found == {"A. B,", "B, A.", "A. C.", "C. A."}


def test_a_text_that_its_knob_does_not_take_is_not_proposed() -> None:
    about = request({"p": "A. B."}, knobs={"p": Text(max_chars=6)})
    assert {c["p"] for c in propose(Edits(["A longer phrase."], n=8), about)} == {"A.", "B.", "B. A."}


def test_several_knobs_are_edited_in_each_proposal() -> None:
    changes = propose(Edits(n=2), request({"a": "A. B. C.", "b": "D. E. F.", "c": "G"}))
    assert [set(change) for change in changes] == [{"a", "b"}] * 2


def test_several_edits_make_up_a_proposal() -> None:
    assert any(len(cut(text).phrases) == 1 for text in all_edits("A. B. C.", edits=2))


@pytest.mark.parametrize(
    "wrong", [dict(bank="one text"), dict(bank=[1]), dict(n=0), dict(edits=0), dict(unit="word")]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ProposerError):
        Edits(**wrong)
