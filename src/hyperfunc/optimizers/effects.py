"""A Bayesian model of scores: what each ingredient of a candidate adds, and what is left over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.spaces import Candidate

__all__ = ["Effects", "fit_effects", "posterior_order"]

_ROUNDS = 4
_BLOCK_VARIANCE = 0.03


@dataclass(frozen=True, slots=True)
class Effects:
    """A posterior over scores.

    Args:
        weights_F: posterior mean of what one unit of each feature adds to the score.
        root_FF: lower Cholesky factor of the weights' posterior precision.
        means_C: posterior mean score of each candidate on an average example.
        sds_C: its standard deviation.
    """

    weights_F: NDArray[np.float64]
    root_FF: NDArray[np.float64]
    means_C: NDArray[np.float64]
    sds_C: NDArray[np.float64]

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Weights [F] drawn from the posterior."""
        standard = rng.normal(size=len(self.weights_F))
        return self.weights_F + np.linalg.solve(self.root_FF.T, standard)


def fit_effects(
    scores_CB: NDArray[np.float64],
    weights_B: NDArray[np.float64],
    features_CF: NDArray[np.float64],
    *,
    effect: float,
    leftover: float,
) -> Effects:
    """Fits score = level + example + features @ weights + candidate + noise.

    Examples, weights and candidates have normal priors. Whatever the features do not explain, such
    as two ingredients that only work together, belongs to the candidate itself. Example effects and
    noise are estimated in a few rounds, given the rest.

    Args:
        scores_CB: score of each candidate on each block of examples; NaN where not measured.
        weights_B: examples behind each block.
        features_CF: what each candidate is made of; the first column must be 1 and is the level.
        effect: prior standard deviation of a weight, in units of the score.
        leftover: prior standard deviation of a candidate's own effect.

    Returns:
        The posterior.

    Source: a linear mixed model, as in Rasmussen and Williams, "Gaussian Processes for Machine
    Learning" (2006), section 2.7, with the example effects by backfitting.
    """
    known = np.isfinite(scores_CB)
    trust_CB = known * weights_B
    scores = np.where(known, scores_CB, 0.0)
    trust_C, trust_B = trust_CB.sum(1), trust_CB.sum(0)
    level = float((scores * trust_CB).sum() / max(1.0, trust_CB.sum()))
    # In units of the spread, so that the priors mean the same for every metric.
    spread = float(np.sqrt((trust_CB * (scores - level) ** 2).sum() / max(1.0, trust_CB.sum()))) or 1.0
    unit = 2.0 * max(spread, 1e-9)
    precision_F = np.full(features_CF.shape[1], 1.0 / (effect * unit) ** 2)
    precision_F[0] = 1.0 / (0.6 * unit) ** 2
    pull_F = np.zeros(len(precision_F))
    pull_F[0] = level * precision_F[0]
    own = (leftover * unit) ** 2
    noise = 0.6 * unit**2 / 4
    means_C = np.full(len(trust_C), level)
    for _ in range(_ROUNDS):
        shift_B = (trust_CB * (scores - means_C[:, None])).sum(0) / (
            trust_B + noise / (_BLOCK_VARIANCE * unit**2)
        )
        average_C = (trust_CB * (scores - shift_B)).sum(1) / np.maximum(trust_C, 1.0)
        error_C = own + noise / np.maximum(trust_C, 1e-9)
        weighted = features_CF / error_C[:, None]
        precision = features_CF.T @ weighted + np.diag(precision_F)
        weights_F = np.linalg.solve(precision, weighted.T @ average_C + pull_F)
        share_C = np.where(trust_C > 0, own / error_C, 0.0)
        means_C = features_CF @ weights_F
        means_C = means_C + share_C * (average_C - means_C)
        residual = trust_CB * (scores - means_C[:, None] - shift_B) ** 2
        freedom = max(1.0, float(known.sum()) - 0.5 * float((trust_C > 0).sum()))
        noise = max(0.04 * unit**2 / 4, float(residual.sum()) / freedom)
    root_FF = np.linalg.cholesky(precision)
    linear_C = (np.linalg.solve(root_FF, features_CF.T) ** 2).sum(0)
    variance_C = linear_C * (1 - share_C) ** 2 + own * (1 - share_C)
    return Effects(weights_F, root_FF, means_C, np.sqrt(variance_C))


def posterior_order(archive: Archive, caution: float = 0.5) -> tuple[Candidate, ...]:
    """Measured candidates, best first, by posterior mean less ``caution`` standard deviations.

    Candidates share nothing but the examples here; a short lucky run is pulled towards the mean.
    """
    measured = [candidate for name, candidate in archive.candidates.items() if archive.count(name)]
    if not measured:
        return ()
    table = archive.table()
    level = np.ones((len(archive), 1))
    effects = fit_effects(table.scores_CB, table.weights_B, level, effect=1.0, leftover=0.3)
    worth = effects.means_C - caution * effects.sds_C
    by_id = dict(zip(table.ids, worth.tolist(), strict=True))
    return tuple(sorted(measured, key=lambda candidate: -by_id[candidate.id]))
