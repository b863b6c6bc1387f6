from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from benchmarks.evidence.judging import strength_coverage
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import Duel, Strengths, bradley_terry

NAMES = "abcd"
pairs = st.sampled_from(list(itertools.permutations(NAMES, 2)))
results = st.sampled_from([0, 0.5, 1])
duel = st.builds(
    lambda pair, result, group: Duel(pair[0], pair[1], result, group), pairs, results, st.integers(0, 4)
)
duels = st.lists(duel, min_size=1, max_size=30)


def fit(given: list[Duel], **more: Any) -> Strengths:
    return bradley_terry(given, resamples=100, **more)


def many(first: str, second: str, wins: int, losses: int, ties: int) -> list[Duel]:
    results = [1.0] * wins + [0.0] * losses + [0.5] * ties
    return [Duel(first, second, result, n) for n, result in enumerate(results)]


def test_two_candidates_by_hand() -> None:
    # Davidson (1970) for two: strengths are as wins to losses, and nu = ties / sqrt(wins losses).
    found = fit(many("a", "b", 60, 20, 20), spread=1e4)
    assert found.values_K == pytest.approx([math.log(3) / 2, -math.log(3) / 2], abs=1e-6)
    assert found.tie == pytest.approx(20 / math.sqrt(60 * 20), rel=1e-6)
    win, tie = math.sqrt(3), found.tie
    assert found.win_rate("a") == pytest.approx((win + tie / 2) / (win + 1 / win + tie))
    assert found.win_rate("a") == pytest.approx(0.7)


def log_posterior(point: Any, names: Any, given: list[Duel], spread: float) -> float:
    value = -float(np.sum(point**2)) / (2 * spread**2)
    strengths, log_nu = dict(zip(names, point[:-1], strict=True)), point[-1]
    for d in given:
        a, b = strengths[d.first], strengths[d.second]
        logits = {1: a, 0: b, 0.5: log_nu + (a + b) / 2}
        value += logits[d.result] - math.log(sum(math.exp(x) for x in logits.values()))
    return value


@settings(max_examples=60)
@given(duels, st.sampled_from([0.3, 2.0, 10.0]))
def test_law_no_point_near_the_mode_is_likelier(given: list[Duel], spread: float) -> None:
    found = fit(given, spread=spread)
    mode = np.array([*found.values_K, math.log(found.tie)])
    best = log_posterior(mode, found.names, given, spread)
    for place, step in itertools.product(range(len(mode)), (-1e-3, 1e-3, 0.5, -0.5)):
        point = mode.copy()
        point[place] += step
        assert log_posterior(point, found.names, given, spread) <= best + 1e-12


@settings(max_examples=40)
@given(duels)
def test_law_names_order_and_sides_do_not_matter(given: list[Duel]) -> None:
    found = fit(given)
    turned = fit([Duel(d.second, d.first, 1 - d.result, d.group) for d in reversed(given)])
    for name in found.names:
        one, other = found.interval(name), turned.interval(name)
        assert one.estimate == pytest.approx(other.estimate, abs=1e-7)
    assert list(found.values_K) == sorted(found.values_K, reverse=True)
    assert found.values_K.sum() == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=40)
@given(duels)
def test_law_intervals_are_ordered_finite_and_hold_their_estimate(given: list[Duel]) -> None:
    found = fit(given)
    for one, other in itertools.permutations(found.names, 2):
        gain, loss = found.difference(one, other), found.difference(other, one)
        assert gain.low <= gain.estimate <= gain.high
        assert (gain.low, gain.high) == pytest.approx((-loss.high, -loss.low))
        assert math.isfinite(gain.low) is (found.groups > 1)


def test_an_undefeated_candidate_is_strong_finite_and_not_certain() -> None:
    strengths = [fit(many("a", "b", n, 0, 0)).difference("a", "b") for n in (2, 10, 50)]
    assert [round(s.estimate, 1) for s in strengths] == sorted(round(s.estimate, 1) for s in strengths)
    assert all(0 < s.estimate < 6 and s.low < s.estimate < s.high < 12 for s in strengths)
    assert strengths[0].low < 0 < strengths[1].low


def test_candidates_that_never_met_are_compared_through_others() -> None:
    found = fit([*many("a", "b", 30, 10, 5), *many("b", "c", 30, 10, 5)])
    assert found.names == ("a", "b", "c")
    assert found.difference("a", "c").low > 0


def test_duels_of_one_group_move_together_and_the_interval_knows() -> None:
    rng = np.random.default_rng(0)
    results = [float(x) for x in rng.choice([0.0, 1.0], 20) for _ in range(8)]
    alone = fit([Duel("a", "b", r, n) for n, r in enumerate(results)]).difference("a", "b")
    together = fit([Duel("a", "b", r, n // 8) for n, r in enumerate(results)]).difference("a", "b")
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


def test_one_group_says_nothing_about_others() -> None:
    found = fit([Duel("a", "b", 1), Duel("a", "b", 1)])
    assert (found.interval("a").low, found.interval("a").high) == (-math.inf, math.inf)


def test_the_same_seed_gives_the_same_interval_and_all_can_be_shown() -> None:
    given = many("a", "b", 6, 3, 1)
    assert fit(given, seed=1).interval("a") == fit(given, seed=1).interval("a")
    assert fit(given, seed=1).interval("a") != fit(given, seed=2).interval("a")
    assert str(fit(given)).startswith("a: 6")
    with pytest.raises(MetricError, match="no candidate 'c'; there are a, b"):
        fit(given).interval("c")


@pytest.mark.slow
@pytest.mark.parametrize("correlated", [0.0, 1.0])
def test_intervals_hold_the_truth_about_as_often_as_they_say(correlated: float) -> None:
    rate = strength_coverage(120, 15, correlated)
    assert rate.value >= 0.95 - rate.margin(0.95)


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ([], {}, "no duels"),
        ([Duel("a", "a", 1)], {}, "compared with itself"),
        ([Duel("a", "b", 0.7)], {}, "the result of a duel is 0.7"),
        ([Duel("a", "b", math.nan)], {}, "the result of a duel is nan"),
        ([Duel("a", "b", 1)], {"level": 2.0}, "level is 2.0"),
        ([Duel("a", "b", 1)], {"spread": 0.0}, "spread 0.0"),
        ([Duel("a", "b", 1)], {"resamples": 9}, "resamples is 9"),
    ],
)
def test_what_gives_no_strengths_is_one_clear_error(given: Any, more: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        bradley_terry(given, **more)
