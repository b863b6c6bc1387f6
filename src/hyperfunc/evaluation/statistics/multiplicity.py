"""P-values adjusted for how many comparisons were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["benjamini_hochberg", "holm"]


def holm(p_K: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted so that the chance of any false finding stays at the level they are held against.

    Args:
        p_K: p-values of K comparisons, each in [0, 1]; they may depend on each other in any way.

    Returns:
        Adjusted p-values, shape ``(K,)``, in the order given: with ``p_(1) <= p_(2) <= ...``,
        ``max over j <= i of min(1, (K - j + 1) p_(j))``.

    Raises:
        MetricError: no p-values, or one outside [0, 1].

    Example::

        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6 (1979),
    section 3.
    """
    values_K, order_K = _sorted(p_K)
    count = len(values_K)
    steps_K = np.maximum.accumulate(values_K * np.arange(count, 0, -1))
    return _restored(steps_K, order_K)


def benjamini_hochberg(p_K: ArrayLike) -> NDArray[np.float64]:
    """P-values adjusted so that the expected share of false findings stays at the level.

    Args:
        p_K: p-values of K comparisons, each in [0, 1], independent or positively dependent.

    Returns:
        Adjusted p-values, shape ``(K,)``, in the order given: with ``p_(1) <= p_(2) <= ...``,
        ``min over j >= i of min(1, K p_(j) / j)``.

    Raises:
        MetricError: no p-values, or one outside [0, 1].

    Example::

        >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.04, 0.04]

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995), formula 1.
    """
    values_K, order_K = _sorted(p_K)
    count = len(values_K)
    scaled_K = values_K * count / np.arange(1, count + 1)
    steps_K = np.minimum.accumulate(scaled_K[::-1])[::-1]
    return _restored(steps_K, order_K)


def _sorted(p_K: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    values_K = np.asarray(p_K, np.float64)
    if values_K.ndim != 1 or not len(values_K):
        raise MetricError(f"p_K needs one p-value per comparison, but has shape {values_K.shape}")
    if not ((values_K >= 0) & (values_K <= 1)).all():
        raise MetricError("p_K holds a value outside [0, 1]; leave out comparisons without a p-value")
    order_K = np.argsort(values_K, kind="stable")
    return values_K[order_K], order_K


def _restored(steps_K: NDArray[np.float64], order_K: NDArray[np.intp]) -> NDArray[np.float64]:
    adjusted_K = np.empty_like(steps_K)
    adjusted_K[order_K] = np.minimum(steps_K, 1.0)
    return adjusted_K
