"""A Gaussian process on the candidates of an archive, in the units of the scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.optimizers.bayes.encoding import Encoding
from hyperfunc.optimizers.bayes.kernel import Kernel
from hyperfunc.optimizers.bayes.process import Posterior, Prior, fit
from hyperfunc.optimizers.bayes.rows import Measured, Rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.spaces import Candidate, Space

__all__ = ["Surrogate"]


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What the scores so far say about every place of a space.

    Args:
        encoding: where candidates lie.
        rows: what was measured.
        units_RU: where the measured candidates lie in the unit cube.
        posterior: in standardised units.
        level: mean of the rows.
        unit: their standard deviation.
    """

    encoding: Encoding
    rows: Rows
    units_RU: NDArray[np.float64]
    posterior: Posterior
    level: float
    unit: float

    @classmethod
    def of(cls, space: Space, archive: Archive, theta: tuple[float, ...] = ()) -> Surrogate | None:
        """Fits it; ``None`` while fewer than two candidates or only equal scores are known.

        Args:
            space: what is searched.
            archive: what was measured.
            theta: parameters of an earlier fit, to climb from.

        Example::

            surrogate = Surrogate.of(space, state.archive)
            means, sds = surrogate.predict(candidates)
        """
        known = Measured.of(space, archive)
        if known is None:
            return None
        encoding, rows, unit = known.encoding, known.rows, known.unit
        kernel = Kernel.of(encoding)
        typical = float(np.median(rows.counts_R))
        prior = Prior.of(kernel, encoding.at_once(), rows.noise / unit**2, rows.freedom, typical)
        starts = [_rough(prior, kernel)]
        if len(theta) == len(prior.middle_P):
            starts = [np.array(theta)]
        posterior = fit(
            kernel, prior, encoding.columns(known.units_RU), known.values, rows.counts_R, tuple(starts)
        )
        return cls(encoding, rows, known.units_RU, posterior, known.level, unit)

    @property
    def theta(self) -> tuple[float, ...]:
        """The parameters, to begin the next fit with."""
        return tuple(self.posterior.theta_P.tolist())

    @property
    def noise(self) -> float:
        """Standard deviation of one example's score about what its candidate is worth."""
        return float(np.exp(0.5 * self.posterior.theta_P[-1])) * self.unit

    @property
    def look(self) -> float:
        """Noise of a usual candidate's mean score, in standardised units."""
        return float(np.exp(0.5 * self.posterior.theta_P[-1]) / np.sqrt(np.median(self.rows.counts_R)))

    def predict(self, candidates: Sequence[Candidate]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means [C] and standard deviations [C] of what candidates are worth on an average example."""
        units = np.array([self.encoding.space.to_unit(candidate) for candidate in candidates])
        means, sds = self.posterior.at(self.encoding.columns(units.reshape(len(candidates), -1)))
        return self.level + self.unit * means, self.unit * sds

    def ranked(self, caution: float = 0.5) -> tuple[Candidate, ...]:
        """The measured candidates, best first, by mean less ``caution`` standard deviations."""
        means, sds = self.predict(self.rows.candidates)
        worth = np.round((means - caution * sds) / self.unit, 9)
        return tuple(self.rows.candidates[place] for place in np.argsort(-worth, kind="stable"))


def _rough(prior: Prior, kernel: Kernel) -> NDArray[np.float64]:
    """A second point to climb from: short length scales and little noise."""
    theta_P = prior.middle_P.copy()
    theta_P[: len(kernel.is_choice_U)] -= 1.0
    theta_P[-1] -= prior.sd_P[-1]
    return theta_P
