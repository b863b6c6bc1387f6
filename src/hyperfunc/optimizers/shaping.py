"""Fitness shaping: from values of a population to weights of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from hyperfunc.errors import MetricError, SpaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Shaping",
    "centred_ranks",
    "check_shaping",
    "complete_pairs",
    "group_scores",
    "natural_utilities",
    "shaped",
    "z_scores",
]

Shaping = Literal["z", "rank", "group"]
"""How weights follow from values: standardised, by rank, or compared example by example."""


def check_shaping(name: str) -> None:
    """Refuses a name that is not a shaping.

    Raises:
        SpaceError: the name.
    """
    if name not in get_args(Shaping):
        raise SpaceError(f"shaping is {name!r}; give one of {', '.join(map(repr, get_args(Shaping)))}")


def shaped(
    kind: Shaping, values_K: NDArray[np.float64], scores_KN: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Weights [K] of members that sum to 0; what is NaN weighs nothing.

    The weights of ``z`` and ``rank`` have mean square 1. Those of ``group`` have less, the less the
    examples agree on who is better.

    Args:
        kind: of shaping.
        values_K: higher is better; NaN marks members that are left out.
        scores_KN: per example, which ``group`` needs.

    Raises:
        MetricError: ``group`` without scores per example.
    """
    if kind == "z":
        return z_scores(values_K)
    if kind == "rank":
        return z_scores(centred_ranks(values_K))
    if scores_KN is None:
        raise MetricError(
            "shaping='group' compares members example by example, but the metric gave one value for the "
            "whole set; use a metric per item, or shaping='z'"
        )
    return group_scores(np.where(np.isfinite(values_K)[:, None], scores_KN, np.nan))


def complete_pairs(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values, with NaN for both members of a pair (2p, 2p + 1) that lacks one.

    The difference between mirrored members is what an update follows; half of it says nothing.
    """
    pairs = values_K.reshape(-1, 2)
    whole = np.isfinite(pairs).all(axis=1, keepdims=True)
    return np.where(whole, pairs, np.nan).ravel()


def natural_utilities(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights by rank that sum to 0: the better half counts, the best most. Ties share, NaN gets 0.

    Args:
        values_K: higher is better; NaN marks members that are left out.

    Returns:
        Weights [K]; all 0 when nothing can be told apart.

    Source: Wierstra et al., "Natural Evolution Strategies", JMLR 15 (2014), section 3.1.
    """
    count = int(np.isfinite(values_K).sum())
    if count < 2:
        return np.zeros(len(values_K))
    raw = np.maximum(0.0, np.log(count / 2 + 1) - np.log(np.arange(1, count + 1)))
    return _by_rank(values_K, raw / raw.sum() - 1.0 / count)


def centred_ranks(values_K: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks spread evenly over [-0.5, 0.5], the best highest. Ties share, NaN gets 0.

    Returns:
        Weights [K]; all 0 when nothing can be told apart.

    Source: Salimans et al., "Evolution strategies as a scalable alternative to reinforcement learning"
    (2017), section 2.1.
    """
    count = int(np.isfinite(values_K).sum())
    if count < 2:
        return np.zeros(len(values_K))
    return _by_rank(values_K, np.linspace(0.5, -0.5, count))


def _by_rank(values_K: NDArray[np.float64], weights_R: NDArray[np.float64]) -> NDArray[np.float64]:
    """A weight for each rank, the best first; equal values share theirs."""
    weights_K = np.zeros(len(values_K))
    valid = np.flatnonzero(np.isfinite(values_K))
    if np.ptp(values_K[valid]) == 0:
        return weights_K
    _, group, sizes = np.unique(-values_K[valid], return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    totals = np.concatenate([[0.0], np.cumsum(weights_R)])
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


def group_scores(scores_KN: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores centred per example over the population, divided by their common deviation, then averaged.

    How hard an example is cancels even for members that miss some of them. One deviation for all
    examples keeps those that tell nothing apart from being blown up to noise.

    Args:
        scores_KN: NaN where missing.

    Returns:
        Weights [K]; 0 for a member without scores, and all 0 when nothing can be told apart.

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), section 6.3.
    """
    known_KN = np.isfinite(scores_KN)
    members_N = known_KN.sum(axis=0)
    filled_KN = np.where(known_KN, scores_KN, 0.0)
    means_N = filled_KN.sum(axis=0) / np.maximum(members_N, 1)
    centred_KN = np.where(known_KN, filled_KN - means_N, 0.0)
    spread = float(np.sqrt((centred_KN**2).sum() / max(1, int(known_KN.sum()))))
    if spread <= 1e-12 * max(1.0, float(np.abs(filled_KN).max(initial=0.0))):
        return np.zeros(len(scores_KN))
    counts_K = known_KN.sum(axis=1)
    weights_K: NDArray[np.float64] = centred_KN.sum(axis=1) / (spread * np.maximum(counts_K, 1))
    # Missing cells leave members with unlike weights of examples; the mean must not drift for it.
    weights_K[counts_K > 0] -= weights_K[counts_K > 0].mean()
    return weights_K
