"""A knob that does not matter has its default, whoever makes the candidate, so that equals have one id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import SNES, Grid, Problem, Random, Sobol, Told
from hyperfunc.optimizers.archive import Archive
from hyperfunc.spaces import Candidate, Choice, Integer, Real, Space, Text, When, format_diff, group_knobs


def family_space() -> Space:
    """Families with numbers of their own, one of them two levels down."""
    return Space(
        {
            "heat": Real(0, 2, default=1.0),
            "s.min_p": Real(0, 1, default=0.0, when=When("family", "min_p")),
            "s.family": Choice(("none", "min_p", "dry")),
            "s.dry": Real(0, 2, default=0.5, when=When("family", "dry")),
            "s.mode": Choice(("soft", "hard"), when=When("family", ("dry",))),
            "s.length": Integer(1, 9, default=2, when=When("mode", "hard")),
            "s.note": Text("plain", when=When("family", ("min_p", "dry"))),
        }
    )


def is_settled(candidate: Candidate) -> bool:
    space = candidate.space
    active = space.active(candidate)
    return all(candidate[name] == space[name].default for name in space if name not in active)


units = st.lists(st.floats(0, 1), min_size=6, max_size=6)


@given(units, units)
def test_however_a_candidate_is_made_it_is_settled(one: list[float], other: list[float]) -> None:
    space = family_space()
    first = space.from_unit(one)
    assert is_settled(first)
    second = space.from_unit(other, base=first)
    assert is_settled(second)
    assert is_settled(first.replace(dict(second)))
    assert space.from_unit(space.to_unit(second), base=second) == second
    assert space.unravel(space.ravel(second), second) == second
    assert Candidate.from_json(space, second.to_json()) == second
    for member in space.unit_population([one, other], base=second):
        assert is_settled(member)
        assert member == space.candidate(dict(member))


@given(units, units)
def test_columns_of_a_population_hold_what_its_members_hold(one: list[float], other: list[float]) -> None:
    space = family_space()
    base = space.candidate({"s.family": "dry", "s.mode": "hard", "s.length": 7, "s.note": "x"})
    for population in (
        space.unit_population([one, other], base=base),
        space.population({"s.family": ["none", "dry"]}, base=base),
    ):
        for name, column in population.columns.items():
            assert [column[k] for k in range(2)] == [member[name] for member in population]
        assert all(is_settled(member) for member in population)


@given(st.integers(0, 10**6))
def test_samples_are_settled_and_activity_in_the_cube_agrees(seed: int) -> None:
    space = family_space()
    drawn = space.sample(np.random.default_rng(seed))
    assert is_settled(drawn)
    (active,) = space.active_units(space.to_unit(drawn)[None])
    names = [name for name, on in zip(space.unit_names, active, strict=True) if on]
    assert names == [name for name in space.active(drawn) if name in space.unit_names]


def test_equal_settings_have_equal_ids() -> None:
    space = family_space()
    assert space.candidate({"s.min_p": 0.4, "s.length": 5}).id == space.default.id
    hidden = space.candidate({"s.family": "dry", "s.mode": "soft", "s.length": 5})
    assert hidden == space.candidate({"s.family": "dry"})
    assert space.active(hidden) == ("heat", "s.family", "s.dry", "s.mode", "s.note")


def test_what_depends_on_an_inactive_knob_is_inactive() -> None:
    space = family_space()
    gone = space.candidate({"s.family": "dry", "s.mode": "hard", "s.length": 5}).replace({"s.family": "none"})
    assert gone == space.default
    assert format_diff(space.default.diff(gone)) == "no change"


def test_a_condition_is_part_of_the_description_and_the_fingerprint() -> None:
    plain, waiting = Real(0, 1), Real(0, 1, when=When("c", 1))
    spaces = [Space({"c": Integer(0, 1), "x": knob}) for knob in (plain, waiting)]
    assert "when" not in spaces[0].describe()["x"]
    assert spaces[1].describe()["x"]["when"] == {"knob": "c", "values": [1]}
    assert spaces[0] != spaces[1]


def test_frozen_parents_decide_for_good_and_frozen_children_are_left_alone() -> None:
    space = family_space()
    frozen = space.freeze(["s.family"], {"s.family": "min_p"})
    assert frozen.candidate({"s.min_p": 0.3, "s.dry": 1.5})["s.dry"] == 0.5
    assert frozen.candidate({"s.min_p": 0.3})["s.min_p"] == 0.3
    kept = space.freeze(["s.dry"], {"s.dry": 2.0})
    assert kept.default["s.dry"] == 2.0


def test_parts_of_a_space_are_put_together_again() -> None:
    space = family_space()
    numbers, rest = space.partition(lambda name, knob: knob.kind == "real")
    assert numbers.candidate({"s.min_p": 0.3})["s.min_p"] == 0.3
    assert numbers.combine(rest) == space
    assert numbers.combine(rest).candidate({"s.min_p": 0.3}) == space.default


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"x": Real(0, 1, when=When("famly", 1)), "family": Integer(0, 1)}, "did you mean"),
        ({"x": Real(0, 1, when=When("y", 1)), "y": Real(0, 1)}, "use a Choice or an Integer"),
        ({"x": Real(0, 1, when=When("y", 3)), "y": Integer(0, 1)}, "waits for what cannot be"),
        ({"x": Integer(0, 1, when=When("x", 1))}, "circle"),
        (
            {"x": Integer(0, 1, when=When("y", 1)), "y": Integer(0, 1, when=When("x", 1))},
            "circle",
        ),
    ],
)
def test_conditions_that_cannot_be_are_refused(knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space(knobs)


def test_a_condition_needs_a_value() -> None:
    with pytest.raises(SpaceError, match="at least one value"):
        When("family", ())


def test_a_group_may_have_conditions_between_its_fields() -> None:
    @dataclass(frozen=True)
    class Sampler:
        family: Annotated[str, Choice(("top_p", "min_p"))] = "top_p"
        min_p: Annotated[float, Real(0, 1, when=When("family", "min_p"))] = 0.0

    space = Space({f"write.hp.{name}": knob for name, knob in group_knobs(Sampler).items()})
    assert space.candidate({"write.hp.min_p": 0.5}) == space.default
    chosen = space.candidate({"write.hp.min_p": 0.5, "write.hp.family": "min_p"})
    assert chosen["write.hp.min_p"] == 0.5


def test_a_grid_has_each_active_combination_once() -> None:
    space = family_space()
    problem = Problem(space, space.default, 5)
    members, place = Grid(3).propose(problem, Archive(), None, 10**6, frozenset())
    # none: 1; min_p: 3; dry soft: 3, dry hard: 3 times 3; each at 3 heats.
    assert len(members) == len({m.id for m in members}) == 3 * (1 + 3 + 3 + 3 * 3)
    assert all(map(is_settled, members))
    half, at = Grid(3).propose(problem, Archive(), None, 20, frozenset())
    rest, end = Grid(3).propose(problem, Archive(), at, 10**6, frozenset(m.id for m in half))
    assert (*half, *rest) == members
    assert end == place


def test_a_large_conditional_grid_is_counted_by_what_is_active() -> None:
    names = tuple("abcdefgh")
    knobs: dict[str, Any] = {"family": Choice(names)}
    knobs |= {f"p{name}": Real(0, 1, when=When("family", name)) for name in names}
    space = Space(knobs)
    members, _ = Grid(9).propose(Problem(space, space.default, 1), Archive(), None, 10**6, frozenset())
    assert len(members) == 8 * 9


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000), st.sampled_from([Random(), Sobol()]))
def test_proposals_are_settled_and_differ(seed: int, proposer: Random | Sobol) -> None:
    space = family_space()
    problem = Problem(space, space.default, 5, seed=seed)
    members, own = proposer.propose(problem, Archive(), None, 20, frozenset())
    known = frozenset(member.id for member in members)
    more, _ = proposer.propose(problem, Archive(), own, 20, known)
    assert len(known | {member.id for member in more}) == len(members) + len(more) == 40
    assert all(map(is_settled, (*members, *more)))


def test_what_does_not_matter_does_not_move_a_search_distribution() -> None:
    space = Space({"on": Choice((False, True)), "x": Real(0, 1, when=When("on", True))})
    off = space.freeze(["on"])
    search = SNES(population=8, steps=2)
    state = search.init(Problem(off, off.default, 1, per_item=False))
    ask, state = search.ask(state)
    assert ask is not None
    assert len({member.id for member in ask.population}) == 1
    state = search.tell(state, ask, Told(np.arange(8.0)))
    assert state.own.mean_D.tolist() == [0.5]
    assert state.own.widths_D.tolist() == [0.2]
