"""A noisy function of mixed knobs, one of which matters only sometimes, and a search of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hyperfunc.optimizers import Problem, Proposer, Scheduler, Search, State, Told
from hyperfunc.spaces import Candidate, Choice, Integer, Real, Space, When


def mixed() -> Space:
    return Space(
        {
            "x": Real(0.01, 100, scale="log"),
            "n": Integer(0, 20),
            "c": Choice(("a", "b", "c")),
            "y": Real(-1, 1, default=0.0, when=When("c", ("a", "b"))),
        }
    )


def bowl(candidate: Candidate) -> float:
    place = candidate.space["x"].to_unit(candidate["x"])
    away = (place - 0.7) ** 2 / 0.05 + ((candidate["n"] - 14) / 10) ** 2 + (candidate["y"] - 0.5) ** 2
    return math.exp(-away) * {"a": 1.0, "b": 0.6, "c": 0.5}[candidate["c"]]


def answered(population: Sequence[Candidate], examples: tuple[int, ...]) -> Told:
    scores = [
        [bowl(m) + 0.1 * np.random.default_rng([int(m.id, 16), n]).normal() for n in examples]
        for m in population
    ]
    return Told(np.mean(scores, axis=1), np.array(scores))


def searched(
    proposer: Proposer, scheduler: Scheduler, seed: int, lanes: int, state: State | None = None
) -> tuple[Search, State, list[Candidate]]:
    search = Search(proposer, scheduler)
    space = mixed()
    state = state or search.init(Problem(space, space.default, 6, seed=seed, lanes=lanes))
    spent = sum(state.archive.count(name) for name in state.archive.candidates)
    asked: list[Candidate] = []
    while spent < lanes:
        ask, state = search.ask(state)
        if ask is None:
            break
        spent += len(ask.population) * len(ask.examples)
        asked += list(ask.population)
        state = search.tell(state, ask, answered(tuple(ask.population), ask.examples))
    return search, state, asked
