"""Copies: found in any disguise, and nothing else is."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.proposers.screening import Corpus, texts_of
from hyperfunc.spaces import Exemplar

VOCABULARY = [
    "red",
    "Äpfel",
    "7",
    "über",
    "naïve",
    "ﬁne",
    "straße",
    "мир",
    "σοφός",
    "हिन्दी",
    "x1",
    "中",
    "ไทย",
]
word_lists = st.lists(st.sampled_from(VOCABULARY[:-2]), min_size=8, max_size=20)
gaps = st.sampled_from([" ", "\n", ", ", " -- ", ".\r\n\t", "…", " \u2028", "_", "/", "。 "])


@st.composite
def disguised(draw: st.DrawFn, words: list[str]) -> str:
    """The words again, with other case, punctuation, breaks and characters that nobody sees."""
    parts = []
    for word in words:
        word = draw(st.sampled_from([word, word.upper(), word.lower(), word.title()]))
        hidden = draw(st.sampled_from(["", "\u200b", "\u00ad", "\u2060", "\ufe0f", "\u0000"]))
        parts.append(hidden.join(word) + draw(gaps))
    return "".join(parts)


@given(st.data(), word_lists, st.integers(0, 12))
def test_law_a_run_of_eight_words_is_found_in_any_disguise(
    data: st.DataObject, words: list[str], start: int
) -> None:
    corpus = Corpus.of([" ".join(words)])
    start = min(start, len(words) - 8)
    run = data.draw(disguised(words[start : start + 8]))
    assert corpus.copied(f"Rule one! {run} and so on")


@given(st.lists(st.sampled_from(["one", "two", "three"]), max_size=30), st.lists(word_lists, max_size=4))
def test_law_what_holds_no_run_is_not_found(text: list[str], texts: list[list[str]]) -> None:
    assert Corpus.of(" ".join(each) for each in texts).copied(" ".join(text)) == ()


@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=12), max_size=5),
    st.lists(st.sampled_from("abc"), max_size=25),
    st.integers(1, 4),
)
def test_law_exactly_the_runs_of_the_texts_are_found(
    texts: list[list[str]], text: list[str], words: int
) -> None:
    known = {tuple(each[i : i + words]) for each in texts for i in range(len(each) - words + 1)}
    hit = [tuple(text[i : i + words]) in known for i in range(len(text) - words + 1)]
    found = Corpus.of((" ".join(each) for each in texts), words).copied(" ".join(text))
    covered = {i + k for i, here in enumerate(hit) if here for k in range(words)}
    assert sum(len(run.split()) for run in found) == len(covered)


@given(st.lists(st.text(max_size=60), max_size=8), st.text(max_size=60), st.integers(0, 8))
def test_law_adding_is_the_same_as_having_it_from_the_start(texts: list[str], text: str, cut: int) -> None:
    at_once = Corpus.of(texts, 2)
    later = Corpus.of(texts[:cut], 2)
    for each in texts[cut:]:
        later = later.adding([each])
    assert at_once.copied(text) == later.copied(text)


def test_seven_words_are_no_copy_and_runs_are_not_made_across_texts() -> None:
    corpus = Corpus.of(["a b c d e f g", "h i j k l m n"])
    assert corpus.copied("a b c d e f g h i j k l m n") == ()


def test_scripts_without_spaces_are_taken_by_the_character() -> None:
    chinese = "请把这个包裹退回给柏林的仓库并通知客户"
    corpus = Corpus.of([chinese, "กรุณาส่งพัสดุคืนไปยังคลังสินค้าในกรุงเทพฯและแจ้งให้ลูกค้าทราบ"])
    assert corpus.copied(f"规则：{chinese[2:18]}！")
    assert corpus.copied(f"规则：{chinese[2:17]}！") == ()
    assert corpus.copied("ส่งพัสดุคืนไปยังคลังสินค้าในกรุงเทพฯและแจ้ง")
    assert corpus.copied("ส่งพัสดุคืน") == ()
    assert corpus.copied("请把\u200b这个包裹，退回给 柏林的仓库\n并通知客户")


def test_what_is_allowed_is_not_found_but_what_goes_beyond_it_is() -> None:
    corpus = Corpus.of(["one two three four five six"], 3)
    allowed = Corpus.of(["two three four five"], 3)
    assert corpus.copied("two three four five", allowed) == ()
    assert corpus.copied("one two three four", allowed) == ("one two three",)


def test_a_run_is_at_least_a_word() -> None:
    with pytest.raises(SpaceError, match="a run of 0 words is none"):
        Corpus.of([], 0)


@dataclass
class Answer:
    team: str
    sure: float


def test_texts_of_an_example_hold_everything_that_is_nested_in_it() -> None:
    inputs = {"a": ["x", {"b": 2.5}], "pair": Exemplar("in", [True, None]), "raw": b"bytes"}
    assert list(texts_of(inputs, Answer("tech", 0.9))) == [
        "a x b 2.5 pair in True raw bytes",
        "tech 0.9",
    ]
    assert list(texts_of({}, None)) == []
    assert list(texts_of({}, 0)) == ["0"]


def test_a_short_label_and_a_number_that_stand_together_are_a_run() -> None:
    corpus = Corpus.of(texts_of({"fields": ["a", 1, "b", 2, "c", 3]}, None), 5)
    assert corpus.copied("use a=1, b=2, c=3") == ("a 1 b 2 c 3",)


@pytest.mark.slow
def test_a_large_data_set_is_indexed_in_seconds_and_a_text_looked_up_in_milliseconds() -> None:
    rng = random.Random(0)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 9))) for _ in range(30_000)]
    texts = [" ".join(rng.choices(words, k=200)) for _ in range(5_000)]
    start = time.process_time()
    corpus = Corpus.of(texts)
    assert time.process_time() - start < 5
    assert sum(part.nbytes for part in corpus.parts) < 9e6
    text = " ".join(rng.choices(words, k=2_000))
    start = time.process_time()
    assert corpus.copied(text) == ()
    assert time.process_time() - start < 0.1
    start = time.process_time()
    assert corpus.adding(texts[:8]).copied(texts[0])
    assert time.process_time() - start < 0.1
