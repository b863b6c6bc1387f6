from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import OutOfBounds, SpaceError, UnknownKnob
from hyperfunc.spaces import (
    Candidate,
    Choice,
    Exemplars,
    Integer,
    Knob,
    Matrix,
    Population,
    Real,
    Space,
    Text,
)

POOL = (("a", 1), ("b", 2), ("c", 3))


def knobs() -> dict[str, Knob]:
    return {
        "route.prompt": Text("Say the team."),
        "route.hp.temperature": Real(0, 2, default=1.0),
        "route.hp.top_k": Integer(0, 40),
        "head": Matrix((2, 3)),
        "route.exemplars": Exemplars(pool=POOL, max_items=2),  # type: ignore[arg-type]
        "mode": Choice(("fast", "safe")),
        "rate": Real(1e-4, 1, scale="log"),
    }


@pytest.fixture
def space() -> Space:
    return Space(knobs())


seeds = st.integers(0, 2**32)
masks = st.lists(st.booleans(), min_size=7, max_size=7)


def drawn(space: Space, seed: int) -> Candidate:
    return space.sample(np.random.default_rng(seed))


@given(seeds)
def test_law_unravel_inverts_ravel(seed: int) -> None:
    space = Space(knobs())
    candidate = drawn(space, seed)
    assert space.unravel(space.ravel(candidate), base=candidate) == candidate
    flat = space.ravel(candidate)
    assert space.ravel(space.unravel(flat)).tobytes() == flat.tobytes()


@given(seeds, seeds)
def test_law_from_unit_inverts_to_unit(seed: int, other: int) -> None:
    space = Space(knobs())
    candidate = drawn(space, seed)
    assert space.from_unit(space.to_unit(candidate), base=candidate) == candidate
    moved = space.from_unit(space.to_unit(drawn(space, other)), base=candidate)
    assert moved["route.prompt"] == candidate["route.prompt"]
    assert np.allclose(space.to_unit(moved), space.to_unit(drawn(space, other)), atol=1e-6)


@given(masks, seeds)
def test_law_combine_inverts_partition(mask: list[bool], seed: int) -> None:
    space = Space(knobs())
    chosen = {name for name, keep in zip(space, mask, strict=True) if keep}
    left, right = space.partition(lambda name, knob: name in chosen)
    assert set(left) == chosen
    for whole in (left.combine(right), right.combine(left)):
        assert whole == space
        assert whole.names == space.names
    candidate = drawn(space, seed)
    values = {
        **left.candidate({n: candidate[n] for n in left}),
        **right.candidate({n: candidate[n] for n in right}),
    }
    assert space.candidate(values) == candidate


@given(seeds, st.permutations(list(knobs())))
def test_law_the_id_depends_on_values_alone(seed: int, order: list[str]) -> None:
    space = Space(knobs())
    candidate = drawn(space, seed)
    other = Space({name: space[name] for name in order})
    twin = other.candidate({name: candidate[name] for name in order}, parents=("0" * 16,))
    assert twin.id == candidate.id
    assert twin == candidate
    assert len({twin, candidate}) == 1
    frozen = space.freeze(order[:3], values=candidate)
    assert frozen.candidate({name: candidate[name] for name in frozen}).id == candidate.id


@given(seeds)
def test_law_json_round_trips(seed: int) -> None:
    space = Space(knobs())
    candidate = drawn(space, seed)
    assert Candidate.from_json(space, candidate.to_json()).id == candidate.id


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), seeds)
def test_law_population_members_equal_candidates(units: list[float], seed: int) -> None:
    space = Space(knobs())
    base = drawn(space, seed)
    heads = np.random.default_rng(seed).normal(size=(3, 2, 3))
    temperatures = [2 * unit for unit in units]
    population = space.population({"route.hp.temperature": temperatures, "head": heads}, base=base)
    for k, member in enumerate(population):
        alone = base.replace({"route.hp.temperature": temperatures[k], "head": heads[k]})
        assert member == alone
        assert member.parents == alone.parents == (base.id,)
    assert population.ids() == tuple(member.id for member in population)


def test_one_value_has_one_id(space: Space) -> None:
    ids = {
        space.candidate({"route.hp.temperature": value}).id
        for value in (1, 1.0, np.float32(1), np.float64(1))
    }
    assert ids == {space.default.id}
    assert (
        space.candidate({"route.hp.temperature": 0.7}).id
        == space.candidate({"route.hp.temperature": np.float32(0.7)}).id
    )


def test_recorded_id_never_changes() -> None:
    # Ledgers hold these; a change of the rule would orphan every stored cell.
    space = Space({"t": Real(0, 2, default=0.7), "p": Text("Hi ü"), "n": Integer(1, 9, default=2)})
    assert space.default.id == "2709678f51036ee6"
    assert Space(knobs()).candidate({"route.exemplars": [("a", 1)]}).id == "666f368c1ee68db2"


def test_a_candidate_cannot_be_changed(space: Space) -> None:
    candidate = space.default
    with pytest.raises(TypeError):
        candidate["mode"] = "safe"  # type: ignore[index]
    assert candidate.replace({"mode": "safe"})["mode"] == "safe"
    assert candidate["mode"] == "fast"


def test_unknown_names_come_with_the_nearest(space: Space) -> None:
    for act in (
        lambda: space["route.promt"],
        lambda: space.candidate({"route.promt": "x"}),
        lambda: space.default["route.promt"],
        lambda: space.freeze(["route.promt"]),
        lambda: space.population({"route.promt": ["x"]}),
    ):
        with pytest.raises(UnknownKnob, match=r"did you mean 'route\.prompt'"):
            act()


def test_errors_name_the_knob(space: Space) -> None:
    with pytest.raises(OutOfBounds, match=r"'route\.hp\.temperature' got 3"):
        space.default.replace({"route.hp.temperature": 3})
    with pytest.raises(OutOfBounds, match=r"'route\.hp\.temperature'"):
        space.population({"route.hp.temperature": [0.5, 3.0]})
    with pytest.raises(OutOfBounds, match=r"'route\.hp\.temperature'"):
        space.unravel(np.full(space.dim, 3.0))
    with pytest.raises(OutOfBounds):
        space.unravel(np.full(space.dim, np.nan))


@pytest.mark.parametrize("name", ["", "a b", ".a", "a.", "a..b", "a\n"])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(SpaceError, match="cannot be used"):
        Space({name: Real(0, 1)})


def test_slices_cover_the_flat_vector(space: Space) -> None:
    assert space.dim == 9
    assert dict(space.slices) == {
        "route.hp.temperature": slice(0, 1),
        "route.hp.top_k": slice(1, 2),
        "head": slice(2, 8),
        "rate": slice(8, 9),
    }
    assert space.ravel(space.default).dtype == np.float32
    with pytest.raises(SpaceError, match="9 numbers"):
        space.unravel([0.0])


def test_unravel_rounds_whole_numbers(space: Space) -> None:
    flat = space.ravel(space.default)
    flat[1] = 7.4
    assert space.unravel(flat)["route.hp.top_k"] == 7


def test_frozen_knobs_leave_the_space_but_not_its_candidates(space: Space) -> None:
    part = space.freeze(lambda name, knob: knob.kind != "real", values={"mode": "safe"})
    assert part.names == ("route.hp.temperature", "rate")
    assert part.fixed["mode"] == "safe"
    candidate = part.candidate({"rate": 0.1})
    assert candidate["mode"] == "safe"
    assert candidate.to_json()["mode"] == "safe"
    assert Candidate.from_json(part, candidate.to_json()) == candidate
    with pytest.raises(SpaceError, match="frozen at 'safe'"):
        part.candidate({"mode": "fast"})
    assert space.candidate(candidate) == candidate


def test_spaces_with_a_common_name_do_not_combine(space: Space) -> None:
    with pytest.raises(SpaceError, match="both"):
        space.combine(Space({"mode": Real(0, 1)}))
    left, right = space.partition(lambda name, knob: name == "mode")
    with pytest.raises(SpaceError, match="frozen"):
        left.freeze("mode").combine(left.freeze("mode", {"mode": "safe"}).combine(right))


def test_spaces_from_different_places_combine_in_order() -> None:
    both = Space({"a": Real(0, 1)}).combine(Space({"b": Real(0, 1)}))
    assert both.names == ("a", "b")


def test_the_fingerprint_follows_what_is_allowed(space: Space) -> None:
    assert Space(knobs()).fingerprint == space.fingerprint
    wider = Space({**knobs(), "rate": Real(1e-5, 1, scale="log")})
    assert wider.fingerprint != space.fingerprint
    assert space.freeze("mode").fingerprint != space.freeze("mode", {"mode": "safe"}).fingerprint


def test_diff_reads_from_before_to_after(space: Space) -> None:
    after = space.default.replace({"mode": "safe", "rate": 1})
    changes: list[Any] = [(c.name, c.before, c.after) for c in space.default.diff(after)]
    assert changes == [("mode", "fast", "safe"), ("rate", 0.01, 1.0)]
    assert space.default.diff(space.default) == []


def test_columns_of_a_population_must_match(space: Space) -> None:
    with pytest.raises(SpaceError, match="common length"):
        space.population({"mode": ["fast"], "rate": [0.1, 0.2]})
    with pytest.raises(SpaceError, match="common length"):
        Population(space, {}, space.default)


def test_a_population_makes_its_members_once(space: Space) -> None:
    population = space.population({"mode": ["fast", "safe"]})
    assert len(population) == 2
    assert population[1] is population[1]
    assert population[-1] == population[1]
    with pytest.raises(IndexError):
        population[2]


def test_importing_spaces_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, hyperfunc.spaces; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
