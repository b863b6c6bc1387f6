"""Rubrics: weights that sum to 1, numbers on their scales, values in [0, 1]."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc import Criterion, Rubric
from hyperfunc.errors import MetricError
from hyperfunc.evaluation.judges.rubric import feedback_of, marks_of, schema_of_marks, value_of, value_on
from hyperfunc.llm.schema import violation

PLOT, PROSE = Criterion("plot", "Does it hold?", 0.75), Criterion("prose", "Is it good?", 0.25, (0, 4))
WORN = Criterion("worn", "How worn is it?", scale=(0, 5), reverse=True)


def answer(**numbers: int) -> dict[str, Any]:
    return {name: {"reason": f"because {name}", "score": number} for name, number in numbers.items()}


def test_the_value_is_the_weighted_mean_of_shares_of_the_scales() -> None:
    rubric = Rubric([PLOT, PROSE])
    marks = marks_of(rubric, answer(plot=4, prose=4))
    assert [m.value for m in marks] == [3 / 9, 1.0]
    assert value_of(marks) == pytest.approx(0.75 * 3 / 9 + 0.25)


def test_the_least_is_best_where_a_criterion_counts_faults() -> None:
    values = [value_on(WORN, number) for number in range(6)]
    assert values == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.0])


@given(st.data())
def test_law_values_lie_in_0_to_1_and_rise_with_each_number(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    criteria = []
    for place in range(count):
        low = data.draw(st.integers(-20, 20))
        high = low + data.draw(st.integers(1, 100))
        criteria.append(Criterion(f"c{place}", "?", scale=(low, high), reverse=data.draw(st.booleans())))
    rubric = Rubric(criteria)
    numbers = {c.name: data.draw(st.integers(*c.scale)) for c in criteria}
    value = value_of(marks_of(rubric, answer(**numbers)))
    assert 0.0 <= value <= 1.0
    for c in criteria:
        better = numbers[c.name] + (-1 if c.reverse else 1)
        if c.scale[0] <= better <= c.scale[1]:
            assert value_of(marks_of(rubric, answer(**{**numbers, c.name: better}))) > value
    best = {c.name: c.scale[0] if c.reverse else c.scale[1] for c in criteria}
    assert value_of(marks_of(rubric, answer(**best))) == pytest.approx(1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_law_weights_that_do_not_sum_to_1_are_refused(weights: list[float]) -> None:
    criteria = [Criterion(f"c{n}", "?", w) for n, w in enumerate(weights)]
    if abs(math.fsum(weights) - 1) > 1e-9:
        with pytest.raises(MetricError, match=r"sum to .*, not 1"):
            Rubric(criteria)
    else:
        assert Rubric(criteria).weights == tuple(weights)


def test_without_weights_all_count_equally() -> None:
    assert Rubric([Criterion(n, "?") for n in "abcd"]).weights == (0.25,) * 4


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Criterion("two words", "?"), "give one word"),
        (lambda: Criterion("a", " "), "'a' asks nothing"),
        (lambda: Criterion("a", "?", scale=(1, 1)), "give two whole numbers"),
        (lambda: Criterion("a", "?", scale=(5, 1)), "give two whole numbers"),
        (lambda: Criterion("a", "?", scale=(0, 101)), "at most 100 apart"),
        (lambda: Criterion("a", "?", scale=(0.0, 1.0)), "give two whole numbers"),  # type: ignore[arg-type]
        (lambda: Criterion("a", "?", scale=(False, True)), "give two whole numbers"),
        (lambda: Criterion("a", "?", scale=7), "give two whole numbers"),  # type: ignore[arg-type]
        (lambda: Criterion("a", "?", anchors=[(11, "x")]), "explains the number 11"),
        (lambda: Rubric([]), "give a list of Criterion"),
        (lambda: Rubric("plot"), "give a list of Criterion"),  # type: ignore[arg-type]
        (lambda: Rubric(["plot"]), "give a list of Criterion"),  # type: ignore[list-item]
        (lambda: Rubric(PLOT), "give a list of Criterion"),  # type: ignore[arg-type]
        (lambda: Rubric([WORN, WORN]), "named 'worn'"),
        (lambda: Rubric([PLOT, WORN]), "has the weight None"),
        (lambda: Rubric([Criterion("a", "?", math.nan)]), "has the weight nan"),
        (lambda: Rubric([Criterion("a", "?", -0.5), Criterion("b", "?", 1.5)]), "has the weight -0.5"),
        (lambda: Rubric([Criterion("a", "?", True)]), "has the weight True"),
    ],
)
def test_what_is_no_rubric_is_one_clear_error(make: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        make()


def test_the_schema_takes_whole_numbers_of_the_scale_and_nothing_else() -> None:
    schema = schema_of_marks(Rubric([PLOT, PROSE]))
    assert violation(answer(plot=10, prose=0), schema) is None
    wrongs: tuple[Any, ...] = (
        answer(plot=11, prose=0), answer(plot=0, prose=0), answer(plot=1), answer(plot=1, prose=1, more=1),
        {"plot": 1, "prose": 1}, {**answer(plot=1), "prose": {"score": 1}}, [], None, 7,
        {**answer(plot=1), "prose": {"score": True, "reason": ""}},
        {**answer(plot=1), "prose": {"score": "1", "reason": ""}},
        {**answer(plot=1), "prose": {"score": 1.5, "reason": ""}},
        {**answer(plot=1), "prose": {"score": 1, "reason": None}},
        {**answer(plot=1), "prose": {"score": 1, "reason": "", "weight": 1}},
    )  # fmt: skip
    for wrong in wrongs:
        assert violation(wrong, schema) is not None
    # The reason comes first, so that the number follows from it.
    assert list(schema["properties"]["plot"]["properties"]) == ["reason", "score"]


def test_feedback_tells_what_was_weak_what_costs_most_first() -> None:
    rubric = Rubric([PLOT, PROSE])
    assert feedback_of(rubric, marks_of(rubric, answer(plot=2, prose=1))) == (
        "plot 2 of 10: because plot\nprose 1 of 4: because prose"
    )
    assert feedback_of(rubric, marks_of(rubric, answer(plot=10, prose=1))) == "prose 1 of 4: because prose"


def test_feedback_tells_the_weakest_when_nothing_was_weak_and_says_when_all_was_best() -> None:
    rubric = Rubric([PLOT, PROSE])
    assert feedback_of(rubric, marks_of(rubric, answer(plot=9, prose=4))) == "plot 9 of 10: because plot"
    assert feedback_of(rubric, marks_of(rubric, answer(plot=10, prose=4))) == "nothing was found wanting"


def test_feedback_says_which_end_is_best_where_faults_are_counted() -> None:
    rubric = Rubric([WORN])
    assert (
        feedback_of(rubric, marks_of(rubric, answer(worn=4))) == "worn 4 (0 is best, 5 worst): because worn"
    )


def test_reasons_are_one_line_of_bounded_length_that_can_be_kept() -> None:
    rubric = Rubric([WORN])
    (mark,) = marks_of(rubric, {"worn": {"score": 1, "reason": "a\n\n b\ud800" + "x" * 5000}})
    assert mark.reason.startswith("a b\\ud800x")
    assert len(mark.reason) < 700
    mark.reason.encode()


def test_a_rubric_shows_all_that_matters() -> None:
    rubric = Rubric([Criterion("a", "asks", scale=(2, 3), anchors=[(3, "three"), (2, "two")])], "a task")
    shown = repr(rubric)
    assert all(word in shown for word in ("'a'", "asks", "(2, 3)", "(2, 'two'), (3, 'three')", "a task"))
    assert rubric == Rubric(
        (Criterion("a", "asks", None, (2, 3), False, ((2, "two"), (3, "three"))),), "a task"
    )
