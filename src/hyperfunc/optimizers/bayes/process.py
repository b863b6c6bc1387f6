"""A Gaussian process whose rows are means of different numbers of noisy scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.optimizers.bayes.ascent import minimise
from hyperfunc.optimizers.bayes.kernel import Kernel, squared_distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Posterior", "Prior", "fit", "informative"]

_JITTER = 1e-8
_LENGTH = 0.12
"""Of one knob; with .35 ridges were smoothed away, and noise taken for what was left of them."""
_LENGTH_SD = 0.75
_VARIANCE_SD = 0.8
_NOISE = 0.03
_NOISE_SD = 2.0
_FIT_ROWS = 160


@dataclass(frozen=True, slots=True)
class Prior:
    """Log-normal priors of the parameters: length scales, variances, and last the noise of one example.

    Args:
        middle_P: their medians, as logarithms.
        sd_P: standard deviations of the logarithms.
    """

    middle_P: NDArray[np.float64]
    sd_P: NDArray[np.float64]

    @classmethod
    def of(cls, kernel: Kernel, at_once: int, noise: float, freedom: int, typical: float) -> Prior:
        """Length scales grow with the square root of the number of knobs, or everything would be far apart.

        Args:
            kernel: whose parameters they are.
            at_once: knobs that matter together.
            noise: variance of one example's score in standardised units; NaN when unknown.
            freedom: degrees of freedom behind it.
            typical: examples behind a usual row.

        Source: Hvarfner, Hellsten and Nardi, "Vanilla Bayesian optimization performs great in high
        dimensions" (2024), on the growth with the dimension.
        """
        dims = len(kernel.is_choice_U)
        lengths = np.full(dims, math.log(_LENGTH * math.sqrt(max(1, at_once))))
        lengths[kernel.is_choice_U] = math.log(0.8)
        variances = np.full(kernel.variances, -math.log(kernel.variances))
        # What is guessed where nothing is known weighs as much as one degree of freedom: a few looks that
        # happen to agree do not make scores exact.
        guess = _NOISE * typical
        if freedom:
            guess = (guess + freedom * noise) / (1.0 + freedom)
        sd = min(_NOISE_SD, math.sqrt(2.0 / freedom)) if freedom else _NOISE_SD
        spread = [_LENGTH_SD] * dims + [_VARIANCE_SD] * kernel.variances + [sd]
        return cls(np.concatenate([lengths, variances, [math.log(guess)]]), np.array(spread))

    def cost(self, theta_P: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Negative logarithm of the density of the logarithms, and its slope."""
        away = (theta_P - self.middle_P) / self.sd_P
        return 0.5 * float(away @ away), away / self.sd_P


@dataclass(frozen=True, slots=True)
class Posterior:
    """What is believed about scores, in standardised units.

    Args:
        kernel: how alike scores are.
        theta_P: parameters of the kernel, and last the noise of one example.
        columns_NF: where rows lie.
        values_N: what was seen there.
        noise_N: variance of each row's mean.
        level: of scores that nothing is known of.
        root_NN: inverse of the lower Cholesky factor of the rows' covariance.
        pull_N: covariance inverse times what rows differ from the level.
    """

    kernel: Kernel
    theta_P: NDArray[np.float64]
    columns_NF: NDArray[np.float64]
    values_N: NDArray[np.float64]
    noise_N: NDArray[np.float64]
    level: float
    root_NN: NDArray[np.float64]
    pull_N: NDArray[np.float64]

    @classmethod
    def given(
        cls,
        kernel: Kernel,
        theta_P: NDArray[np.float64],
        columns_NF: NDArray[np.float64],
        values_N: NDArray[np.float64],
        noise_N: NDArray[np.float64],
        level: float | None = None,
    ) -> Posterior:
        """The posterior for known parameters; the level is estimated when it is not given."""
        cov = kernel.between(theta_P, columns_NF, columns_NF)
        cov[np.diag_indices_from(cov)] += noise_N + _JITTER * kernel.variance(theta_P)
        root_NN = np.linalg.inv(np.linalg.cholesky(cov))
        if level is None:
            ones = root_NN.sum(1)
            level = float(ones @ (root_NN @ values_N) / (ones @ ones))
        pull_N = root_NN.T @ (root_NN @ (values_N - level))
        return cls(kernel, theta_P, columns_NF, values_N, noise_N, level, root_NN, pull_N)

    def at(self, columns_MF: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means [M] and standard deviations [M] of scores without noise."""
        cross_NM = self.kernel.between(self.theta_P, self.columns_NF, columns_MF)
        left = self.root_NN @ cross_NM
        variance = self.kernel.variance(self.theta_P) - (left * left).sum(0)
        return self.level + cross_NM.T @ self.pull_N, np.sqrt(np.maximum(variance, 1e-12))

    def believing(self, columns_MF: NDArray[np.float64]) -> Posterior:
        """The posterior had these places been tried and shown just what is expected of them.

        Source: the kriging believer of Ginsbourger, Le Riche and Carraro (2010).
        """
        if not len(columns_MF):
            return self
        means_M, _ = self.at(columns_MF)
        sure = np.full(len(means_M), 1e-6 * self.kernel.variance(self.theta_P))
        return Posterior.given(
            self.kernel, self.theta_P, np.concatenate([self.columns_NF, columns_MF]),
            np.concatenate([self.values_N, means_M]), np.concatenate([self.noise_N, sure]), self.level,
        )  # fmt: skip


def fit(
    kernel: Kernel,
    prior: Prior,
    columns_NF: NDArray[np.float64],
    values_N: NDArray[np.float64],
    counts_N: NDArray[np.float64],
    starts: tuple[NDArray[np.float64], ...] = (),
) -> Posterior:
    """The posterior at the most probable parameters.

    Args:
        kernel: how alike scores are.
        prior: of its parameters and the noise.
        columns_NF: where rows lie.
        values_N: their means, standardised.
        counts_N: examples behind each mean; its noise is that of one example, divided by this.
        starts: further parameters to climb from, beside the prior's medians.

    Source: Rasmussen and Williams (2006), equations 5.8 and 5.9; the level is profiled out.
    """
    chosen = informative(values_N)
    squares_UNN = squared_distances(columns_NF[chosen], kernel.owners_F)
    values, weights = values_N[chosen], 1.0 / counts_N[chosen]

    def cost(theta_P: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        price, slope_P = prior.cost(theta_P)
        if np.abs(theta_P).max() > 25.0:
            return math.inf, slope_P
        cov, slopes = kernel.with_slopes(theta_P[:-1], squares_UNN)
        noise = math.exp(theta_P[-1]) * weights
        cov[np.diag_indices_from(cov)] += noise + _JITTER * kernel.variance(theta_P[:-1])
        try:
            root = np.linalg.cholesky(cov)
        except np.linalg.LinAlgError:
            return math.inf, slope_P
        inverse = np.linalg.inv(cov)
        ones = inverse.sum(1)
        level = float(ones @ values / ones.sum())
        pull = inverse @ (values - level)
        price += 0.5 * float(pull @ (values - level)) + float(np.log(np.diag(root)).sum())
        spread = inverse - np.outer(pull, pull)
        slope_P[:-1] += 0.5 * (slopes.reshape(len(slopes), -1) @ spread.ravel())
        slope_P[-1] += 0.5 * float(np.diag(spread) @ noise)
        return price, slope_P

    results = [minimise(cost, np.array(start)) for start in (prior.middle_P, *starts)]
    theta_P = min(results, key=lambda result: result[1])[0]
    return Posterior.given(kernel, theta_P, columns_NF, values_N, math.exp(theta_P[-1]) / counts_N)


def informative(values_N: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows that the parameters are fitted to: all, or when they are many the best half and an even rest."""
    if len(values_N) <= _FIT_ROWS:
        return np.arange(len(values_N))
    best = np.argsort(-values_N, kind="stable")[: _FIT_ROWS // 2]
    rest = np.setdiff1d(np.arange(len(values_N)), best)
    even = rest[np.linspace(0, len(rest) - 1, _FIT_ROWS - len(best)).astype(np.int64)]
    return np.sort(np.concatenate([best, even]))
