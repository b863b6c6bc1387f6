"""A pipeline of three steps whose answers are drawn: a stand-in for model calls that costs nothing.

Each step has a text with a bank of 30 phrases (5 help, 11 hurt), a pool of 12 exemplars (2 or 3 help)
and three sampling numbers (a low temperature helps). An item's score is the share of steps that are
right, or, when ``strict``, whether all are. Luck is half common to all candidates and half their own.
"""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import Any

import numpy as np

from hyperfunc.optimizers import Ask, Problem, Told
from hyperfunc.spaces import Candidate, Exemplar, Exemplars, Knob, Real, Space, Text

STEPS = ("route", "extract", "reply")
NUMBERS = ("temperature", "top_p", "max_tokens_frac")
_NORMAL = NormalDist()


def _uniform(*names: object) -> float:
    digest = hashlib.blake2b(repr(names).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2**64


class Pipeline:
    """What the seed makes good and bad, and every cell and call that was paid for."""

    def __init__(self, seed: int, strict: bool = False, n_train: int = 60, n_held_out: int = 200) -> None:
        rng = np.random.default_rng([seed, 5])
        self.seed, self.strict = seed, strict
        self.n_train = n_train
        self.held_out_items = np.arange(n_train, n_train + n_held_out)
        self.phrases: dict[str, list[str]] = {}
        self.effects: dict[str, dict[str, float]] = {}
        self.helps: dict[str, dict[str, float]] = {}
        self.heat: dict[str, float] = {}
        knobs: dict[str, Knob] = {}
        for step in STEPS:
            knobs |= self._declare(step, rng)
        self.space = Space(knobs)
        self.base = dict(zip(STEPS, (1.9, 1.5, 1.7) if strict else (0.5, 0.1, 0.2), strict=True))
        self.most = 0.95 if strict else 0.88
        self.difficulty = rng.normal(0, 0.7, (n_train + n_held_out, len(STEPS)))
        self.cells: dict[tuple[str, int, int], float] = {}
        self.calls: set[tuple[Any, ...]] = set()

    def _declare(self, step: str, rng: np.random.Generator) -> dict[str, Knob]:
        phrases = [f"{step} phrase {place}." for place in range(30)]
        effects = [*rng.uniform(0.8, 1.8, 2), *rng.uniform(0.3, 0.9, 3), *rng.normal(0, 0.12, 14)]
        effects += [*-rng.uniform(0.3, 1.8, 11)]
        order = rng.permutation(30)
        self.phrases[f"{step}.prompt"] = phrases
        self.effects[step] = {phrases[int(place)]: e for place, e in zip(order, effects, strict=True)}
        self.effects[step] |= {f"{step} task.": 0.3, f"{step} filler.": -0.4}
        good = int(rng.integers(2, 4))
        helps = [*rng.uniform(1.2, 2.2, good), *rng.normal(-0.15, 0.25, 12 - good)]
        pool = tuple(Exemplar(f"{step} in {place}", f"{step} out") for place in range(12))
        self.helps[step] = {pool[int(i)].input: h for i, h in zip(rng.permutation(12), helps, strict=True)}
        self.heat[step] = float(rng.uniform(0.9, 1.6))
        return {
            f"{step}.prompt": Text(f"{step} task. {step} filler."),
            f"{step}.exemplars": Exemplars(pool=pool, max_items=4),
            f"{step}.hp.temperature": Real(0, 2, default=1.0),
            f"{step}.hp.top_p": Real(0.01, 1, default=1.0),
            f"{step}.hp.max_tokens_frac": Real(0.001, 1, default=1.0, scale="log"),
        }

    def values(self, candidate: Candidate, step: str) -> tuple[Any, ...]:
        """Everything that a call of one step depends on, besides its input."""
        shown = tuple(item.input for item in candidate[f"{step}.exemplars"])
        return (step, candidate[f"{step}.prompt"], shown, *(candidate[f"{step}.hp.{n}"] for n in NUMBERS))

    def strength(self, values: tuple[Any, ...]) -> float:
        """The log odds that a step is right on an item of middling difficulty."""
        step, text, shown, heat, mass, tokens = values
        sentences = list(dict.fromkeys(f"{part.strip()}." for part in text.split(".") if part.strip()))
        said = [self.effects[step].get(sentence, 0.0) for sentence in sentences]
        seen = [self.helps[step][item] for item in dict.fromkeys(shown)]
        told = sum(e for e in said if e > 0)
        harm = sum(e for e in said if e <= 0) + sum(e for e in seen if e <= 0.5)
        best = sorted((e for e in seen if e > 0.5), reverse=True)
        shows = sum(e * 0.25**place for place, e in enumerate(best))
        # Phrases and exemplars say the same things in part.
        odds = self.base[step] + max(told, shows) + 0.55 * min(told, shows) + harm
        odds -= 0.05 * max(0, len(sentences) - 6) + self.heat[step] * heat * (0.5 + 0.5 * mass)
        return float(odds - (6 * math.log(0.05 / tokens) / math.log(50) + 0.5 if tokens < 0.05 else 0.0))

    def score(self, candidate: Candidate, item: int, repeat: int = 0) -> float:
        """The score of one lane; a cell that is known costs nothing, nor does a call."""
        key = (candidate.id, item, repeat)
        if key not in self.cells:
            right = [self._right(self.values(candidate, step), item, repeat) for step in STEPS]
            route, extract, reply = (self.values(candidate, step) for step in STEPS)
            self.calls |= {(route, item, repeat), (extract, item, repeat), (reply, right[0], item, repeat)}
            self.cells[key] = float(all(right)) if self.strict else sum(right) / len(right)
        return self.cells[key]

    def _right(self, values: tuple[Any, ...], item: int, repeat: int) -> bool:
        odds = self.strength(values) - self.difficulty[item, STEPS.index(values[0])]
        common = _NORMAL.inv_cdf(_uniform(self.seed, values[0], item, repeat))
        own = _NORMAL.inv_cdf(_uniform(self.seed, values, item, repeat))
        return _NORMAL.cdf((common + own) / math.sqrt(2)) < self.most / (1 + math.exp(-odds))

    def held_out(self, candidate: Candidate) -> float:
        """The expected score on items that no search sees."""
        odds_SN = [
            self.strength(self.values(candidate, step)) - self.difficulty[self.held_out_items, place]
            for place, step in enumerate(STEPS)
        ]
        chances_SN = self.most / (1 + np.exp(-np.array(odds_SN)))
        return float(chances_SN.prod(0).mean() if self.strict else chances_SN.mean())

    def problem(self, seed: int) -> Problem:
        """The task as an optimizer sees it."""
        return Problem(self.space, self.space.default, self.n_train, seed=seed, calls_per_lane=3.0)

    def answer(self, ask: Ask) -> Told:
        """Every cell that is asked for."""
        scores_KN = np.array(
            [[self.score(member, item, ask.repeat) for item in ask.examples] for member in ask.population]
        )
        return Told(scores_KN.mean(1), scores_KN)
