"""What is shown of records: the worst first, a component's own calls, and no more than fits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.optimizers.proposers.asked import one, record, request

from hyperfunc.optimizers.proposers.dataset import reflective_dataset
from hyperfunc.optimizers.proposers.evidence import as_text, cases_for, chosen, most_chars, pairs_for
from hyperfunc.types import Exchange, Failure


@given(st.lists(st.integers(0, 5000), max_size=30), st.integers(500, 20_000))
def test_law_texts_stay_within_their_total_and_short_ones_whole(lengths: list[int], total: int) -> None:
    most = most_chars(lengths, total)
    assert sum(min(length, most) for length in lengths) <= total
    if sum(lengths) <= total:
        assert most >= max(lengths, default=0)


def test_failures_lead_from_the_worst_on_and_a_quarter_is_for_successes() -> None:
    records = [record(score) for score in (1.0, 0.5, math.nan, 0.0, 1.0, 0.9, 1.0, 0.2)]
    assert [r.score for r in chosen(records, 1.0, 4, fill=False)] == [0.0, 0.2, 0.5, 1.0]
    assert [r.score for r in chosen(records[-3:], 1.0, 4, fill=False)] == [0.2, 0.9, 1.0]
    assert [r.score for r in chosen(records, 1.0, 1, fill=False)] == [0.0]
    assert [r.score for r in chosen([records[0]] * 9, 1.0, 4, fill=False)] == [1.0]
    assert len(chosen([records[0]] * 9, 1.0, 4, fill=True)) == 4


def test_a_component_is_shown_by_its_own_calls() -> None:
    about = request(records=(record(0.0, advice={"route.prompt": "the team is wrong"}),))
    (case,) = cases_for(about, "route.prompt", 8)
    assert dict(case.texts) == {
        "failure 1 inputs": "Where is my box?",
        "failure 1 output": "billing",
        "failure 1 output of the program": "We will look.",
        "failure 1 expected of the program": "shipping",
        "failure 1 feedback": "the team is wrong",
    }
    (case,) = cases_for(about, "reply.prompt", 8)
    assert case.texts["failure 1 inputs"] == '{"ticket": "Where is my box?", "team": "billing"}'
    assert case.texts["failure 1 feedback"] == "the box was not found"


def test_records_without_a_part_for_the_component_are_left_out_where_others_have_one() -> None:
    apart = record(0.0, exchanges=(Exchange("reply", {"x": 1}, "y"),))
    told = record(0.0, exchanges=apart.exchanges, advice={"route.prompt": "it should have been asked"})
    about = one(records=(apart, told, record(0.5)))
    assert [case.score for case in cases_for(about, "route.prompt", 8)] == [0.0, 0.5]
    whole = one(records=(apart, told))
    assert len(cases_for(whole, "route.prompt", 8)) == 2


def test_of_many_calls_the_first_and_the_last_are_shown() -> None:
    calls = tuple(Exchange("route", {"x": n}, n) for n in range(9))
    (case,) = cases_for(one(records=(record(exchanges=calls, output=8),)), "route.prompt", 8)
    assert [name for name in case.texts if "inputs" in name] == [
        f"failure 1 call {n} of 9 inputs" for n in (1, 2, 9)
    ]
    failed = (Exchange("route", {"x": 1}, None, "ValueError: no"),)
    (case,) = cases_for(one(records=(record(exchanges=failed),)), "route.prompt", 8)
    assert case.texts["failure 1 output"] == "(the call failed: ValueError: no)"


@dataclass
class Point:
    x: int


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("no")


VALUES: list[tuple[Any, str]] = [
    ("as it is\n", "as it is\n"), ({"ä": [1, None]}, '{"ä": [1, null]}'), (Point(1), '{"x": 1}'),
    ({"a": {2, 1}}, '{"a": [1, 2]}'), (np.array([1, 2]), "[1, 2]"),
    (Failure("ValueError: x"), "(the program failed: ValueError: x)"),
    (Hostile(), '"(a Hostile whose text failed with RuntimeError)"'), (3, "3"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_values_of_all_kinds_have_a_text(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_the_text_of_an_object_names_no_address() -> None:
    assert as_text(object()) == '"<object object>"'


def test_pairs_are_of_the_component_where_it_is_known_to_be_right() -> None:
    alone = record(0.0, exchanges=record().exchanges[:1])
    about = one(records=(record(1.0), record(0.0), alone, record(1.0, exchanges=(), expected=None)))
    assert pairs_for(about, "route.prompt") == [
        ("Where is my box?", "billing"), ("Where is my box?", "shipping"),
    ]  # fmt: skip


def test_the_dataset_of_instruction_proposers() -> None:
    about = request(records=(record(0.25, feedback=""), record(0.0, exchanges=(), output=Failure("oops"))))
    found = reflective_dataset(about, ["route.prompt"])
    assert found == {
        "route.prompt": [
            {
                "Inputs": {"ticket": "Where is my box?"},
                "Generated Outputs": "billing",
                "Feedback": "The score is 0.25.",
            }
        ]
    }
    assert reflective_dataset(request(records=about.records[1:]), ["tone"]) == {
        "tone": [
            {
                "Inputs": {"ticket": "Where is my box?"},
                "Generated Outputs": "oops",
                "Feedback": "the box was not found",
            }
        ]
    }
