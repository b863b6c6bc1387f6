"""Calls are the same by name, or by name and arguments; pairings are the largest there are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.evaluation import ToolCall, same_call, same_name
from hyperfunc.evaluation.trajectory.matching import pair


class Unequal:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no equality")

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    ("made", "expected", "same"),
    [
        ({"x": 1}, {"x": 1.0}, True),
        ({"x": (1, 2)}, {"x": [1, 2]}, True),
        ({"x": np.array([1, 2])}, {"x": [1, 2]}, True),
        ({"x": 1, "y": 2}, {"y": 2, "x": 1}, True),
        ({}, {}, True),
        ({"x": 1}, None, True),
        (None, None, True),
        (None, {}, False),
        (None, {"x": 1}, False),
        ({"x": 1}, {}, False),
        ({"x": 1}, {"x": 1, "y": 2}, False),
        ({"x": True}, {"x": 1}, False),
        ({"x": "1"}, {"x": 1}, False),
        ({"x": Unequal()}, {"x": Unequal()}, False),
        ({"x": float("nan")}, {"x": float("nan")}, False),
    ],
)
def test_arguments_are_compared_as_json_where_any_are_expected(made: Any, expected: Any, same: bool) -> None:
    assert same_call(ToolCall("f", made), ToolCall("f", expected)) is same
    assert same_name(ToolCall("f", made), ToolCall("f", expected))
    assert not same_call(ToolCall("g", made), ToolCall("f", expected))
    assert not same_name(ToolCall("g", made), ToolCall("f", expected))


def brute_force(fits: list[list[bool]], ordered: bool) -> int:
    """The most pairs, by trying all of them."""
    made, count = range(len(fits)), len(fits[0]) if fits else 0
    for size in range(min(len(fits), count), 0, -1):
        for left in itertools.combinations(made, size):
            rights = (itertools.combinations if ordered else itertools.permutations)(range(count), size)
            if any(all(fits[i][j] for i, j in zip(left, right, strict=True)) for right in rights):
                return size
    return 0


RELATIONS = st.integers(0, 4).flatmap(
    lambda n: st.lists(st.lists(st.booleans(), min_size=n, max_size=n), max_size=5)
)


@given(RELATIONS)
def test_any_relation_is_paired_as_far_as_it_can_be(fits: list[list[bool]]) -> None:
    count = len(fits[0]) if fits else 0
    made = [ToolCall("f", {"i": i}) for i in range(len(fits))]
    expected = [ToolCall("f", {"j": j}) for j in range(count)]
    found = pair(made, expected, lambda m, e: fits[(m.arguments or {})["i"]][(e.arguments or {})["j"]])
    assert len(found.partner) == brute_force(fits, ordered=False)
    assert len(set(found.partner.values())) == len(found.partner)
    assert all(fits[i][j] for i, j in found.partner.items())
    assert len(found.ordered) == brute_force(fits, ordered=True)
    assert set(found.ordered) <= set(found.partner)
    assert list(found.ordered) == sorted(found.ordered)
    assert found.fits == tuple(map(sum, fits))


def test_long_trajectories_are_paired_without_deep_recursion() -> None:
    # Each call fits its own place and the one before, so that every pair has to be handed on.
    made = [ToolCall("f", {"i": i}) for i in range(600)]

    def near(call: ToolCall, want: ToolCall) -> bool:
        return (call.arguments or {})["i"] - (want.arguments or {})["i"] in (0, -599, 1)

    assert len(pair(made, made[::-1], near).partner) == 600
