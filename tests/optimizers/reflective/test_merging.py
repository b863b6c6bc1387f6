"""Merging what two lineages found."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.optimizers.reflective.playing import problem

from hyperfunc.optimizers.reflective import Rebase, Uniform
from hyperfunc.optimizers.reflective.merging import merged_text
from hyperfunc.rng import generator
from hyperfunc.spaces import Candidate, Real, Space, Text

LINES = st.sampled_from(["", *(f"Rule {n}." for n in range(8))])
PIECES = st.lists(LINES, max_size=9)
DISTINCT = st.permutations([f"Rule {n}." for n in range(9)]).flatmap(
    lambda pieces: st.integers(0, 9).map(lambda n: pieces[:n])
)
JOINTS = st.sampled_from(["\n", " "])
TEXTS = st.one_of(PIECES.map("\n".join), PIECES.map(" ".join), st.text())
BASE = "You help.\n\nBe kind.\nBe brief."


def rng() -> np.random.Generator:
    return generator(0, "test")


def pieces_of(text: str) -> set[str]:
    return {piece for piece in text.replace(". ", ".\n").split("\n") if piece}


def test_changes_of_both_are_there() -> None:
    ours = BASE.replace("Be kind.", "Be very kind.") + "\nSign it."
    theirs = BASE.replace("You help.", "You help.\nSay why.")
    assert merged_text(ours, BASE, theirs) == "You help.\nSay why.\n\nBe very kind.\nBe brief.\nSign it."
    assert merged_text(theirs, BASE, ours) == "You help.\nSay why.\n\nBe very kind.\nBe brief.\nSign it."


def test_what_the_child_lost_goes_and_what_both_gained_is_there_once() -> None:
    ours = BASE + "\nSign it."
    assert merged_text(ours, BASE, "You help.\n\nBe brief.\nSign it.") == "You help.\n\nBe brief.\nSign it."


def test_one_line_is_merged_by_sentences() -> None:
    assert merged_text("Be kind. Be quick.", "Be kind.", "Say why. Be kind.") == "Say why. Be kind. Be quick."
    assert merged_text("Be kind. Be quick.", "Be kind. Be quick.", "Be kind.") == "Be kind."
    assert merged_text("A! B? C.", "A! B?", "A! X? B?") == "A! X? B? C."


def test_a_paragraph_takes_its_blank_line_along() -> None:
    assert merged_text("One.\n\nTwo.\nMine.", "One.\n\nTwo.", "One.\n\nNew.\n\nTwo.") == (
        "One.\n\nNew.\n\nTwo.\nMine."
    )


def test_a_first_line_that_was_rewritten_by_both_is_kept_twice_and_stays_first() -> None:
    assert merged_text("Ours.\nBe brief.", "You help.\nBe brief.", "Theirs.\nBe brief.") == (
        "Theirs.\nOurs.\nBe brief."
    )


def test_line_ends_of_other_kinds_are_left_alone() -> None:
    assert merged_text("a\x0bb\r\nc\u2028d\nmine\n", "a\x0bb\r\nc\u2028d\n", "a\x0bb\r\nnew\nc\u2028d\n") == (
        "a\x0bb\r\nnew\nc\u2028d\nmine\n"
    )


def test_nothing_in_common_has_no_merge() -> None:
    assert merged_text("Other.", "One.\nTwo.", "One.\nThree.") is None
    assert merged_text("\n\n", "One.\n\nTwo.", "One.\n\nThree.") is None


def test_texts_of_thousands_of_sentences_are_not_compared() -> None:
    many = "a. " * 9000
    assert merged_text("x. " + many, many, many + "y.") is None


@given(TEXTS, TEXTS)
def test_onto_the_own_parent_gives_the_child_and_onto_the_child_changes_nothing(
    before: str, after: str
) -> None:
    assert merged_text(before, before, after) == after
    assert merged_text(after, before, after) == after
    assert merged_text(after, before, before) == after


@given(TEXTS, TEXTS, TEXTS)
def test_it_never_raises_and_never_invents(now: str, before: str, after: str) -> None:
    merged = merged_text(now, before, after)
    assert merged is None or set(merged) <= set(now) | set(after) | {"\n", " "}


@given(PIECES, PIECES, PIECES, JOINTS)
def test_additions_of_both_are_kept_and_losses_are_lost(
    now: list[str], before: list[str], after: list[str], joint: str
) -> None:
    if joint == " ":
        now, before, after = ([piece for piece in pieces if piece] for pieces in (now, before, after))
    merged = merged_text(joint.join(now), joint.join(before), joint.join(after))
    assume(merged is not None)
    assert merged is not None
    old = pieces_of(joint.join(before))
    own, new = pieces_of(joint.join(now)), pieces_of(joint.join(after))
    assert (own | new) - old <= pieces_of(merged) <= own | new
    assert not pieces_of(merged) & (old - new)


@given(DISTINCT, DISTINCT, DISTINCT, JOINTS)
def test_once_more_changes_nothing_and_order_is_kept(
    now: list[str], before: list[str], after: list[str], joint: str
) -> None:
    texts = [joint.join(pieces) for pieces in (now, before, after)]
    assume(texts[0] != texts[1])
    merged = merged_text(*texts)
    assume(merged is not None)
    assert merged is not None
    assert merged_text(merged, *texts[1:]) in (merged, texts[2] if merged == texts[1] else merged)
    places = [now.index(piece) for piece in merged.split(joint) if piece in now]
    assert all(one < other for one, other in pairwise(places))


def candidates() -> tuple[Candidate, Candidate, Candidate]:
    space = Space({"a": Text("A."), "b": Text("B."), "heat": Real(0, 1)})
    start = space.default
    return start, start.replace({"a": "A. Ours."}), start.replace({"a": "A. Theirs.", "heat": 1.0})


def test_rebase_makes_the_changes_of_every_part() -> None:
    start, ours, theirs = candidates()
    third = theirs.replace({"b": "B. Third."})
    merged = Rebase().merge(ours, [(start, theirs), (theirs, third)], rng())
    assert dict(merged) == {"a": "A. Theirs. Ours.", "b": "B. Third.", "heat": 1.0}
    assert merged.parents == (ours.id,)
    assert Rebase().merge(ours, [(start, start)], rng()) is ours
    assert Rebase().merge(theirs, [(start, theirs)], rng()) is theirs


def test_rebase_takes_either_text_where_nothing_is_in_common() -> None:
    start, _, theirs = candidates()
    rewritten = start.replace({"a": "All new."})
    luck = rng()
    found = {Rebase().merge(rewritten, [(start, theirs)], luck)["a"] for _ in range(40)}
    assert found == {"All new.", "A. Theirs."}


def test_uniform_takes_whole_components_from_whoever_changed_them() -> None:
    start, ours, theirs = candidates()
    luck = rng()
    merges = [Uniform().merge(ours, [(start, theirs)], luck) for _ in range(60)]
    assert {merged["heat"] for merged in merges} == {1.0}
    assert {merged["a"] for merged in merges} == {"A. Ours.", "A. Theirs."}
    assert 15 < sum(merged["a"] == "A. Ours." for merged in merges) < 45


def test_uniform_needs_no_scores() -> None:
    """A forebear that scores zero has a share of zero; nothing is divided by it."""
    from tests.optimizers.reflective.playing import Silent, play

    from hyperfunc.optimizers.reflective import Constant, Reflective

    optimizer = Reflective(Silent(), merging=Uniform(), pace=Constant(6), max_proposals=30)
    done = play(optimizer, problem())
    assert any(ask.note == "merge" for ask, _ in done.log)
