"""A quadratic surface through noisy values, and the way up on it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Surface", "ascent", "fitted"]

_MOST_CROSSED = 22
_ROUNDS = 3
_ASCENT_STEPS = 60


class Surface(NamedTuple):
    """A quadratic: ``slope @ z + z @ bend @ z / 2``, without its constant.

    Args:
        slope_D: at the origin.
        bend_DD: second derivatives, symmetric.
    """

    slope_D: NDArray[np.float64]
    bend_DD: NDArray[np.float64]

    def __call__(self, place_D: Array) -> float:
        """Its height above the origin."""
        return float(self.slope_D @ place_D + place_D @ self.bend_DD @ place_D / 2.0)


def fitted(
    places_KD: Array, values_K: Array, weights_K: Array, groups_K: NDArray[np.int64] | None = None
) -> Surface | None:
    """The surface that weighted Bayesian regression gives.

    Slopes, squares and products have a normal prior each, whose widths and that of the noise are found by
    maximising the evidence; what the values do not support is shrunk away. Products are left out above
    22 dimensions.

    Args:
        places_KD: where values were had, in units in which the region of interest has size about 1.
        values_K: finite.
        weights_K: how much each counts, in (0, 1].
        groups_K: values of different groups are not compared, as when they were had on other examples;
            ``None`` compares all.

    Returns:
        The surface; ``None`` when all values are equal within what is compared, or fewer than four.

    Example::

        >>> places = np.linspace(-1, 1, 50)[:, None]
        >>> surface = fitted(places, -((places[:, 0] - 0.5) ** 2), np.ones(50))
        >>> bool(abs(ascent(surface, np.full(1, -1.0), np.full(1, 1.0), 1.0)[0] - 0.5) < 0.01)
        True

    Source: MacKay, "Bayesian interpolation", Neural Computation 4 (1992).
    """
    if len(values_K) < 4:
        return None
    blocks = _features(places_KD)
    design_KP = _centred(np.concatenate(blocks, axis=1), weights_K, groups_K)
    target_K = _centred(_without_outliers(values_K)[:, None], weights_K, groups_K)[:, 0]
    root_K = np.sqrt(weights_K)
    design_KP *= root_K[:, None]
    target_K *= root_K
    energy, scale = float(target_K @ target_K), float(np.abs(values_K).max())
    if energy <= (1e-12 * scale) ** 2 * len(values_K):
        return None
    kinds_P = np.repeat(np.arange(len(blocks)), [block.shape[1] for block in blocks])
    return _surface(_evidence(design_KP, target_K, kinds_P, float(weights_K.sum())), places_KD.shape[1])


def ascent(surface: Surface, low_D: Array, high_D: Array, radius: float) -> Array:
    """The highest place that accelerated projected gradients find near the origin.

    Args:
        surface: to climb.
        low_D: lower bounds, at most 0.
        high_D: upper bounds, at least 0.
        radius: greatest root mean square of the coordinates.

    Source: Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm" (2009).
    """
    dim = len(surface.slope_D)
    steepness = float(np.linalg.norm(surface.slope_D)) / (radius * math.sqrt(dim))
    curvature = max(float(np.abs(np.linalg.eigvalsh(surface.bend_DD)).max()), steepness)
    best_D = here_D = ahead_D = np.zeros(dim)
    if not curvature > 0:
        return best_D
    height, pace = 0.0, 1.0
    for _ in range(_ASCENT_STEPS):
        step_D = ahead_D + (surface.slope_D + surface.bend_DD @ ahead_D) / curvature
        next_D = _within(step_D, low_D, high_D, radius)
        faster = (1.0 + math.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
        ahead_D = next_D + (pace - 1.0) / faster * (next_D - here_D)
        here_D, pace = next_D, faster
        if (found := surface(here_D)) > height:
            best_D, height = here_D, found
    return best_D


def _features(places_KD: Array) -> list[Array]:
    """Columns of unit variance under standard normal places: slopes, squares, products."""
    blocks = [places_KD, (places_KD**2 - 1.0) / math.sqrt(2.0)]
    if 1 < places_KD.shape[1] <= _MOST_CROSSED:
        first, second = np.triu_indices(places_KD.shape[1], 1)
        blocks.append(places_KD[:, first] * places_KD[:, second])
    return blocks


def _without_outliers(values_K: Array) -> Array:
    """Very low values raised: how deep a hole is does not matter, and no quadratic follows it."""
    middle, upper = np.quantile(values_K, [0.5, 0.75])
    lower = np.quantile(values_K, 0.25)
    return values_K if upper <= lower else np.maximum(values_K, middle - 5.0 * (upper - lower))


def _centred(columns_KP: Array, weights_K: Array, groups_K: NDArray[np.int64] | None) -> Array:
    """Less the weighted mean of each group."""
    if groups_K is None:
        mean_P: Array = weights_K @ columns_KP / weights_K.sum()
        return columns_KP - mean_P
    _, places_K = np.unique(groups_K, return_inverse=True)
    sums_GP = np.zeros((places_K.max() + 1, columns_KP.shape[1]))
    np.add.at(sums_GP, places_K, weights_K[:, None] * columns_KP)
    means_GP = sums_GP / np.bincount(places_K, weights_K)[:, None]
    centred_KP: Array = columns_KP - means_GP[places_K]
    return centred_KP


def _evidence(design_KP: Array, target_K: Array, kinds_P: NDArray[np.int64], count: float) -> Array:
    """Coefficients under the ridge of each kind that MacKay's updates settle on."""
    gram_PP, slopes_P = design_KP.T @ design_KP, design_KP.T @ target_K
    energy = float(target_K @ target_K)
    ridges_B = np.full(int(kinds_P.max()) + 1, 0.1 * count)
    coefficients_P = np.zeros(len(slopes_P))
    for _ in range(_ROUNDS):
        cover_PP = np.linalg.inv(gram_PP + np.diag(ridges_B[kinds_P]))
        coefficients_P = cover_PP @ slopes_P
        determined_P = 1.0 - ridges_B[kinds_P] * np.diag(cover_PP)
        determined_B = np.bincount(kinds_P, determined_P)
        fit = 2.0 * coefficients_P @ slopes_P - coefficients_P @ gram_PP @ coefficients_P
        left = max(energy - float(fit), 1e-12 * energy)
        variance = left / max(count - 1.0 - float(determined_B.sum()), 0.1 * count)
        sizes_B = np.maximum(np.bincount(kinds_P, coefficients_P**2), 1e-300)
        ridges_B = np.clip(determined_B * variance / sizes_B, 1e-3, 1e6)
    return coefficients_P


def _surface(coefficients_P: Array, dim: int) -> Surface:
    bend_DD = np.diag(math.sqrt(2.0) * coefficients_P[dim : 2 * dim])
    if len(coefficients_P) > 2 * dim:
        first, second = np.triu_indices(dim, 1)
        bend_DD[first, second] = bend_DD[second, first] = coefficients_P[2 * dim :]
    return Surface(coefficients_P[:dim], bend_DD)


def _within(place_D: Array, low_D: Array, high_D: Array, radius: float) -> Array:
    """A place in the box and the ball; shrinking towards the origin stays in the box."""
    inside_D = np.clip(place_D, low_D, high_D)
    size = math.sqrt(float((inside_D**2).mean()))
    return inside_D * (radius / size) if size > radius else inside_D
