"""Success rates of several candidates, drawn together as far as chance alone explains their spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["BetaPrior", "Smoothed", "fit_prior", "smooth_rates"]


@dataclass(frozen=True, slots=True)
class BetaPrior:
    """A beta distribution of success rates, ``Beta(mean * strength, (1 - mean) * strength)``.

    Args:
        mean: in (0, 1).
        strength: how many trials it is worth, above 0.
    """

    mean: float
    strength: float

    def __post_init__(self) -> None:
        if not 0 < self.mean < 1:
            raise MetricError(f"mean of the prior is {self.mean!r}; give a number between 0 and 1")
        if not 0 < self.strength < float("inf"):
            raise MetricError(f"strength of the prior is {self.strength!r}; give a finite number above 0")


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """Posterior success rates.

    Args:
        mean_K, deviation_K: posterior mean and standard deviation of each candidate.
        prior: what they were drawn towards.
    """

    mean_K: NDArray[np.float64]
    deviation_K: NDArray[np.float64]
    prior: BetaPrior


def fit_prior(successes_K: ArrayLike, trials_K: ArrayLike) -> BetaPrior:
    r"""The prior that candidates share, by moments, with the noise of finite trials taken out.

    With ``N = sum n_i``, ``p = sum k_i / N``, ``S = sum n_i (k_i / n_i - p)^2`` and candidates that vary
    as ``Var(k_i / n_i) = p (1 - p) (1 + rho (n_i - 1)) / n_i``, equating ``S`` with its expectation gives
    ``rho = (S / (p (1 - p)) - (K - 1)) / (N - sum n_i^2 / N - (K - 1))``; the strength is
    ``1 / rho - 1``. It is at most ``N``, where chance explains the whole spread and the data cannot tell
    a stronger prior from an infinite one, and at least 1.

    Args:
        successes_K: successes of each candidate (sums of scores in [0, 1] will do), at least 0.
        trials_K: examples that each was tried on, at least 1 and at least its successes.

    Returns:
        The prior. A mean of exactly 0 or 1 becomes ``(sum k_i + 1/2) / (N + 1)``.

    Raises:
        MetricError: fewer than two candidates, or counts that are none.

    Example::

        >>> fit_prior([10, 10, 10], [20, 20, 20])  # less spread than chance gives
        BetaPrior(mean=0.5, strength=60.0)

    Source: Kleinman, "Proportions with extraneous variance: single and independent samples", JASA 68
    (1973), the moment estimator with weights ``n_i``.
    """
    wins_K, trials = _counts(successes_K, trials_K)
    candidates, total = len(trials), float(trials.sum())
    if candidates < 2:
        raise MetricError("a prior is learnt from several candidates; give at least two, or name the prior")
    mean = float(wins_K.sum()) / total
    noise = mean * (1 - mean)
    if noise <= 0:
        return BetaPrior((float(wins_K.sum()) + 0.5) / (total + 1), total)
    spread = float(np.sum(trials * (wins_K / trials - mean) ** 2)) / noise
    room = total - float(np.sum(trials**2)) / total - (candidates - 1)
    excess = spread - (candidates - 1)
    # Without repeated trials nothing tells spread between candidates from noise.
    if room <= 1e-9 or excess <= 0:
        return BetaPrior(mean, total)
    return BetaPrior(mean, float(np.clip(room / excess - 1, 1.0, total)))


def smooth_rates(successes_K: ArrayLike, trials_K: ArrayLike, *, prior: BetaPrior | None = None) -> Smoothed:
    """Success rates that were drawn towards a prior, the more the fewer trials they rest on.

    A candidate that was right on 3 of 3 examples is seldom the best of many; its smoothed rate says so.

    Args:
        successes_K, trials_K: as in :func:`fit_prior`; with a prior given, trials may be 0.
        prior: learnt by :func:`fit_prior` from the candidates themselves when not given.

    Returns:
        Mean ``(k + a) / (n + a + b)`` and standard deviation of each posterior beta distribution, arrays of
        shape ``(K,)``.

    Raises:
        MetricError: counts that are none, or fewer than two candidates without a prior.

    Example::

        >>> smooth_rates([3, 60], [3, 100], prior=BetaPrior(0.5, 10)).mean_K.round(3).tolist()
        [0.615, 0.591]

    Source: Gelman and others, "Bayesian Data Analysis" (3rd edition, 2013), sections 2.4 and 5.3.
    """
    wins_K, trials = _counts(successes_K, trials_K, least=0 if prior else 1)
    prior = prior or fit_prior(wins_K, trials)
    weight_K = trials + prior.strength
    mean_K = (wins_K + prior.mean * prior.strength) / weight_K
    return Smoothed(mean_K, np.sqrt(mean_K * (1 - mean_K) / (weight_K + 1)), prior)


def _counts(
    successes_K: ArrayLike, trials_K: ArrayLike, least: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wins_K, trials = np.asarray(successes_K, np.float64), np.asarray(trials_K, np.float64)
    if wins_K.ndim != 1 or wins_K.shape != trials.shape or not len(wins_K):
        raise MetricError(
            f"successes_K has shape {wins_K.shape}, trials_K {trials.shape}; give one of each per candidate"
        )
    if not (np.isfinite(trials) & (trials >= least)).all():
        raise MetricError(f"trials_K holds a number below {least}; leave out candidates without results")
    if not ((wins_K >= 0) & (wins_K <= trials * (1 + 1e-9))).all():
        raise MetricError(
            "successes_K holds a number below 0 or above the trials; give sums of scores in [0, 1]"
        )
    return np.minimum(wins_K, trials), trials
