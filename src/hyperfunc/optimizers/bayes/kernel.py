"""How alike the scores of two candidates are thought to be: Matern kernels over groups of knobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.bayes.encoding import Encoding

__all__ = ["Kernel", "squared_distances"]

_ROOT5 = 5.0**0.5


@dataclass(frozen=True, slots=True)
class Kernel:
    """Matern-5/2 with a length scale per knob.

    With numbers alone or choices alone there is one group, ``a * M``. With both, what options do, what
    numbers do and what numbers do under an option are told apart: ``a * M_options + b * M_numbers +
    c * M_options * M_numbers``. Parameters are logarithms: U length scales, then one or three variances.

    Args:
        is_choice_U: which knobs are choices.
        owners_F: to which knob each column belongs.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), equation 4.17;
    additive and product parts: Duvenaud, Nickisch and Rasmussen, "Additive Gaussian processes" (2011).
    """

    is_choice_U: NDArray[np.bool_]
    owners_F: NDArray[np.int64]

    @classmethod
    def of(cls, encoding: Encoding) -> Kernel:
        """The kernel for a space."""
        return cls(encoding.is_choice_U, encoding.owners_F)

    @property
    def groups(self) -> tuple[NDArray[np.int64], ...]:
        """Knobs of each group."""
        both = (np.flatnonzero(self.is_choice_U), np.flatnonzero(~self.is_choice_U))
        return tuple(group for group in both if len(group))

    @property
    def variances(self) -> int:
        """How many variances there are."""
        return 3 if len(self.groups) == 2 else 1

    def between(
        self, theta_P: NDArray[np.float64], one_NF: NDArray[np.float64], other_MF: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Covariances [N, M]."""
        scale_F = np.exp(-theta_P[: len(self.is_choice_U)])[self.owners_F]
        parts = []
        for group in self.groups:
            mine = np.isin(self.owners_F, group)
            left, right = one_NF[:, mine] * scale_F[mine], other_MF[:, mine] * scale_F[mine]
            squares = (left**2).sum(1)[:, None] + (right**2).sum(1) - 2.0 * left @ right.T
            parts.append(_matern(np.maximum(squares, 0.0))[0])
        return self._combined(theta_P, parts)

    def variance(self, theta_P: NDArray[np.float64]) -> float:
        """Of the score at one place."""
        return float(self._amounts(theta_P).sum())

    def with_slopes(
        self, theta_P: NDArray[np.float64], squares_UNN: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Covariances [N, N] and their derivatives by each parameter [P, N, N].

        Args:
            theta_P: parameters.
            squares_UNN: squared distances by knob, of :func:`squared_distances`.
        """
        scaled_UNN = squares_UNN * np.exp(-2.0 * theta_P[: len(squares_UNN), None, None])
        parts, slopes = zip(*(_matern(scaled_UNN[group].sum(0)) for group in self.groups), strict=True)
        amounts = self._amounts(theta_P)
        found = np.empty((len(theta_P), *scaled_UNN.shape[1:]))
        for place, group in enumerate(self.groups):
            factor = amounts[place] + (amounts[2] * parts[1 - place] if len(parts) == 2 else 0.0)
            found[group] = scaled_UNN[group] * (factor * slopes[place])
        for place, part in enumerate(parts):
            found[len(squares_UNN) + place] = amounts[place] * part
        if len(parts) == 2:
            found[-1] = amounts[2] * parts[0] * parts[1]
        return found[-self.variances :].sum(0), found

    def _amounts(self, theta_P: NDArray[np.float64]) -> NDArray[np.float64]:
        """The variances; what follows them, such as the noise, is not the kernel's."""
        knobs = len(self.is_choice_U)
        return np.asarray(np.exp(theta_P[knobs : knobs + self.variances]))

    def _combined(
        self, theta_P: NDArray[np.float64], parts: list[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        amounts = self._amounts(theta_P)
        if len(parts) == 1:
            return np.asarray(amounts[0] * parts[0])
        return np.asarray(amounts[0] * parts[0] + amounts[1] * parts[1] + amounts[2] * parts[0] * parts[1])


def squared_distances(columns_NF: NDArray[np.float64], owners_F: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared distances [U, N, N] between rows, knob by knob."""
    knobs = int(owners_F.max(initial=-1)) + 1
    squares = (columns_NF[:, None, :] - columns_NF[None, :, :]) ** 2
    return np.stack([squares[:, :, owners_F == knob].sum(-1) for knob in range(knobs)])


def _matern(squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The kernel, and its derivative by a logarithmic length scale per unit of squared scaled distance."""
    far = _ROOT5 * np.sqrt(squares)
    fade = np.exp(-far)
    return (1.0 + far + (5.0 / 3.0) * squares) * fade, (5.0 / 3.0) * (1.0 + far) * fade
