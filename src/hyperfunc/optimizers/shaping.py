"""Fitness shaping: from values of a population to weights of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["natural_utilities", "z_scores"]


def natural_utilities(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by rank that sum to 0: the better half counts, the best most. Ties share, NaN gets 0.

    Args:
        values_K: higher is better; NaN marks members that are left out.

    Returns:
        Weights [K]; all 0 when nothing can be told apart.

    Source: Wierstra et al., "Natural Evolution Strategies", JMLR 15 (2014), section 3.1.
    """
    weights_K = np.zeros(len(values_K))
    valid = np.flatnonzero(np.isfinite(values_K))
    count = len(valid)
    if count < 2:
        return weights_K
    if np.ptp(values_K[valid]) == 0:
        return weights_K
    raw = np.maximum(0.0, np.log(count / 2 + 1) - np.log(np.arange(1, count + 1)))
    by_rank = raw / raw.sum() - 1.0 / count
    _, group, sizes = np.unique(-values_K[valid], return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    totals = np.concatenate([[0.0], np.cumsum(by_rank)])
    shared = (totals[ends] - totals[ends - sizes]) / sizes
    weights_K[valid] = shared[group]
    return weights_K


def z_scores(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values centred and divided by their standard deviation; NaN gets 0, and so does a plateau."""
    scores_K = np.zeros(len(values_K))
    valid = np.isfinite(values_K)
    if valid.sum() < 2:
        return scores_K
    centred = values_K[valid] - values_K[valid].mean()
    spread = centred.std()
    scale = max(1.0, float(np.abs(values_K[valid]).max()))
    if spread > 1e-12 * scale:
        scores_K[valid] = centred / spread
    return scores_K
