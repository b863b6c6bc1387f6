"""Decisions about children, against simulated truth."""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.reflective import ImprovementOrEqual, Posterior, StrictImprovement
from hyperfunc.optimizers.reflective.acceptance import Evidence

DIFFERENCES = st.lists(st.floats(-1, 1), max_size=12).map(tuple)


def evidence(failing: Any = (), passing: Any = (), share: float = 0.5, **more: Any) -> Evidence:
    known = {"variance": 0.15, "validated": 0, "left": 40, **more}
    return Evidence(tuple(failing), tuple(passing), share, **known)


def judged(luck: random.Random, share: float, fixes: float, breaks: float, rule: Posterior) -> str:
    """A child that fixes some failures and breaks some successes: a batch of 8, half known failures."""
    share_seen = (sum(luck.random() < share for _ in range(30)) + 1) / 32
    failing = [float(luck.random() < fixes) for _ in range(4)]
    passing: list[float] = []
    fresh, validated = 4, 0
    while True:
        for _ in range(fresh):
            if luck.random() < share:
                failing.append(float(luck.random() < fixes))
            else:
                passing.append(-float(luck.random() < breaks))
        verdict = rule.judge(evidence(failing, passing, share_seen, validated=validated, left=40 - validated))
        if verdict.word != "more":
            return verdict.word
        fresh = verdict.more
        validated += fresh


def accepted(share: float, fixes: float, breaks: float, rule: Posterior, n: int = 600) -> float:
    luck = random.Random(1)
    return sum(judged(luck, share, fixes, breaks, rule) == "accept" for _ in range(n)) / n


def test_worse_children_are_seldom_accepted_and_better_ones_mostly() -> None:
    rule = Posterior()
    worse = accepted(0.5, 0.1, 0.35, rule)  # the score falls by .125
    better = accepted(0.5, 0.4, 0.1, rule)  # and rises by .15
    assert worse < 0.2
    assert better > 0.75
    strict = Posterior(accept=0.95, last=0.9)
    assert accepted(0.5, 0.1, 0.35, strict) < 0.02 < worse


def test_a_plain_sum_over_such_batches_takes_the_worse_child_far_more_often() -> None:
    luck = random.Random(2)
    taken = 0
    for _ in range(2000):
        failing = [float(luck.random() < 0.3) for _ in range(4)]
        passing = [-float(luck.random() < 0.2) for _ in range(4)]
        taken += StrictImprovement().judge(evidence(failing, passing)).word == "accept"
    # Nine of ten examples pass, so that this child is worse by .15.
    assert taken / 2000 > 0.45
    assert accepted(0.1, 0.3, 0.2, Posterior()) < 0.15


@pytest.mark.parametrize(("share", "fixes", "breaks"), [(0.1, 0.3, 0.2), (0.5, 0.4, 0.1), (0.8, 0.2, 0.5)])
def test_the_estimate_is_nearly_unbiased_where_the_mean_is_not(
    share: float, fixes: float, breaks: float
) -> None:
    luck, wide = random.Random(3), Posterior(prior=1e6)
    found, plain = [], []
    for _ in range(3000):
        failing = [float(luck.random() < fixes) for _ in range(30)]
        passing: list[float] = []
        for _ in range(30):
            if luck.random() < share:
                failing.append(float(luck.random() < fixes))
            else:
                passing.append(-float(luck.random() < breaks))
        found.append(wide.posterior(evidence(failing, passing, share))[0])
        plain.append(statistics.fmean([*failing, *passing]))
    truth = share * fixes - (1 - share) * breaks
    assert abs(statistics.fmean(found) - truth) < 0.015
    assert abs(statistics.fmean(plain) - truth) > 0.04


def test_the_probability_is_the_frequency_of_better_children() -> None:
    """Gains are drawn from the prior, differences around them: of those with probability p, p are better."""
    luck, rule = random.Random(4), Posterior(prior=0.2)
    groups: dict[int, list[tuple[float, bool]]] = {}
    for _ in range(20000):
        gain = luck.gauss(0, 0.2)
        differences = [luck.gauss(gain, 0.4) for _ in range(12)]
        about = evidence(differences[:6], differences[6:], 0.5, variance=0.16)
        better = rule.posterior(about)[1]
        groups.setdefault(int(better * 5), []).append((better, gain > 0))
    for group in groups.values():
        said, true = statistics.fmean(p for p, _ in group), statistics.fmean(b for _, b in group)
        assert abs(said - true) < 0.05


@given(DIFFERENCES, DIFFERENCES, st.floats(0.01, 0.99), st.floats(0.0, 2), st.integers(0, 40))
def test_verdicts_are_sane(failing: Any, passing: Any, share: float, variance: float, left: int) -> None:
    about = evidence(failing, passing, share, variance=variance, left=left)
    gain, better = Posterior().posterior(about)
    assert math.isfinite(gain)
    assert 0 <= better <= 1
    assert (gain > 0) == (better > 0.5) or math.isclose(better, 0.5)
    verdict = Posterior().judge(about)
    if verdict.word == "more":
        assert 1 <= verdict.more <= left
    mirrored = evidence([-d for d in failing], [-d for d in passing], share, variance=variance)
    assert Posterior().posterior(mirrored)[1] == pytest.approx(1 - better)


def test_without_any_evidence_nothing_is_accepted() -> None:
    for rule in (Posterior(), StrictImprovement(), ImprovementOrEqual()):
        assert rule.judge(evidence()).word == "reject"


def test_sums_are_strict_or_not() -> None:
    equal, higher = evidence([1.0], [-1.0]), evidence([1.0], [-0.5])
    assert StrictImprovement().judge(equal).word == "reject"
    assert ImprovementOrEqual().judge(equal).word == "accept"
    assert StrictImprovement().judge(higher).word == ImprovementOrEqual().judge(higher).word == "accept"
    assert ImprovementOrEqual().judge(evidence([0.0], [-0.5])).word == "reject"
    assert StrictImprovement().judge(higher).gain == 0.25
    assert StrictImprovement().judge(evidence([0.1] * 3, [-0.3])).word == "reject"


def test_examples_are_added_in_blocks_up_to_a_limit() -> None:
    rule = Posterior(block=4, most=10)
    open_: dict[str, Any] = {"failing": [0.0, 0.2], "passing": [0.0]}
    assert rule.judge(evidence(**open_)).more == 4
    assert rule.judge(evidence(**open_, left=3)).more == 3
    assert rule.judge(evidence(**open_, validated=8)).more == 2
    assert rule.judge(evidence(**open_, validated=10)).word == "reject"
    assert rule.judge(evidence(**open_, left=0)).word == "reject"


@pytest.mark.parametrize(
    "wrong",
    [
        {"accept": 0.5}, {"accept": 1.0}, {"reject": 0.7}, {"reject": 0.0}, {"last": 0.5}, {"last": 1.0},
        {"block": 0}, {"most": -1}, {"prior": 0.0}, {"prior": math.nan}, {"prior": math.inf},
        {"accept": math.nan},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SpaceError):
        Posterior(**wrong)
