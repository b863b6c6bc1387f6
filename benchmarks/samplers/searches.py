"""The searches that are compared: each spends the same number of texts and names one setting."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from benchmarks.samplers.world import BATCH, Bench, Setting
from hyperfunc.optimizers import Fixed, Optimizer, Problem, Search, Told, automatic
from hyperfunc.optimizers.bayes import Bayesian
from hyperfunc.spaces import Choice, Real, Space, When

__all__ = ["RANGES", "chosen_by", "optuna_search", "ours", "random_search"]

RANGES: dict[str, tuple[float, float]] = {
    "min_p": (0.005, 0.3), "top_p": (0.5, 0.99), "top_n_sigma": (0.5, 2.5),
}  # fmt: skip
"""Where each family's parameter is looked for; ``min_p`` by ratio."""
TEMPERATURE = (0.3, 2.0)

Run = Callable[[Bench, int, int], Setting]
"""A search: the bench, the seed and how many texts, to the setting it would use."""


def space() -> Space:
    """Family, temperature, and of each family its parameter while the family is chosen."""
    knobs: dict[str, Any] = {
        "family": Choice(tuple(RANGES)),
        "temperature": Real(*TEMPERATURE, default=1.0),
    }
    for family, (low, high) in RANGES.items():
        here = When("family", family)
        knobs[family] = (
            Real(low, high, default=math.sqrt(low * high), scale="log", when=here)
            if family == "min_p"
            else Real(low, high, default=(low + high) / 2, when=here)
        )
    return Space(knobs)


def setting_of(candidate: Any) -> Setting:
    """A candidate of the space as a setting."""
    family = str(candidate["family"])
    return family, float(candidate["temperature"]), float(candidate[family])


def ours(optimizer: Callable[[Space, int], Optimizer]) -> Run:
    """A search by one of our optimizers, asked and told without a run around it."""

    def search(bench: Bench, seed: int, texts: int) -> Setting:
        whole = space()
        made = optimizer(whole, texts)
        problem = Problem(
            whole, whole.default, BATCH, seed=seed, per_item=False, calls_per_lane=1.0, lanes=texts
        )
        state, left = made.init(problem), texts
        while left > 0:
            ask, state = made.ask(state)
            if ask is None:
                break
            values = []
            for member in ask.population:
                left -= len(ask.examples)
                if left < 0:
                    values.append(math.nan)
                else:
                    values.append(bench.score(setting_of(member), ask.examples, ask.repeat))
            state = made.tell(state, ask, Told(np.array(values)))
        return setting_of(made.recommend(state)[0])

    return search


def default(whole: Space, texts: int) -> Optimizer:
    """What is used when nobody names an optimizer."""
    return automatic(whole, calls_per_lane=1.0, lanes=texts, per_item=False)


def bayesian(whole: Space, texts: int) -> Optimizer:
    """The model-based proposer, a candidate at a time."""
    return Search(Bayesian(), Fixed(batch=1))


def random_search(bench: Bench, seed: int, texts: int) -> Setting:
    """Random settings; the best score of all is taken."""
    rng = np.random.default_rng([seed, 1])

    def draw() -> Setting:
        family = str(rng.choice(list(RANGES)))
        return family, rng.uniform(*TEMPERATURE), _value(family, rng.random())

    return max((draw() for _ in range(texts // BATCH)), key=bench.score)


def optuna_search(sampler: str) -> Run:
    """Optuna's sampler in its default settings; the best score of all is taken, as its study does.

    Every family's parameter is one number in [0, 1], so that all trials have the same names: with a
    parameter for each family its Gaussian process would draw them at random.
    """

    def search(bench: Bench, seed: int, texts: int) -> Setting:
        # Only this benchmark knows it; a plain import would ask type checkers to have it.
        optuna: Any = import_module("optuna")

        optuna.logging.set_verbosity(optuna.logging.WARNING)

        def setting(suggest: Any) -> Setting:
            family = suggest.suggest_categorical("family", list(RANGES))
            temperature = suggest.suggest_float("temperature", *TEMPERATURE)
            return family, temperature, _value(family, suggest.suggest_float("share", 0, 1))

        study = optuna.create_study(
            direction="maximize", sampler=getattr(optuna.samplers, sampler)(seed=seed)
        )
        study.optimize(lambda trial: bench.score(setting(trial)), n_trials=texts // BATCH)
        return setting(optuna.trial.FixedTrial(study.best_params))

    return search


def missing(sampler: str) -> str:
    """Why a sampler of Optuna cannot be had here, or an empty text."""
    needs = ["optuna", *(["torch", "scipy"] if sampler == "GPSampler" else [])]
    absent = [name for name in needs if find_spec(name) is None]
    return f"needs pip install {' '.join(absent)}" if absent else ""


def chosen_by(search: Run, benches: Sequence[Bench], texts: int) -> list[float]:
    """The regret of what a search would use, once for each seed."""
    return [bench.regret(search(bench, seed, texts)) for seed, bench in enumerate(benches)]


def _value(family: str, share: float) -> float:
    low, high = RANGES[family]
    return low * (high / low) ** share if family == "min_p" else low + share * (high - low)
