from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import EditSearch, ExemplarSearch, NumberSearch
from hyperfunc.optimizers.edits import sentences
from hyperfunc.spaces import Choice, Exemplar, Exemplars, Integer, Real, Text

RNG = np.random.default_rng(0)
BANK = ["Be kind.", "Be brief. No lists.", "Use JSON"]
EDITS = EditSearch({"p": BANK, "*": ["Think first."]})
SAID = "Say the team.\nBe brief. No lists. Version 1.5; done"


def test_sentences_end_at_marks_before_a_blank_and_at_lines() -> None:
    assert sentences("Use v1.5. Now!  Ok?\nKeys: a; b\n\n end ") == (
        "Use v1.5.",
        "Now!",
        "Ok?",
        "Keys: a;",
        "b",
        "end",
    )
    assert sentences(" \n ") == ()


@given(st.text(alphabet="ab .!\n;", max_size=60))
def test_law_cutting_loses_nothing_but_blanks(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_a_phrase_of_several_sentences_is_one_piece() -> None:
    features = EDITS.features("p", Text(), SAID)
    assert list(features) == [
        ("p", "Say the team."),
        ("p", "Be brief. No lists."),
        ("p", "Version 1.5;"),
        ("p", "done"),
    ]


def test_edits_delete_add_replace_and_move() -> None:
    knob = Text("One. Two.")
    moves = EDITS.moves("p", knob, "One. Two.", np.random.default_rng(1))
    assert {"One.", "Two."} <= set(moves)
    for phrase in (*BANK, "Think first."):
        assert f"One. Two. {phrase}" in moves
        assert {f"{phrase} Two.", f"One. {phrase}"} & set(moves)
    assert "Two. One." in moves or len(set(moves)) == len(moves) == 10
    assert "One. Two." not in moves


def test_edits_keep_the_lines_of_a_prompt() -> None:
    text = "Task:\nSay the team.\nOutput: one word"
    moves = EDITS.moves("p", Text(), text, np.random.default_rng(0))
    assert "Task:\nOutput: one word" in moves
    assert f"{text}\nUse JSON" in moves
    assert all(move.count("\n") >= 1 for move in moves)


@given(st.integers(0, 1000), st.integers(0, 12))
def test_law_moves_are_allowed_and_different(seed: int, steps: int) -> None:
    rng = np.random.default_rng(seed)
    knob = Text("Say the team. Be kind.", max_chars=60)
    part = EditSearch({"*": BANK}, max_sentences=4)
    text = knob.default
    for _ in range(steps):
        moves = part.moves("p", knob, text, rng)
        assert text not in moves
        assert len(set(moves)) == len(moves)
        assert all(len(move) <= 60 for move in moves)
        text = moves[int(rng.integers(len(moves)))] if moves else text


def test_texts_without_anything_to_edit_are_left_alone() -> None:
    assert not EditSearch().handles("p", Text())
    assert EditSearch().handles("p", Text("Something."))
    assert EditSearch({"p": ["x"]}).handles("p", Text())
    assert not EditSearch({"q": ["x"]}).handles("p", Text())
    assert not EditSearch({"*": ["x"]}).handles("n", Real(0, 1))
    with pytest.raises(SpaceError, match="list of texts"):
        EditSearch({"p": "one text"})


def test_exemplars_are_added_dropped_swapped_and_moved() -> None:
    one, two, three = (Exemplar(str(n), n) for n in range(3))
    knob = Exemplars(pool=(one, two, three), max_items=2)
    part = ExemplarSearch()
    assert part.moves("e", knob, (), RNG) == [(one,), (two,), (three,)]
    full = part.moves("e", knob, (one, two), np.random.default_rng(2))
    assert {(one,), (two,)} <= set(full)
    assert all(len(move) <= 2 for move in full)
    assert any(three in move for move in full)
    assert set(part.features("e", knob, (one,))) == {("e", one), ("e", "any")}
    assert part.features("e", knob, ())["e", "any"] == 0.0
    assert ExemplarSearch(max_items=1).moves("e", knob, (one,), RNG)[0] == ()
    assert all(len(move) <= 1 for move in ExemplarSearch(max_items=1).moves("e", knob, (one,), RNG))


def test_numbers_try_levels_and_steps_and_choices_all_options() -> None:
    part = NumberSearch()
    heat = Real(0, 2, default=1.0)
    moves = part.moves("t", heat, 1.0, np.random.default_rng(0))
    assert {0.0, 0.5, 1.5, 2.0} <= set(moves)
    assert len(moves) == 6
    assert 1.0 not in moves
    assert set(part.moves("n", Integer(1, 3), 2, RNG)) <= {1, 3}
    assert part.moves("c", Choice((True, 1, "a")), 1, RNG) == [True, "a"]
    assert part.features("t", heat, 2.0) == {("t", "distance"): 1.0, ("t", "square"): 0.5}
    assert part.features("c", Choice((True, 1)), 1) == {("c", 0.75): 1.0}
