from __future__ import annotations

import numpy as np

from hyperfunc.spaces import Change, Exemplar, Matrix, format_diff


def test_short_values_stand_on_one_line() -> None:
    assert format_diff([Change("a", 1.0, 0.2), Change("b", "x", "y")]) == "a: 1.0 -> 0.2\nb: 'x' -> 'y'"


def test_long_texts_are_compared_line_by_line() -> None:
    before, after = "Say the team.\nBe brief and to the point.", "Say the team.\nOne word."
    lines = format_diff([Change("p", before, after)]).splitlines()
    assert lines == ["p:", "    Say the team.", "  - Be brief and to the point.", "  + One word."]


def test_exemplars_are_shown_as_pairs() -> None:
    change = Change("e", (Exemplar("1", 2),), (Exemplar("1", 2), Exemplar("3", {"x": 4})))
    assert format_diff([change]).splitlines()[-1] == "  + '3' => {'x': 4}"


def test_arrays_are_summed_up() -> None:
    knob = Matrix((1, 2))
    change = Change("w", knob.default, knob.canonical(np.array([[3.0, 4.0]])))
    assert format_diff([change]) == "w: array [1, 2] moved by 5"


def test_nothing_says_so() -> None:
    assert format_diff([]) == "no change"
