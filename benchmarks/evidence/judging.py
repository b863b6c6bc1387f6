"""Judges with a known truth: how often their intervals cover it, and what broken answers become."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
from collections.abc import Iterator
from functools import cache
from statistics import NormalDist

import numpy as np

from benchmarks.report_table import Table
from hyperfunc.errors import JudgeFailed
from hyperfunc.evaluation.judges import LLMJudge
from hyperfunc.evaluation.statistics import Duel, auc_interval, bradley_terry
from hyperfunc.rng import generator
from hyperfunc.testing import ScriptedClient

from .simulations import Rate

STRENGTHS = (0.6, 0.2, 0.0, -0.8)
"""Log strengths of four candidates."""

LOG_TIE = -0.3


def measure(table: Table) -> None:
    """All figures of judges."""
    repetitions = 400 if table.quick else 2000
    rates = [auc_coverage(repetitions, count, apart) for count in (8, 20, 50) for apart in (0.0, 1.0, 2.5)]
    goal = 0.95 - rates[0].margin(0.95)
    least = min(rate.value for rate in rates)
    table.add("AUC of a judge: coverage of 95 %, 8 to 50 texts a side", least, at_least=goal)
    repetitions = 100 if table.quick else 500
    pairs = [strength_coverage(repetitions, prompts, c) for prompts in (6, 15, 40) for c in (0.0, 1.0)]
    goal = 0.95 - pairs[0].margin(0.95)
    least = min(rate.value for rate in pairs)
    table.add("strengths from pairs: coverage of 95 %, 6 to 40 prompts", least, at_least=goal)
    scores, invented = broken_answers(2000 if table.quick else 10_000)
    table.add("broken answers of a judge that became a score they do not say", invented, at_most=0,
              note=f"{scores} were still right")  # fmt: skip


def broken_answers(count: int) -> tuple[int, int]:
    """How many broken answers gave a score, and how many of these say something else or nothing."""
    judge = LLMJudge("judge", "Is it good?", scale=(0, 9), retries=0)
    scores = invented = 0
    with asyncio.Runner() as runner:
        for answer in _broken(count):
            with ScriptedClient([answer]).answering("judge"):
                try:
                    found = runner.run(judge.score("a text", None, {})).score
                except JudgeFailed:
                    continue
            scores += 1
            invented += round(found * 9, 9) != json.loads(answer)["score"]["score"]
    return scores, invented


def _broken(count: int) -> Iterator[str]:
    rng = random.Random(0)
    for _ in range(count):
        answer = list('{"score": {"reason": "a good text", "score": 7}}')
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(answer) + 1)
            answer[place : place + rng.randint(0, 2)] = rng.choice(["", rng.choice('{}[]",:019.-eE tn\\')])
        yield "".join(answer)


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
