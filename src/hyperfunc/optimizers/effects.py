"""A Bayesian model of scores: what each ingredient of a candidate adds, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.spaces import Candidate

__all__ = ["Effects", "fit_effects", "posterior_means", "posterior_order"]

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Effects:
    """A posterior over scores.

    Args:
        weights_F: posterior mean of what one unit of each feature adds to the score.
        root_FF: lower Cholesky factor of the weights' posterior precision.
        means_C: posterior mean score of each candidate on an average example.
        sds_C: its standard deviation.
        prior: standard deviation of a weight that nothing is known of.
    """

    weights_F: NDArray[np.float64]
    root_FF: NDArray[np.float64]
    means_C: NDArray[np.float64]
    sds_C: NDArray[np.float64]
    prior: float

    def draw(self, rng: np.random.Generator, width: int) -> NDArray[np.float64]:
        """Weights [width] from the posterior, and from the prior for features no candidate has yet."""
        known = len(self.weights_F)
        standard = rng.normal(size=width)
        seen = self.weights_F + np.linalg.solve(self.root_FF.T, standard[:known])
        return np.concatenate([seen, self.prior * standard[known:]])


def fit_effects(
    scores_CB: NDArray[np.float64],
    weights_B: NDArray[np.float64],
    features_CF: NDArray[np.float64],
    *,
    effect: float,
    leftover: float,
) -> Effects:
    """Fits score = features @ weights + candidate + example + noise.

    All four have normal priors. Whatever the features do not explain, such as two ingredients that
    only work together, belongs to the candidate itself. Examples are told apart so that a candidate
    is not good for having met easy ones; how much they differ, and the noise, are estimated on the way.

    Args:
        scores_CB: score of each candidate on each block of examples; NaN where not measured.
        weights_B: examples behind each block.
        features_CF: what each candidate is made of; the first column must be 1 and is the level.
        effect: prior standard deviation of a weight, in standard deviations of all scores.
        leftover: prior standard deviation of a candidate's own effect, in the same unit.

    Returns:
        The posterior, in the unit of the scores.

    Source: a linear mixed model; Rasmussen and Williams, "Gaussian Processes for Machine Learning"
    (2006), section 2.7; examples, noise and weights are fitted in turn, as in expectation maximisation.
    """
    data = _Data(scores_CB, weights_B)
    unit = data.spread()
    own, noise, between = (leftover * unit) ** 2, 0.6 * unit**2, 0.12 * unit**2
    prior_F = np.full(features_CF.shape[1], (effect * unit) ** -2)
    prior_F[0] = (1.2 * unit) ** -2
    pull_F = np.zeros(len(prior_F))
    pull_F[0] = data.level() * prior_F[0]
    means_C = np.full(len(scores_CB), data.level())
    for _ in range(_ROUNDS):
        shift_B, between = data.shifts(means_C, noise, between)
        average_C, error_C = data.averages(shift_B), own + noise / np.maximum(data.trust_C, 1e-9)
        precision_FF = features_CF.T @ (features_CF / error_C[:, None]) + np.diag(prior_F)
        weights_F = np.linalg.solve(precision_FF, features_CF.T @ (average_C / error_C) + pull_F)
        share_C = own / error_C
        linear_C = features_CF @ weights_F
        means_C = linear_C + share_C * (average_C - linear_C)
        noise = data.noise(means_C, shift_B)
    root_FF = np.linalg.cholesky(precision_FF)
    doubt_C = (np.linalg.solve(root_FF, features_CF.T) ** 2).sum(0)
    sds_C = np.sqrt(doubt_C * (1 - share_C) ** 2 + own * (1 - share_C))
    # Candidates that are equal but for rounding must be ranked alike wherever the sums are made.
    means_C, sds_C = (unit * np.round(values_C / unit, 9) for values_C in (means_C, sds_C))
    return Effects(weights_F, root_FF, means_C, sds_C, effect * unit)


class _Data:
    """Scores with missing cells, and the averages that the fit needs of them."""

    def __init__(self, scores_CB: NDArray[np.float64], weights_B: NDArray[np.float64]) -> None:
        known = np.isfinite(scores_CB)
        self._scores_CB = np.where(known, scores_CB, 0.0)
        self._trust_CB = known * weights_B
        self._cells = float(known.sum())
        self.trust_C, self._trust_B = self._trust_CB.sum(1), self._trust_CB.sum(0)
        self._total = max(1.0, float(self._trust_CB.sum()))

    def level(self) -> float:
        """The mean score."""
        return float((self._scores_CB * self._trust_CB).sum() / self._total)

    def spread(self) -> float:
        """The standard deviation of all scores; 1 when all are equal."""
        variance = (self._trust_CB * (self._scores_CB - self.level()) ** 2).sum() / self._total
        return float(np.sqrt(variance)) or 1.0

    def shifts(
        self, means_C: NDArray[np.float64], noise: float, between: float
    ) -> tuple[NDArray[np.float64], float]:
        """How much easier each block is than most, and how much blocks differ."""
        firmness_B = self._trust_B + noise / between
        shift_B = (self._trust_CB * (self._scores_CB - means_C[:, None])).sum(0) / firmness_B
        spread_B = shift_B**2 + noise / firmness_B
        # One block in doubt weighs as much as ten measured ones, so that few blocks cannot decide.
        estimate = (10 * between + spread_B.sum()) / (10 + len(spread_B))
        return shift_B, float(estimate)

    def averages(self, shift_B: NDArray[np.float64]) -> NDArray[np.float64]:
        """Each candidate's mean score, had its blocks been of average difficulty."""
        totals_C = (self._trust_CB * (self._scores_CB - shift_B)).sum(1)
        return np.asarray(totals_C / np.maximum(self.trust_C, 1.0))

    def noise(self, means_C: NDArray[np.float64], shift_B: NDArray[np.float64]) -> float:
        """Variance of what neither candidates nor blocks explain."""
        residual = (self._trust_CB * (self._scores_CB - means_C[:, None] - shift_B) ** 2).sum()
        freedom = max(1.0, self._cells - 0.5 * float((self.trust_C > 0).sum()))
        return max(0.04 * self.spread() ** 2, float(residual) / freedom)


def posterior_order(archive: Archive, caution: float = 0.5) -> tuple[Candidate, ...]:
    """Measured candidates, best first, by posterior mean less ``caution`` standard deviations.

    Candidates share nothing but the examples here; a short lucky run is pulled towards the mean.
    """
    worth = posterior_means(archive, caution)
    measured = (archive.candidates[name] for name in worth)
    return tuple(sorted(measured, key=lambda candidate: -worth[candidate.id]))


def posterior_means(archive: Archive, caution: float = 0.0) -> dict[str, float]:
    """By id, the posterior mean of every measured candidate less ``caution`` standard deviations."""
    table = archive.table()
    if not len(table.blocks):
        return {}
    level = np.ones((len(archive), 1))
    effects = fit_effects(table.scores_CB, table.weights_B, level, effect=2.0, leftover=0.6)
    worth = (effects.means_C - caution * effects.sds_C).tolist()
    return {name: value for name, value in zip(table.ids, worth, strict=True) if archive.count(name)}
