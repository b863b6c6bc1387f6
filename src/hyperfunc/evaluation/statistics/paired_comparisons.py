"""Strengths from paired comparisons with ties: Bradley and Terry's model in Davidson's form."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.rng import generator

from .groups import check_level, chunks
from .intervals import Interval
from .student import student_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Duel", "Strengths", "bradley_terry"]

_STEPS = 200
_LONGEST = 2.0
"""No coordinate of a Newton step is longer: far out the curvature promises more than the function holds."""


@dataclass(frozen=True, slots=True)
class Duel:
    """One comparison of two candidates.

    Args:
        first, second: names of candidates; they differ.
        result: 1 when the first is better, 0 when the second is, 0.5 for a tie.
        group: what it belongs to, such as the prompt that both answered; duels of one group are not
            independent.
    """

    first: str
    second: str
    result: float
    group: Hashable = None


@dataclass(frozen=True, slots=True, eq=False)
class Strengths:
    """Candidates in order of strength, the strongest first.

    Args:
        names: of the K candidates.
        values_K: log strengths with mean 0.
        tie: ``nu`` of the model; equals tie with probability ``nu / (2 + nu)``.
        groups: how many groups the duels were of.
        level: of the intervals, in (0, 1).
        samples_BK: log strengths in B bootstrap samples, in the order of ``names``.
        covariance_KK: of the posterior at its mode, as if all duels were independent.
    """

    names: tuple[str, ...]
    values_K: NDArray[np.float64]
    tie: float
    groups: int
    level: float
    samples_BK: NDArray[np.float64] = field(repr=False)
    covariance_KK: NDArray[np.float64] = field(repr=False)

    def interval(self, name: str) -> Interval:
        """The log strength of one candidate, with its interval.

        Raises:
            MetricError: there is no such candidate.
        """
        weights_K = np.zeros(len(self.names))
        weights_K[self._place(name)] = 1.0
        return self._interval(weights_K)

    def difference(self, better: str, worse: str) -> Interval:
        """By how much one log strength is above another; settled when the interval leaves out 0.

        Raises:
            MetricError: there is no such candidate.
        """
        weights_K = np.zeros(len(self.names))
        weights_K[self._place(better)] += 1.0
        weights_K[self._place(worse)] -= 1.0
        return self._interval(weights_K)

    def win_rate(self, name: str) -> float:
        """The share of duels that a candidate is expected to win against all others, ties as halves."""
        place = self._place(name)
        apart = np.delete(self.values_K[place] - self.values_K, place)
        win, tie = np.exp(apart / 2), np.full(len(apart), self.tie)
        return float(np.mean((win + tie / 2) / (win + 1 / win + tie)))

    def _place(self, name: str) -> int:
        if name not in self.names:
            raise MetricError(f"there is no candidate {name!r}; there are {', '.join(self.names)}")
        return self.names.index(name)

    def _interval(self, weights_K: NDArray[np.float64]) -> Interval:
        estimate = float(weights_K @ self.values_K)
        if self.groups == 1:
            return Interval(-math.inf, math.inf, estimate, self.level, "one group")
        tail = (1 + self.level) / 2
        reach = math.sqrt(self.groups / (self.groups - 1)) * student_quantile(tail, self.groups - 1)
        below = NormalDist().cdf(-reach)
        low, high = np.quantile(self.samples_BK @ weights_K, [below, 1 - below])
        # Where no candidate ever lost, no resample shows a loss, and only the model knows that one may come.
        # Strengths are about their mean: the level that all of them share is no part of the spread.
        centered_K = weights_K - weights_K.mean()
        spread = math.sqrt(float(centered_K @ self.covariance_KK @ centered_K))
        error = NormalDist().inv_cdf(tail) * spread
        low, high = min(float(low), estimate - error), max(float(high), estimate + error)
        return Interval(low, high, estimate, self.level, "bootstrap of groups")

    def __str__(self) -> str:
        rows = [f"{name}: {self.win_rate(name):.0%} of duels, {self.interval(name)}" for name in self.names]
        return "\n".join(rows)


def bradley_terry(
    duels: Iterable[Duel],
    *,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = 1000,
    spread: float = 2.0,
) -> Strengths:
    r"""Strengths of candidates from duels with ties, and how sure they are.

    A candidate of log strength ``a`` against one of ``b`` wins, loses and ties in proportion to::

        exp(a) : exp(b) : nu exp((a + b) / 2)

    Log strengths and ``log nu`` have a normal prior of mean 0 and deviation ``spread``, so that a candidate
    that has won every duel stays finite, and candidates that never met are compared through others. What
    is reported is the mode of the posterior. The intervals are percentiles of a bootstrap that draws whole
    groups, widened for few groups, and at least as wide as the posterior is by itself; with one group they
    are infinite.

    Args:
        duels: of at least two candidates.
        level: of the intervals, in (0, 1).
        seed: of the resampling.
        resamples: bootstrap samples drawn, at least 100.
        spread: deviation of the prior on the log scale, above 0. At 2, one who is undefeated in 50 duels with
            another is thought to win 99 of 100.

    Returns:
        The candidates, the strongest first; of equals, the first to appear.

    Raises:
        MetricError: no duels, a result that is none of 1, 0.5 and 0, a duel of a candidate with itself, or
            settings out of range.

    Example::

        >>> found = bradley_terry(Duel("a", "b", result, group=n) for n, result in enumerate([1, 1, 0.5, 1]))
        >>> found.names, 0.5 < found.win_rate("a") < 1
        (('a', 'b'), True)

    Source: Davidson, "On extending the Bradley-Terry model to accommodate ties in paired comparison
    experiments", JASA 65 (1970); the prior as in Caron and Doucet, "Efficient Bayesian
    inference for generalized Bradley-Terry models", J. Comput. Graph. Stat. 21 (2012), normal instead of
    gamma; groups and few groups as for :func:`paired_interval`.
    """
    check_level(level)
    if resamples < 100 or not 0 < spread < math.inf:
        raise MetricError(
            f"resamples is {resamples!r} and spread {spread!r}; give at least 100, and a number above 0"
        )
    names, pairs_P2, counts_GP3 = _counted(list(duels))
    groups = len(counts_GP3)
    modes_1D, curve_1DD = _modes(counts_GP3.sum(0)[None], pairs_P2, len(names), spread)
    whole, covariance = modes_1D[0], np.linalg.inv(curve_1DD[0])
    rng = generator("duels", seed)
    samples = []
    for rows in chunks(resamples, counts_GP3[0].size + (len(names) + 1) ** 2):
        times_BG = rng.multinomial(groups, np.full(groups, 1 / groups), size=rows)
        drawn_BP3 = np.tensordot(times_BG.astype(float), counts_GP3, 1)
        samples.append(_modes(drawn_BP3, pairs_P2, len(names), spread)[0][:, :-1])
    order = np.argsort(-whole[:-1], kind="stable")
    return Strengths(
        names=tuple(names[place] for place in order), values_K=whole[order], tie=math.exp(float(whole[-1])),
        groups=groups, level=level, samples_BK=np.concatenate(samples)[:, order],
        covariance_KK=covariance[np.ix_(order, order)],
    )  # fmt: skip


def _counted(duels: Sequence[Duel]) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64]]:
    """Names, pairs of places, and how often in each group the first of a pair won, lost and tied."""
    if not duels:
        raise MetricError("there are no duels to tell strengths from; compare some candidates")
    for duel in duels:
        if duel.result not in (0, 0.5, 1):
            raise MetricError(f"the result of a duel is {duel.result!r}; give 1, 0.5 for a tie, or 0")
        if duel.first == duel.second:
            raise MetricError(f"{duel.first!r} was compared with itself; compare different candidates")
    names = list(dict.fromkeys(name for duel in duels for name in (duel.first, duel.second)))
    places = {name: place for place, name in enumerate(names)}
    groups = {group: place for place, group in enumerate(dict.fromkeys(duel.group for duel in duels))}
    pairs: dict[tuple[int, int], int] = {}
    rows = []
    for duel in duels:
        one, other, result = places[duel.first], places[duel.second], duel.result
        if one > other:
            one, other, result = other, one, 1 - result
        column = 2 if result == 0.5 else int(result == 0)
        rows.append((groups[duel.group], pairs.setdefault((one, other), len(pairs)), column))
    counts_GP3 = np.zeros((len(groups), len(pairs), 3))
    np.add.at(counts_GP3, tuple(np.array(rows).T), 1.0)
    return names, np.array(list(pairs), np.int64), counts_GP3


def _modes(
    counts_BP3: NDArray[np.float64], pairs_P2: NDArray[np.int64], candidates: int, spread: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mode of the posterior for each of B tables, by Newton's method, and its curvature there:
    ``[B, K + 1]`` and ``[B, K + 1, K + 1]``, ``log nu`` last.

    Given its pair, an outcome has probability proportional to exp of a linear function of the parameters,
    so the posterior is concave and has one mode.
    """
    size, total_BP = candidates + 1, counts_BP3.sum(2)
    prior = 1 / spread**2
    modes_BD = np.zeros((len(counts_BP3), size))
    firsts, seconds = pairs_P2.T
    corner = np.arange(size)
    for _ in range(_STEPS):
        one_BP, other_BP = modes_BD[:, firsts], modes_BD[:, seconds]
        logits_BP3 = np.stack([one_BP, other_BP, modes_BD[:, -1:] + (one_BP + other_BP) / 2], 2)
        chance_BP3 = np.exp(logits_BP3 - logits_BP3.max(2, keepdims=True))
        chance_BP3 /= chance_BP3.sum(2, keepdims=True)
        surplus_BP3 = counts_BP3 - total_BP[:, :, None] * chance_BP3
        slope_BD = -prior * modes_BD
        curve_BDD = np.zeros((len(modes_BD), size, size))
        curve_BDD[:, corner, corner] = prior
        for pair, (one, other) in enumerate(zip(firsts.tolist(), seconds.tolist(), strict=True)):
            win, lose, tie = np.moveaxis(surplus_BP3[:, pair], 1, 0)
            at = np.array([one, other, size - 1])
            slope_BD[:, at] += np.stack([win + tie / 2, lose + tie / 2, tie], 1)
            curve_BDD[:, at[:, None], at] += total_BP[:, pair, None, None] * _spread(chance_BP3[:, pair])
        step_BD = np.linalg.solve(curve_BDD, slope_BD[:, :, None])[:, :, 0]
        longest_B1 = np.abs(step_BD).max(1, keepdims=True)
        modes_BD += step_BD * np.minimum(1.0, _LONGEST / np.maximum(longest_B1, 1e-300))
        if longest_B1.max() < 1e-9:
            break
    return modes_BD, curve_BDD


def _spread(chance_B3: NDArray[np.float64]) -> NDArray[np.float64]:
    """The covariance of what an outcome adds to the exponents: ``[B, 3, 3]``."""
    features_33 = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.5, 1.0]])
    mean_B3 = chance_B3 @ features_33
    square_B33 = np.einsum("bo,ox,oy->bxy", chance_B3, features_33, features_33)
    return np.asarray(square_B33 - mean_B3[:, :, None] * mean_B3[:, None, :], np.float64)
