"""Duplicates and leaks: every pair that shares its inputs is found, and said to be what it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import Dataset, Example
from hyperfunc.evaluation.dataset import Match


def rows(*pairs: tuple[Any, Any]) -> Dataset:
    return Dataset([Example({"x": x}, y) for x, y in pairs])


def test_each_kind_of_duplicate() -> None:
    data = rows(("a", 1), ("b", 1), ("a", 1), ("b", 2), ("Big  cat", 1), ("big cat ", 1), ("c", 1))
    assert set(data.duplicates().matches) == {
        Match("equal", (0, 2)),
        Match("conflict", (1, 3)),
        Match("near", (4, 5)),
    }
    assert not rows(("a", 1), ("b", 1), (1, 1), (1.0, 1)).duplicates()


def test_each_kind_of_leak() -> None:
    ours = Dataset([*rows(("a", 1), ("b", 1), ("c d", 1), ("e", 1)), Example({"x": "f"}, group="g")])
    theirs = Dataset([*rows(("b", 2), ("C\td", 1), ("a", 1), ("z", 1)), Example({"x": "h"}, group="g")])
    found = ours.leaks(theirs)
    assert set(found.matches) == {
        Match("equal", (0,), (2,)),
        Match("conflict", (1,), (0,)),
        Match("near", (2,), (1,)),
        Match("group", (4,), (4,)),
    }
    assert found.of("conflict") == (Match("conflict", (1,), (0,)),)
    assert "equal inputs, different expectations: 1 and 0 of the other" in str(found)
    assert not ours[3:4].leaks(theirs)
    assert str(ours[3:4].leaks(theirs)) == "no overlap"


def test_what_cannot_be_compared_is_counted() -> None:
    found = Dataset([Example({"x": object()}), Example({"x": 1})]).duplicates()
    assert (bool(found), found.unchecked) == (False, 1)


TEXTS = st.sampled_from(["a", "A", " a", "b", "a b", "A  b", "ab"])
PAIRS = st.lists(st.tuples(TEXTS, st.integers(0, 1)), min_size=1, max_size=8)


@given(PAIRS, PAIRS)
@settings(max_examples=60, deadline=None)
def test_reports_agree_with_comparing_all_pairs(ours: Any, theirs: Any) -> None:
    found = rows(*ours).leaks(rows(*theirs))
    said = {kind: {(i, j) for m in found.of(kind) for i in m.here for j in m.there}
            for kind in ("equal", "conflict", "near")}  # fmt: skip
    for i, (x, y) in enumerate(ours):
        for j, (other, z) in enumerate(theirs):
            alike = " ".join(x.lower().split()) == " ".join(other.lower().split())
            assert ((i, j) in said["equal"] | said["conflict"]) == (x == other)
            assert not (x == other and y != z) or (i, j) in said["conflict"]
            assert not (alike and x != other) or (i, j) in said["near"]
            assert alike or (i, j) not in said["near"]


@pytest.mark.parametrize("other", ["straße", "STRASSE"])
def test_case_is_folded_inside_nested_inputs(other: str) -> None:
    found = rows(({"k": ["Straße", 1]}, 0), ({"k": [other, 1]}, 0)).duplicates()
    assert found.of("near") == (Match("near", (0, 1)),)
