"""Crossover without a model: pieces of both, by the luck of the request alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.optimizers.proposers.asked import one, propose, request

from hyperfunc.optimizers.proposers import Crossover
from hyperfunc.optimizers.proposers.crossover import uniform_crossover
from hyperfunc.optimizers.proposers.phrases import cut, placeholders

sentences = st.lists(
    st.sampled_from(
        ["Be brief.", "Name the team.", "Use {ticket}.", "Use {team}.", "Say why!", "No.", "{", "}"]
    )
)
texts = st.builds(lambda parts, gap: gap.join(parts), sentences, st.sampled_from([" ", "\n"])) | st.text()


@given(texts, texts, st.integers(0, 9))
def test_law_placeholders_stay_and_pieces_come_from_one_of_both(one: str, other: str, seed: int) -> None:
    found = uniform_crossover(one, other, np.random.default_rng(seed))
    assert found == uniform_crossover(one, other, np.random.default_rng(seed))
    assert sorted(placeholders(found)) == sorted(placeholders(one))
    words = set(f"{one} {other}".split())
    assert set(found.split()) <= words


@given(texts, st.integers(0, 9))
def test_law_equal_texts_have_one_child(text: str, seed: int) -> None:
    assert uniform_crossover(text, text, np.random.default_rng(seed)) == text


def test_lines_are_aligned_and_what_is_shared_stays() -> None:
    one = "You route tickets.\nBe brief.\nName the team.\nNo excuses."
    other = "You route tickets.\nBe very brief.\nName the team.\nGive a reason."
    children = {uniform_crossover(one, other, np.random.default_rng(seed)) for seed in range(30)}
    assert children == {
        "You route tickets.\nBe very brief.\nName the team.\nNo excuses.",
        "You route tickets.\nBe brief.\nName the team.\nGive a reason.",
    }


def test_sentences_are_taken_where_a_text_is_one_line() -> None:
    child = uniform_crossover("A one. B two.", "A one.\nC three.\nD four.", np.random.default_rng(1))
    assert cut(child, "sentence").phrases[0] == "A one."


def test_a_consultation_makes_one_child_with_a_text_for_each_knob() -> None:
    values = {"a": "One. Two. Three.", "b": "Same.", "c": "Red. Green."}
    about = request(values, others=({"a": "Uno. Two. Tres.", "b": "Same.", "c": "Red. Blue."},), seed=1)
    (change,) = propose(Crossover(), about)
    assert set(change) == {"a", "c"}
    assert change["a"] in ("Uno. Two. Three.", "One. Two. Tres.")
    assert propose(Crossover(), about) == (change,)
    assert propose(Crossover(), one()) == ()
