"""A smooth guess at the score of settings that were not tried: a Gaussian process on numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Axis", "Surrogate", "fit"]

_LENGTHS = np.geomspace(0.08, 6.0, 10)
_AMPLITUDES = np.geomspace(0.05, 20.0, 9)
_NOISES = np.geomspace(1e-3, 2.0, 8)
_SWEEPS = 3
_MOST = 250
"""Settings that the scales are learnt from; more of them cost time and tell little."""
_JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter that varies, as a coordinate in [0, 1].

    Args:
        name: of the parameter.
        low, high: the least and the greatest value tried.
        log: whether ratios count, not differences.
    """

    name: str
    low: float
    high: float
    log: bool = False

    @classmethod
    def of(cls, name: str, values: Sequence[float]) -> Axis:
        """The axis of the values tried; logarithmic when they are positive and span a factor of 20."""
        low, high = min(values), max(values)
        return cls(name, low, high, low > 0 and high / low >= 20)

    def unit(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values as coordinates."""
        low, high, at = (
            (math.log(self.low), math.log(self.high), np.log(values))
            if self.log
            else (self.low, self.high, values)
        )
        return np.asarray((at - low) / (high - low), np.float64)

    def value(self, unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coordinates as values."""
        if self.log:
            return np.asarray(self.low * (self.high / self.low) ** unit, np.float64)
        return np.asarray(self.low + unit * (self.high - self.low), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """What the scores of tried settings say about others.

    Args:
        points_NK: settings tried, coordinates in [0, 1].
        lengths_K: how far along each coordinate scores are alike.
        amplitude: variance of the surface.
        center: what it returns to far away.
        weights_N: of the settings in a prediction.
        factor_NN: Cholesky factor of the covariance of the noisy means.
    """

    points_NK: NDArray[np.float64]
    lengths_K: NDArray[np.float64]
    amplitude: float
    center: float
    weights_N: NDArray[np.float64]
    factor_NN: NDArray[np.float64]

    def mean(self, at_MK: NDArray[np.float64]) -> NDArray[np.float64]:
        """The predicted score at each point, shape ``(M,)``."""
        kernel_MN = _kernel(at_MK, self.points_NK, self.lengths_K, self.amplitude)
        return np.asarray(self.center + kernel_MN @ self.weights_N, np.float64)

    def covariance(self, at_MK: NDArray[np.float64], to_LK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Posterior covariance of the surface between points, shape ``(M, L)``."""
        half_NM = self._solved(at_MK)
        half_NL = self._solved(to_LK)
        prior_ML = _kernel(at_MK, to_LK, self.lengths_K, self.amplitude)
        return np.asarray(prior_ML - half_NM.T @ half_NL, np.float64)

    def variance(self, at_MK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Posterior variance of the surface at each point, shape ``(M,)``."""
        half_NM = self._solved(at_MK)
        return np.asarray(np.maximum(self.amplitude - np.sum(half_NM**2, 0), 0.0), np.float64)

    def draws(self, at_MK: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Surfaces that the scores allow, at the points, shape ``(count, M)``."""
        covariance_MM = self.covariance(at_MK, at_MK)
        values_M, vectors_MM = np.linalg.eigh(covariance_MM)
        root_MM = vectors_MM * np.sqrt(np.maximum(values_M, 0.0))
        normal_CM = rng.standard_normal((count, len(at_MK)))
        return np.asarray(self.mean(at_MK) + normal_CM @ root_MM.T, np.float64)

    def _solved(self, at_MK: NDArray[np.float64]) -> NDArray[np.float64]:
        kernel_NM = _kernel(self.points_NK, at_MK, self.lengths_K, self.amplitude)
        return np.asarray(np.linalg.solve(self.factor_NN, kernel_NM), np.float64)


def fit(
    points_NK: NDArray[np.float64], means_N: NDArray[np.float64], noise_N: NDArray[np.float64] | None
) -> Surrogate:
    """A Gaussian process with a Matérn 5/2 kernel, one length per coordinate, and known noise.

    Lengths and amplitude maximise the marginal likelihood times a broad prior (lengths near 0.7,
    amplitude near the spread of the means), by coordinates in turn over fixed lists, so that equal data
    gives equal answers.

    Args:
        points_NK: settings, coordinates in [0, 1].
        means_N: their mean scores.
        noise_N: variances of these means; learnt as one number when not given.

    Returns:
        The surrogate.

    Example::

        surface = fit(np.array([[0.0], [0.5], [1.0]]), np.array([0.1, 0.9, 0.2]), np.full(3, 1e-4))
        surface.mean(np.array([[0.5]]))

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), algorithm 2.1 and
    equation 4.17.
    """
    spread = float(means_N.std()) or 1.0
    values_N = means_N / spread
    known_N = None if noise_N is None else noise_N / spread**2
    some = np.unique(np.linspace(0, len(values_N) - 1, _MOST).astype(int))
    chosen = _scales(points_NK[some], values_N[some], None if known_N is None else known_N[some])
    lengths_K, amplitude, learnt = chosen[:-2], float(chosen[-2]), float(chosen[-1])
    noise = np.full(len(values_N), learnt) if known_N is None else known_N
    covariance_NN = _covariance(points_NK, lengths_K, amplitude, noise)
    factor_NN = np.asarray(np.linalg.cholesky(covariance_NN), np.float64)
    center, weights_N = _center(factor_NN, values_N)
    return Surrogate(
        points_NK, lengths_K, amplitude * spread**2, center * spread, weights_N / spread, factor_NN * spread
    )


def _scales(
    points_NK: NDArray[np.float64], values_N: NDArray[np.float64], known_N: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Lengths, amplitude and noise, chosen one after the other until nothing changes."""
    count = points_NK.shape[1]
    choices = [*[_LENGTHS] * count, _AMPLITUDES, _NOISES if known_N is None else np.array([1.0])]
    chosen_S = np.array([*[0.7] * count, 1.0, 0.1])

    def worth(scales_S: NDArray[np.float64]) -> float:
        noise = np.full(len(values_N), scales_S[-1]) if known_N is None else known_N
        lengths_K, amplitude = scales_S[:-2], float(scales_S[-2])
        likelihood = _likelihood(_covariance(points_NK, lengths_K, amplitude, noise), values_N)
        far = float(np.sum((np.log(lengths_K / 0.7)) ** 2)) + math.log(amplitude) ** 2 / 2
        return likelihood - far / 2

    best = worth(chosen_S)
    for _ in range(_SWEEPS):
        before = best
        for place, options in enumerate(choices):
            for option in options:
                tried_S = chosen_S.copy()
                tried_S[place] = option
                value = worth(tried_S)
                if value > best + 1e-9:
                    best, chosen_S = value, tried_S
        if best <= before + 1e-6:
            break
    return chosen_S


def _covariance(
    points_NK: NDArray[np.float64],
    lengths_K: NDArray[np.float64],
    amplitude: float,
    noise: NDArray[np.float64],
) -> NDArray[np.float64]:
    kernel_NN = _kernel(points_NK, points_NK, lengths_K, amplitude)
    return kernel_NN + np.diag(noise + _JITTER * amplitude)


def _likelihood(covariance_NN: NDArray[np.float64], values_N: NDArray[np.float64]) -> float:
    factor_NN = np.asarray(np.linalg.cholesky(covariance_NN), np.float64)
    center, weights_N = _center(factor_NN, values_N)
    half = float((values_N - center) @ weights_N) / 2
    return -half - float(np.sum(np.log(np.diag(factor_NN))))


def _center(
    factor_NN: NDArray[np.float64], values_N: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """The generalised least squares mean, and the weights of what is left."""
    both = np.linalg.solve(factor_NN, np.stack([values_N, np.ones(len(values_N))], 1))
    solved = np.linalg.solve(factor_NN.T, both)
    center = float(both[:, 0] @ both[:, 1]) / float(both[:, 1] @ both[:, 1])
    return center, solved[:, 0] - center * solved[:, 1]


def _kernel(
    one_MK: NDArray[np.float64],
    other_NK: NDArray[np.float64],
    lengths_K: NDArray[np.float64],
    amplitude: float,
) -> NDArray[np.float64]:
    apart_MN = np.sqrt(np.sum(((one_MK[:, None] - other_NK) / lengths_K) ** 2, -1)) * math.sqrt(5)
    return np.asarray(amplitude * (1 + apart_MN + apart_MN**2 / 3) * np.exp(-apart_MN), np.float64)
