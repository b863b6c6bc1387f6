"""Running an optimizer against a function of candidates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hyperfunc.optimizers import Optimizer, Problem, State, Told
from hyperfunc.spaces import Candidate, Real, Space


def unit_space(dim: int) -> Space:
    return Space({f"x{place}": Real(0, 1) for place in range(dim)})


def climb(
    optimizer: Optimizer,
    space: Space,
    value: Callable[[Candidate], float],
    evaluations: int,
    seed: int = 0,
) -> State:
    """Tells values over sets until so many candidates were evaluated, or nothing is left to try."""
    state = optimizer.init(Problem(space, space.default, 1, seed=seed, per_item=False))
    spent = 0
    while spent < evaluations:
        ask, state = optimizer.ask(state)
        if ask is None:
            break
        state = optimizer.tell(state, ask, Told(np.array([value(member) for member in ask.population])))
        spent += len(ask.population)
    return state
