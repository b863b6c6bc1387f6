"""What a surrogate is told: one row per candidate, as if all had met examples of average difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.optimizers.bayes.encoding import Encoding

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.spaces import Candidate, Space

__all__ = ["Measured", "Rows", "rows_of"]

_ROUNDS = 6
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Rows:
    """Sufficient statistics of the measured candidates.

    Args:
        candidates: [R].
        means_R: mean score of each, less what its examples were easier than most.
        counts_R: examples behind each mean, repeats included.
        noise: variance of one example's score about its candidate and example; NaN when nothing says it.
        freedom: degrees of freedom of ``noise``; 0 when nothing says it.
    """

    candidates: tuple[Candidate, ...]
    means_R: NDArray[np.float64]
    counts_R: NDArray[np.float64]
    noise: float
    freedom: int

    def __len__(self) -> int:
        return len(self.candidates)


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows of a space that a model can be fitted to.

    Args:
        encoding: where candidates lie.
        rows: what was measured.
        units_RU: where the measured candidates lie in the unit cube.
        level: mean of the rows.
        unit: their standard deviation.
    """

    encoding: Encoding
    rows: Rows
    units_RU: NDArray[np.float64]
    level: float
    unit: float

    @classmethod
    def of(cls, space: Space, archive: Archive) -> Measured | None:
        """What is known; ``None`` while fewer than two candidates or only equal scores are."""
        rows = rows_of(archive)
        if len(rows) < 2 or not space.unit_dim or not np.ptp(rows.means_R) > 0:
            return None
        units_RU = np.array([space.to_unit(candidate) for candidate in rows.candidates])
        return cls(Encoding.of(space), rows, units_RU, float(rows.means_R.mean()), float(rows.means_R.std()))

    @property
    def values(self) -> NDArray[np.float64]:
        """The rows' means, standardised."""
        return (self.rows.means_R - self.level) / self.unit


def rows_of(archive: Archive) -> Rows:
    """One row per candidate that has a score.

    Score = candidate + example + noise is fitted by turns. The examples' effects are shrunk towards 0, so
    that few cells cannot make an example look easy; where all met the same examples they change nothing. A
    repeat has the effect of its examples: those that are looked at again were lucky before, and an effect of
    its own would take their worse luck for a harder repeat.

    Source: a two-way additive model as a control variate; Kleijnen, "Design and Analysis of Simulation
    Experiments" (2015), on common random numbers.
    """
    table = archive.table()
    known_CB = np.isfinite(table.scores_CB)
    kept = known_CB.sum(1) > 0
    known_CB, weights_B = known_CB[kept], table.weights_B
    scores_CB = np.where(known_CB, table.scores_CB[kept], 0.0)
    trust_CB = known_CB * weights_B
    counts_C = trust_CB.sum(1)
    places: dict[tuple[int, ...], int] = {}
    of_B = np.array([places.setdefault(examples, len(places)) for examples, _ in table.blocks], int)
    total_G = np.bincount(of_B, trust_CB.sum(0), len(places))
    means_C = (trust_CB * scores_CB).sum(1) / np.maximum(counts_C, 1.0)
    shift_G = np.zeros(len(places))
    cells, rows = int(known_CB.sum()), len(counts_C)
    freedom = cells - rows - len(places) + 1
    noise = 0.0
    for _ in range(_ROUNDS if rows else 0):
        residual = known_CB * (scores_CB - means_C[:, None] - shift_G[of_B])
        noise = float((trust_CB * residual**2).sum()) / max(1, freedom)
        between = float(np.mean(shift_G**2)) + noise / max(1.0, float(total_G.mean()))
        pull_G = total_G + noise / max(between, _TINY)
        off_B = (trust_CB * (scores_CB - means_C[:, None])).sum(0)
        shift_G = np.bincount(of_B, off_B, len(places)) / np.maximum(pull_G, _TINY)
        shift_G -= float((total_G * shift_G).sum() / total_G.sum())
        means_C = (trust_CB * (scores_CB - shift_G[of_B])).sum(1) / counts_C
    candidates = tuple(
        archive.candidates[name] for name, keep in zip(table.ids, kept.tolist(), strict=True) if keep
    )
    return Rows(candidates, means_C, counts_C, noise if freedom > 0 else float("nan"), max(0, freedom))
