"""Bootstrap: exemplars are what the component itself did in runs that went well."""

from __future__ import annotations

import math
from typing import Any

import pytest
from tests.optimizers.proposers.asked import propose, record, request

from hyperfunc.errors import ProposerError
from hyperfunc.optimizers.proposers import Bootstrap
from hyperfunc.spaces import Exemplar, Exemplars, Text
from hyperfunc.types import Exchange

NAME = "route.exemplars"


def run(number: int, score: float = 1.0) -> Any:
    calls = (
        Exchange("route", {"ticket": f"ticket {number}"}, f"team {number}"),
        Exchange("reply", {"ticket": f"ticket {number}", "team": f"team {number}"}, "sorry"),
    )
    return record(score, exchanges=calls)


def about(*records: Any, **more: Any) -> Any:
    return request({NAME: ()}, records=records, **more)


def test_a_component_with_one_input_shows_its_value_and_others_the_mapping() -> None:
    values: dict[str, Any] = {NAME: (), "reply.exemplars": (), "route.prompt": "x"}
    knobs = {NAME: Exemplars(), "reply.exemplars": Exemplars(), "route.prompt": Text()}
    (change,) = propose(Bootstrap(), request(values, knobs=knobs, records=(run(1),)))
    assert change == {
        NAME: (Exemplar("ticket 1", "team 1"),),
        "reply.exemplars": (Exemplar({"ticket": "ticket 1", "team": "team 1"}, "sorry"),),
    }


def test_runs_that_went_badly_give_nothing() -> None:
    assert propose(Bootstrap(), about(run(1, 0.9), run(2, math.nan))) == ()
    assert propose(Bootstrap(), about(record(1.0, exchanges=()))) == ()
    failed = record(1.0, exchanges=(Exchange("route", {"ticket": "x"}, None, "ValueError"),))
    odd = record(1.0, exchanges=(Exchange("route", {"ticket": math.nan}, "x"),))
    assert propose(Bootstrap(), about(failed, odd)) == ()
    (change,) = propose(Bootstrap(threshold=0.8), about(run(1, 0.9), run(2, 0.7)))
    assert change[NAME] == (Exemplar("ticket 1", "team 1"),)


def test_the_choice_is_drawn_by_the_request_and_within_the_limits() -> None:
    records = tuple(map(run, range(20)))
    drawn = {propose(Bootstrap(max_items=3), about(*records, number=n))[0][NAME] for n in range(9)}
    assert len(drawn) > 5
    assert {len(set(items)) for items in drawn} == {3}
    assert propose(Bootstrap(), about(*records)) == propose(Bootstrap(), about(*records))
    (change,) = propose(Bootstrap(max_items=9), about(*records, knobs={NAME: Exemplars(max_items=2)}))
    assert len(change[NAME]) == 2
    assert len(propose(Bootstrap(n=3), about(*records))) == 3
    assert len(propose(Bootstrap(n=3), about(run(1)))) == 1


def test_different_runs_come_before_a_second_call_of_one() -> None:
    many = record(1.0, exchanges=tuple(Exchange("route", {"t": n}, n) for n in range(9)))
    for number in range(9):
        (change,) = propose(Bootstrap(max_items=2), about(many, run(1), number=number))
        assert Exemplar("ticket 1", "team 1") in change[NAME]


def test_exemplars_that_are_too_long_are_left_out() -> None:
    assert propose(Bootstrap(max_chars=10), about(run(1))) == ()


@pytest.mark.parametrize("name", ["max_items", "n", "max_chars"])
def test_settings_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(ProposerError, match="from 1 up"):
        Bootstrap(**{name: 0})
    assert Bootstrap().kinds == {"exemplars"}
