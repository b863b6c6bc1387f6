"""Mixtures: one proposer for each consultation, by weight or in turn, of those that fit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from tests.optimizers.proposers.asked import MODEL, one, propose, record, request

from hyperfunc.errors import ProposerError
from hyperfunc.optimizers.proposers import Alternate, Bootstrap, Custom, Edits, Mixture, Reflection
from hyperfunc.types import Exchange


def says(text: str) -> Custom:
    return Custom(lambda about: text)


def test_a_mixture_draws_by_weight_and_by_the_request_alone() -> None:
    mixture = Mixture((says("often"), 3), says("seldom"))
    found = [propose(mixture, one(number=n))[0]["route.prompt"] for n in range(200)]
    assert found == [propose(mixture, one(number=n))[0]["route.prompt"] for n in range(200)]
    assert 130 < Counter(found)["often"] < 170


def test_an_alternation_goes_in_turn() -> None:
    both = Alternate(says("a"), lambda about: "b")
    assert [propose(both, one(number=n))[0]["route.prompt"] for n in range(4)] == ["a", "b", "a", "b"]


def test_only_those_that_fit_the_knobs_are_drawn() -> None:
    mixed: Any
    for mixed in (Mixture(Bootstrap(), says("x")), Alternate(Bootstrap(), says("x"))):
        assert mixed.kinds == {"text", "exemplars"}
        assert {propose(mixed, one(number=n))[0]["route.prompt"] for n in range(8)} == {"x"}
        run = record(1.0, exchanges=(Exchange("a", {"x": 1}, 2),))
        assert len(propose(mixed, request({"a.exemplars": ()}, records=(run,)))) == 1
        assert propose(Mixture(Bootstrap()), one()) == propose(Alternate(Bootstrap()), one()) == ()


def test_the_budget_has_to_know_the_most_of_them() -> None:
    assert Mixture(Edits(), Reflection(MODEL, retries=3)).calls == 4
    assert Alternate(Edits()).calls == 0


@pytest.mark.parametrize("parts", [(), ((Edits(), 0),), ((Edits(), -1.0),), ((Edits(), "x"),), (3,)])
def test_what_is_no_mixture_is_refused(parts: Any) -> None:
    with pytest.raises(ProposerError):
        Mixture(*parts)
    with pytest.raises(ProposerError):
        Alternate()
