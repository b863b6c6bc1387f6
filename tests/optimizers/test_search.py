from __future__ import annotations

import numpy as np
import pytest
from tests.optimizers.driving import climb

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers import Fixed, Grid, Optimizer, Problem, Random, Search, Told
from hyperfunc.spaces import Candidate, Choice, Integer, Real, Space, Text


def seen(optimizer: Optimizer, space: Space) -> list[Candidate]:
    return list(climb(optimizer, space, lambda c: 0.0, 10**6).archive.candidates.values())


def test_random_evaluates_the_start_and_exactly_n_others() -> None:
    space = Space({"x": Real(0, 1), "p": Text("x")})
    candidates = seen(Search(Random(37), Fixed(batch=10)), space)
    assert len({c.id for c in candidates}) == len(candidates) == 38
    assert candidates[0] == space.default


def test_random_stops_when_a_small_space_is_used_up() -> None:
    space = Space({"c": Choice(("a", "b", "c")), "n": Integer(1, 2)})
    assert len(seen(Random(100), space)) == 6


def test_a_grid_has_every_combination_once() -> None:
    space = Space(
        {"x": Real(0, 1, default=0.25), "n": Integer(1, 3, default=2), "c": Choice(("a", "b")), "p": Text()}
    )
    candidates = seen(Search(Grid(3), Fixed(batch=4)), space)
    points = {(c["x"], c["n"], c["c"]) for c in candidates[1:]}
    assert points == {(x, n, c) for x in (0.0, 0.5, 1.0) for n in (1, 2, 3) for c in ("a", "b")}
    assert len(candidates) == 19


def test_the_start_is_not_evaluated_twice() -> None:
    space = Space({"x": Real(0, 1, default=0.5)})
    assert [c["x"] for c in seen(Grid(3), space)] == [0.5, 0.0, 1.0]


def test_a_grid_may_name_its_knobs() -> None:
    space = Space({"x": Real(1, 100, default=10, scale="log"), "y": Real(0, 1)})
    candidates = seen(Grid({"x": 3}), space)
    assert [(c["x"], c["y"]) for c in candidates] == [(10.0, 0.5), (1.0, 0.5), (100.0, 0.5)]
    with pytest.raises(SpaceError, match="text knob"):
        seen(Grid({"p": 2}), Space({"p": Text()}))


def test_a_grid_that_cannot_end_is_refused() -> None:
    with pytest.raises(SpaceError, match="name fewer"):
        seen(Grid(11), Space({f"x{place}": Real(0, 1) for place in range(6)}))


@pytest.mark.parametrize(
    "settings", [lambda: Random(0), lambda: Grid(0), lambda: Grid({"x": 0}), lambda: Fixed(batch=0)]
)
def test_settings_that_make_no_sense(settings: object) -> None:
    with pytest.raises(SpaceError):
        settings()  # type: ignore[operator]


def test_the_luckiest_short_run_is_not_recommended() -> None:
    space = Space({"x": Real(0, 1, default=0.5)})
    optimizer = Search(Random(4), Fixed(batch=5))
    state = optimizer.init(Problem(space, space.default, 30))
    ask, state = optimizer.ask(state)
    assert ask is not None
    scores_KN = np.full((5, 30), np.nan)
    scores_KN[0] = [1.0, 0.0] * 15
    scores_KN[1, :2] = [1.0, 1.0]  # two lucky examples
    scores_KN[2] = [1.0] * 25 + [0.0] * 5  # solid evidence
    scores_KN[3:] = 0.0
    state = optimizer.tell(state, ask, Told(np.nanmean(scores_KN, axis=1), scores_KN))
    assert optimizer.recommend(state)[0] == ask.population[2]
