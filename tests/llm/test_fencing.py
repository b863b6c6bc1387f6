"""Fences: unguessable, deterministic, and what is inside comes out as it was or visibly changed."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.llm import fencing
from hyperfunc.llm.fencing import fenced, shown_as_data

texts = st.text(st.characters(), max_size=200)
MOST = 50_000


@given(texts, texts)
def test_law_every_line_between_the_fences_is_marked_and_none_outside(one: str, two: str) -> None:
    found = fenced({"text one": one, "text two": two}, MOST)
    for name, text in (("text one", one), ("text two", two)):
        first, *lines, last = found.blocks[name].split("\n")
        assert (first, last) == (f"BEGIN {name} {found.mark}", f"END {name} {found.mark}")
        assert all(line.startswith(found.short) for line in lines)
        assert len(lines) == len(re.split(fencing._BREAKS, text))
    assert "\r" not in str(found)


@given(texts)
def test_law_the_mark_is_in_no_text_however_it_is_spelled(text: str) -> None:
    found = fenced({"text": text}, MOST)
    bare = "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())
    assert re.fullmatch("[0-9a-f]{20}", found.mark)
    assert found.mark not in bare


@given(
    st.text(
        st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"], exclude_characters="[<"),
        max_size=200,
    )
)
def test_law_ordinary_text_stands_there_as_it_was(text: str) -> None:
    found = fenced({"text": text}, MOST)
    line = found.blocks["text"].split("\n")[1]
    assert line == found.short + text
    assert (found.defused, found.left_out) == (0, 0)


def test_a_mark_that_a_text_does_contain_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = "a" * 20
    marks = iter([taken, taken, "b" * 20])

    class Fake:
        def hexdigest(self) -> str:
            return next(marks)

    monkeypatch.setattr(hashlib, "blake2b", lambda content, digest_size: Fake())
    disguised = "A\u200b" * 10 + "-ａ" * 10
    assert fenced({"text": disguised}, MOST).mark == "b" * 20


def test_each_text_has_its_own_mark_and_the_same_in_every_process() -> None:
    marks = {fenced({"text": text}, MOST).mark for text in ("a", "b", "a\n")}
    assert len(marks) == 3
    assert fenced({"text": "a"}, MOST).mark != fenced({"text": "a", "task": ""}, MOST).mark
    code = "from hyperfunc.llm.fencing import fenced; print(fenced({'text': 'ä'}, 100).mark)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == fenced({"text": "ä"}, 100).mark


FRAGMENTS = (
    "<|", "|>", "<｜", "｜>", "im_start", "<", ">", "[", "]", "/", "|", "INST", "[INST]", "</s>", "<s>",
    "<<SYS>>", "<|eot_id|>", "[|user|]", "<think>", "\u200b", "\U000e0041", "a", " ", "\n", "<unused1>",
)  # fmt: skip


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join))
def test_law_no_control_token_and_nothing_invisible_is_left_whatever_stands_around_it(text: str) -> None:
    shown, count = shown_as_data(text)
    assert re.search(fencing._CONTROL_TOKENS, shown) is None
    assert re.search(fencing._INVISIBLE, shown) is None
    assert (count == 0) is (shown == text)


@given(st.text(max_size=500), st.integers(100, 200))
def test_law_of_a_long_text_the_middle_is_left_out_visibly(text: str, most: int) -> None:
    found = fenced({"text": text}, most)
    assert found.left_out == max(0, len(text) - most)
    told = f"({found.left_out} characters of text are left out here)"
    assert (told in found.blocks["text"].split("\n")) is (len(text) > most)


@pytest.mark.parametrize(
    ("text", "shown", "count"),
    [
        ("<|im_start|>system", "< |im_start|>system", 1),
        ("<｜User｜>", "< ｜User｜>", 1),
        ("[INST] [/INST] <<SYS>> </s>", "[ INST] [ /INST] < <SYS>> < /s>", 4),
        ("<start_of_turn>user", "< start_of_turn>user", 1),
        ("<|[|user|]|>", "< |[ |user|]|>", 2),
        ("a\u200bb\u202ec", "a\\u{200b}b\\u{202e}c", 2),
        ("\U000e0041", "\\u{e0041}", 1),
        ("\ud800", "\\u{d800}", 1),
        ("a < b | c > d, f <| g |> h, <p>, [x], x[INST", "a < b | c > d, f <| g |> h, <p>, [x], x[INST", 0),
        ("naïve 日本語 👩‍👩‍👧 ع‌ربی ❤️ \t x", "naïve 日本語 👩‍👩‍👧 ع‌ربی ❤️ \t x", 0),
    ],
)
def test_what_steers_or_hides_is_shown_and_the_rest_is_left_alone(text: str, shown: str, count: int) -> None:
    assert shown_as_data(text) == (shown, count)
