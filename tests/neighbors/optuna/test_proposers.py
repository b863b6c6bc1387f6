"""TPE of Optuna and CMA-ES of cmaes as proposers: they learn, are repeatable, and propose nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from tests.optimizers.bumpy import bowl, mixed, searched

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import (
    ASHA,
    CMAES,
    TPE,
    Fixed,
    Hyperband,
    Problem,
    Proposer,
    Racing,
    Random,
    Scheduler,
)
from hyperfunc.optimizers.archive import Archive
from hyperfunc.spaces import Real, Space

pytestmark = pytest.mark.optuna

PROPOSERS: dict[str, Proposer] = {"tpe": TPE(), "tpe-single": TPE(multivariate=False), "cmaes": CMAES()}


@pytest.mark.parametrize("name", PROPOSERS)
def test_it_learns_and_proposes_nothing_twice(name: str) -> None:
    gains = []
    for seed in range(10):
        search, state, asked = searched(PROPOSERS[name], Fixed(batch=4), seed, 600)
        assert len({candidate.id for candidate in asked}) == len(asked) > 60
        assert all(c == c.space.candidate(dict(c)) for c in asked)
        other, known, _ = searched(Random(), Fixed(batch=4), seed, 600)
        gains.append(bowl(search.recommend(state)[0]) - bowl(other.recommend(known)[0]))
    assert np.mean(gains) > 0


@pytest.mark.parametrize("name", PROPOSERS)
def test_a_continued_run_is_the_same_run(name: str) -> None:
    one, other = (searched(PROPOSERS[name], Fixed(batch=4), 3, 300)[2] for _ in range(2))
    assert [c.id for c in one] == [c.id for c in other]
    again = searched(PROPOSERS[name], Fixed(batch=4), 4, 300)[2]
    assert [c.id for c in again] != [c.id for c in one]


@pytest.mark.parametrize("name", PROPOSERS)
@pytest.mark.parametrize("scheduler", [Hyperband(), ASHA(), Racing()], ids=lambda each: type(each).__name__)
def test_it_works_with_every_scheduler(name: str, scheduler: Scheduler) -> None:
    search, state, asked = searched(PROPOSERS[name], scheduler, 0, 240)
    assert len({candidate.id for candidate in asked}) >= 8
    assert search.recommend(state)[0].id in {candidate.id for candidate in asked}


@pytest.mark.parametrize("name", PROPOSERS)
def test_what_is_under_way_is_not_proposed_again(name: str) -> None:
    space = mixed()
    problem = Problem(space, space.default, 6)
    _, state, _ = searched(PROPOSERS[name], Fixed(batch=4), 0, 120)
    own, known = state.own.proposals, state.own.known
    for _ in range(4):
        fresh, own = PROPOSERS[name].propose(problem, state.archive, own, 2, known)
        assert not {candidate.id for candidate in fresh} & known
        known |= {candidate.id for candidate in fresh}


def test_a_count_is_kept() -> None:
    for proposer in (TPE(7), CMAES(7)):
        assert len(searched(proposer, Fixed(batch=3), 0, 10**5)[2]) == 8


def test_settings_that_make_no_sense() -> None:
    for wrong in (lambda: TPE(0), lambda: TPE(first=0), lambda: CMAES(sigma=0), lambda: CMAES(population=2)):
        with pytest.raises(SpaceError):
            wrong()
    one = Space({"x": Real(0, 1)})
    with pytest.raises(SpaceError, match="at least two"):
        CMAES().propose(Problem(one, one.default, 1), Archive(), None, 1, frozenset())
