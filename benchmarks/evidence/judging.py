"""Simulated judges with a known truth: how often intervals of calibrations and rankings cover it."""

from __future__ import annotations

import itertools
import math
from functools import cache
from statistics import NormalDist

import numpy as np

from hyperfunc.evaluation.statistics import Duel, auc_interval, bradley_terry
from hyperfunc.rng import generator

from .simulations import Rate

STRENGTHS = (0.6, 0.2, 0.0, -0.8)
"""Log strengths of four candidates."""

LOG_TIE = -0.3


def auc_coverage(repetitions: int, count: int, apart: float) -> Rate:
    """How often the 95 % interval holds the area, for so many normal scores on each side."""
    truth = NormalDist().cdf(apart / math.sqrt(2))
    rng, hits = generator("auc", count, apart), 0
    for _ in range(repetitions):
        found = auc_interval(rng.normal(apart, size=count), rng.normal(size=count))
        hits += found.low <= truth <= found.high
    return Rate(hits, repetitions)


def prompt_duels(rng: np.random.Generator, prompts: int, correlated: float) -> list[Duel]:
    """All pairs on each prompt; a prompt shifts the strengths, which its duels share."""
    duels = []
    for prompt in range(prompts):
        shifted = np.array(STRENGTHS) + correlated * rng.normal(size=len(STRENGTHS))
        for one, other in itertools.combinations(range(len(STRENGTHS)), 2):
            logits = np.array([shifted[one], shifted[other], LOG_TIE + (shifted[one] + shifted[other]) / 2])
            chances = np.exp(logits) / np.exp(logits).sum()
            duels.append(Duel(str(one), str(other), float(rng.choice([1.0, 0.0, 0.5], p=chances)), prompt))
    return duels


@cache
def _true_difference(correlated: float) -> float:
    """What many prompts say of the first against the third."""
    duels = prompt_duels(generator("many prompts", correlated), 4000, correlated)
    return bradley_terry(duels, resamples=100).difference("0", "2").estimate


def strength_coverage(repetitions: int, prompts: int, correlated: float) -> Rate:
    """How often the 95 % interval of a difference of log strengths holds what many prompts would say."""
    truth, hits = _true_difference(correlated), 0
    for seed in range(repetitions):
        duels = prompt_duels(generator("prompts", prompts, correlated, seed), prompts, correlated)
        found = bradley_terry(duels, seed=seed, resamples=300).difference("0", "2")
        hits += found.low <= truth <= found.high
    return Rate(hits, repetitions)
