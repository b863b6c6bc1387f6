"""What is worth trying next: the logarithm of the expected improvement."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


__all__ = ["log_expected_improvement", "log_worth"]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_FAR = -8.0


def log_expected_improvement(
    means_M: NDArray[np.float64], sds_M: NDArray[np.float64], best: float
) -> NDArray[np.float64]:
    """Logarithm of what a place is expected to be better than ``best``; exact where that underflows.

    Source: Ament et al., "Unexpected improvements to expected improvement for Bayesian optimization"
    (2023), equations 8 and 9; far below the best an asymptotic series takes the place of erfcx.
    """
    z = (means_M - best) / sds_M
    near = np.maximum(z, _FAR)
    below = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in near.tolist()])
    direct = np.exp(-0.5 * near**2 - _HALF_LOG_2PI) + near * below
    w = 1.0 / np.minimum(z, _FAR) ** 2
    series = -0.5 * z**2 - _HALF_LOG_2PI + np.log(w * (1 - 3 * w + 15 * w**2 - 105 * w**3))
    return np.log(sds_M) + np.where(z > _FAR, np.log(np.maximum(direct, 1e-300)), series)


def log_worth(
    means_M: NDArray[np.float64], sds_M: NDArray[np.float64], best: float, noise: float
) -> NDArray[np.float64]:
    """Log expected improvement, less where one more noisy look would teach little.

    Without the second part a noisy search looks again and again next to its best place, where a small
    improvement is likely and cannot be seen.

    Args:
        means_M: of the scores at M places.
        sds_M: their standard deviations.
        best: highest mean so far.
        noise: standard deviation that a new candidate's score would have about the truth.

    Source: augmented expected improvement of Huang, Allen, Notz and Zeng, "Global optimization of
    stochastic black-box systems via sequential kriging meta-models" (2006), equation 12.
    """
    gain = log_expected_improvement(means_M, sds_M, best)
    share = (sds_M / max(noise, 1e-9)) ** 2
    root = np.sqrt(1.0 + share)
    return np.asarray(gain + np.log(share / (root * (root + 1.0))))
