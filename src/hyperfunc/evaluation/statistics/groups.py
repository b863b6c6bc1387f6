"""Values gathered by the group they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["by_group", "check_level", "chunks", "cluster_means"]


def by_group(
    values_N: ArrayLike, groups: Sequence[Hashable] | None, weights_N: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of the weighted values and sum of the weights of each group, in order of first appearance.

    Without weights these are the sum of the values and their number.
    """
    values = np.asarray(values_N, np.float64)
    if values.ndim != 1 or not len(values):
        raise MetricError(f"a mean needs one value per example, but got shape {values.shape}")
    if not np.isfinite(values).all():
        raise MetricError("a value is NaN or infinite; leave out examples that are missing on either side")
    weights = np.ones(len(values)) if weights_N is None else np.asarray(weights_N, np.float64)
    if weights.shape != values.shape or not (np.isfinite(weights) & (weights > 0)).all():
        raise MetricError(f"{len(values)} values need as many positive weights, but got {weights_N!r:.80}")
    if groups is None:
        return weights * values, weights
    if len(groups) != len(values):
        raise MetricError(f"{len(values)} values have {len(groups)} groups; give one group per example")
    places: dict[Hashable, int] = {}
    index_N = np.array([places.setdefault(group, len(places)) for group in groups])
    sums_G, counts_G = np.bincount(index_N, weights * values), np.bincount(index_N, weights)
    return sums_G.astype(np.float64), counts_G.astype(np.float64)


def chunks(rows: int, columns: int) -> list[int]:
    """``rows`` cut into pieces of at most about 32 MiB of float64 each."""
    step = max(1, 2**22 // columns)
    return [min(step, rows - start) for start in range(0, rows, step)]


def cluster_means(values_N: ArrayLike, groups: Sequence[Hashable]) -> NDArray[np.float64]:
    """The mean of each group, in order of first appearance.

    Args:
        values_N: finite numbers, one per example.
        groups: what each example belongs to, N entries.

    Returns:
        One mean per group, shape ``(G,)``.

    Raises:
        MetricError: no values, NaN, or groups of another length.

    Example::

        >>> cluster_means([1.0, 0.0, 1.0], ["a", "a", "b"]).tolist()
        [0.5, 1.0]
    """
    sums_G, counts_G = by_group(values_N, groups)
    return sums_G / counts_G


def check_level(level: float) -> None:
    """Refuse a level that is no probability.

    Raises:
        MetricError: ``level`` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise MetricError(f"level is {level!r}; give a number between 0 and 1, such as 0.95")
