"""BoTorch as a proposer: it learns, its batches spread, it is repeatable, and it leaves torch as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tests.optimizers.bumpy import bowl, mixed, searched

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import (
    ASHA,
    BoTorch,
    Fixed,
    Hyperband,
    Problem,
    Proposer,
    Racing,
    Scheduler,
    Search,
    Sobol,
    State,
    Told,
    TrustRegion,
)
from hyperfunc.optimizers.archive import Archive
from hyperfunc.optimizers.botorch_gp.model import Model
from hyperfunc.spaces import Candidate, Choice, Integer, Real, Space

pytestmark = pytest.mark.botorch

# A small pool, so that a test takes a second or two.
GLOBAL = BoTorch(first=8, pool=64)
LOCAL = replace(GLOBAL, trust_region=TrustRegion(first=0.4, least=0.15, most=0.8, failures=3))
PROPOSERS: dict[str, Proposer] = {"global": GLOBAL, "local": LOCAL}


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.id for candidate in candidates]


def measured(space: Space, units: Any, scores: Any, repeats: int = 3) -> Archive:
    """An archive with noisy scores at places of the unit cube."""
    members = [space.from_unit(unit) for unit in np.asarray(units)]
    noise = 0.05 * np.random.default_rng(0).normal(size=(len(members), repeats))
    return Archive().add(members, [((n,), 0) for n in range(repeats)], np.asarray(scores)[:, None] + noise)


def plane() -> tuple[Problem, Archive]:
    """A hill over two numbers that was looked at in a few places."""
    space = Space({"x": Real(0, 1), "y": Real(0, 1)})
    units = np.random.default_rng(1).random((12, 2))
    return Problem(space, space.default, 3), measured(space, units, -4 * ((units - [0.6, 0.4]) ** 2).sum(1))


def test_it_finds_better_than_evenly_spread_points() -> None:
    gains = []
    for seed in range(3):
        search, state, asked = searched(GLOBAL, Fixed(batch=8), seed, 6 * 32)
        assert len(set(ids(asked))) == len(asked) == 32
        assert all(c == c.space.candidate(dict(c)) for c in asked)
        other, known, _ = searched(Sobol(), Fixed(batch=8), seed, 6 * 32)
        gains.append(bowl(search.recommend(state)[0]) - bowl(other.recommend(known)[0]))
    assert np.mean(gains) > 0.1
    assert min(gains) > -0.1


def test_a_batch_spreads_and_what_is_under_way_counts_as_tried() -> None:
    problem, archive = plane()
    opened = replace(GLOBAL, first=1)
    # The even opening is over; the start waits for its score, as Search has it.
    _, own = opened.propose(problem, archive, None, 1, frozenset())
    known = frozenset(archive.candidates) | {problem.start.id} | set(ids(own.proposed))
    batch, later = opened.propose(problem, archive, own, 5, known)
    places = np.array([problem.space.to_unit(member) for member in batch])
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 9.0 * np.eye(5)
    assert apart.min() > 0.02
    more, _ = opened.propose(problem, archive, later, 2, known | set(ids(batch)))
    places = np.array([problem.space.to_unit(member) for member in (*batch, *more)])
    apart = np.linalg.norm(places[:, None] - places, axis=2) + 9.0 * np.eye(7)
    assert apart.min() > 0.02


def test_a_place_beside_a_pending_one_is_worth_little() -> None:
    problem, archive = plane()
    model = Model.of(problem.space, archive)
    assert model is not None
    grid = np.random.default_rng(2).random((200, 2))
    alone = model.worth(model.units_RU, np.zeros((0, 2)), 0)(grid)
    best = grid[alone.argmax()][None]
    beside = model.worth(model.units_RU, best, 0)
    assert beside(best + 1e-3)[0] < alone.max() - 1.0
    assert np.linalg.norm(grid[beside(grid).argmax()] - best) > 0.03


def test_the_model_knows_what_was_measured_and_how_well() -> None:
    problem, archive = plane()
    model = Model.of(problem.space, archive)
    assert model is not None
    means, sds = model.predict(model.rows.candidates)
    truth = -4 * ((model.units_RU - [0.6, 0.4]) ** 2).sum(1)
    assert np.abs(means - truth).max() < 0.15
    assert (sds < 0.1).all()
    far, doubt = model.at(np.array([[0.6, 0.4], [0.0, 1.0]]))
    assert far[0] > far[1]
    assert doubt[0] < doubt[1]
    assert "FixedNoise" in type(model.process.likelihood).__name__
    whole = Archive().add(model.rows.candidates, [((0, 1, 2), 0)], truth[:, None])
    inferred = Model.of(problem.space, whole)
    assert inferred is not None
    assert "FixedNoise" not in type(inferred.process.likelihood).__name__
    assert bool(inferred.ranked()[0].id == model.rows.candidates[int(truth.argmax())].id)


@pytest.mark.parametrize("repeats", [1, 3])
def test_many_rows_all_count_though_not_all_of_them_set_the_parameters(repeats: int) -> None:
    space = Space({"x": Real(0, 1), "y": Real(0, 1)})
    units = np.random.default_rng(0).random((200, 2))
    model = Model.of(space, measured(space, units, np.sin(6 * units).sum(1), repeats))
    assert model is not None
    assert len(model.process.train_targets) == 200
    means, _ = model.predict([space.from_unit(unit) for unit in ([0.25, 0.25], [0.8, 0.8])])
    assert np.allclose(means, [2 * math.sin(1.5), 2 * math.sin(4.8)], atol=0.1)


@pytest.mark.parametrize("name", PROPOSERS)
def test_a_continued_run_is_the_same_run(name: str) -> None:
    _, whole, one = searched(PROPOSERS[name], Fixed(batch=4), 3, 6 * 20)
    _, half, begun = searched(PROPOSERS[name], Fixed(batch=4), 3, 6 * 12)
    # Whatever else drew from torch in between is no matter.
    torch.manual_seed(99)
    _, resumed, rest = searched(PROPOSERS[name], Fixed(batch=4), 3, 6 * 20, half)
    assert ids(begun) + ids(rest) == ids(one)
    assert resumed.own == whole.own
    again = searched(PROPOSERS[name], Fixed(batch=4), 4, 6 * 12)[2]
    assert ids(again) != ids(begun)


def test_torch_is_left_as_it_was() -> None:
    problem, archive = plane()
    proposer = replace(LOCAL, first=1)
    _, own = proposer.propose(problem, archive, None, 1, frozenset())
    known = frozenset(archive.candidates) | set(ids(own.proposed))
    expected, _ = proposer.propose(problem, archive, own, 2, known)
    kind, drawn = torch.get_default_dtype(), np.random.get_state(legacy=False)  # noqa: NPY002 - the global one is meant
    before = torch.manual_seed(5).get_state()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            found, _ = proposer.propose(problem, archive, own, 2, known)
            assert torch.is_inference_mode_enabled()
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(kind)
    assert ids(found) == ids(expected)
    assert torch.equal(torch.get_rng_state(), before)
    assert repr(np.random.get_state(legacy=False)) == repr(drawn)  # noqa: NPY002 - as above


@pytest.mark.parametrize(
    "scheduler",
    [Hyperband(), ASHA(), Racing(entrants=12), Fixed(2, batch=4)],
    ids=lambda each: type(each).__name__,
)
def test_it_works_with_every_scheduler(scheduler: Scheduler) -> None:
    proposer = replace(LOCAL, first=4)
    search, state, asked = searched(proposer, scheduler, 0, 48)
    assert len(set(ids(asked))) >= 8
    assert search.recommend(state)[0].id in set(ids(asked))


def test_a_region_follows_the_scores_and_begins_anew() -> None:
    proposer = replace(LOCAL, first=3, trust_region=TrustRegion(0.4, 0.3, 0.8, failures=2))
    space = mixed()
    search = Search(proposer, Fixed(examples=3, batch=4))
    state = search.init(Problem(space, space.default, 3, lanes=150))
    seen, evens = [], []
    for _ in range(7):
        ask, state = search.ask(state)
        assert ask is not None
        own = state.own.proposals
        seen.append((own.region.restarts, own.region.length))
        evens.append(len(ask.population) - len(own.region.waiting[-1] if own.region.waiting else ()))
        if own.region.waiting and not evens[-1]:
            _near(space, state, own.region.length, tuple(ask.population))
        # Nothing is better than the start, so that a region only ever shrinks.
        scores = np.array([[float(c.id == space.default.id) - 0.1 * abs(c["y"])] * 3 for c in ask.population])
        state = search.tell(state, ask, Told(scores.mean(1), scores))
    assert seen[-1][0] >= 1
    assert max(evens[2:]) == 3


def _near(space: Space, state: State, length: float, members: Sequence[Candidate]) -> None:
    """Each lies beside a member of the region; there is one choice, which any box lets change."""
    inside = [c for c in state.archive.candidates.values() if c.id in state.own.proposals.region.members]
    numbers = [space.unit_names.index(name) for name in ("x", "n")]
    centres = np.array([space.to_unit(c) for c in inside])[:, numbers]
    for member in members:
        away = np.abs(space.to_unit(member)[numbers] - centres)
        # The volume is kept, so the shorter of the sides is at most the length; half of it lies on a side.
        assert away.min(1).min() <= 0.5 * length + 0.03


def test_a_small_space_is_tried_to_its_end() -> None:
    space = Space({"c": Choice(("a", "b", "c")), "n": Integer(0, 3)})
    for proposer in (replace(GLOBAL, first=3), replace(LOCAL, first=3)):
        search = Search(proposer, Fixed(batch=3))
        state = search.init(Problem(space, space.default, 2))
        asked: list[str] = []
        while True:
            ask, state = search.ask(state)
            if ask is None:
                break
            asked += ids(tuple(ask.population))
            scores = np.array([[c["n"] + (c["c"] == "b")] * 2 for c in ask.population], float)
            state = search.tell(state, ask, Told(scores.mean(1), scores))
        assert len(asked) == len(set(asked)) == 12
        assert dict(search.recommend(state)[0]) == {"c": "b", "n": 3}


def test_a_count_is_kept_and_equal_scores_are_no_model() -> None:
    assert len(searched(replace(GLOBAL, n=11), Fixed(batch=4), 0, 10**5)[2]) == 12
    problem, _ = plane()
    fresh, own = GLOBAL.propose(problem, Archive(), None, 10, frozenset())
    assert len(fresh) == 10
    level = Archive().add(fresh, [((0,), 0)], np.ones((10, 1)))
    more, _ = GLOBAL.propose(problem, level, own, 3, frozenset(ids(fresh)))
    assert len(set(ids(more)) - set(ids(fresh))) == 3
    assert GLOBAL.order(problem, level) == ()


@pytest.mark.parametrize(("n", "first", "pool"), [(0, 1, 16), (1, 0, 16), (1, 1, 15)])
def test_settings_that_make_no_sense(n: int, first: int, pool: int) -> None:
    with pytest.raises(SpaceError):
        BoTorch(n, first, pool=pool)
