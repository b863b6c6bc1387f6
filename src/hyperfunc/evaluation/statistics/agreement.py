"""Agreement of judges beyond chance: Krippendorff's alpha."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["krippendorff_alpha"]

_LEVELS = ("nominal", "ordinal", "interval", "ratio")


def krippendorff_alpha(values_JN: Iterable[Sequence[Any]], level: str = "interval") -> float:
    r"""How far judges agree beyond chance: 1 is perfect, 0 is chance, below 0 is systematic disagreement.

    ``alpha = 1 - D_o / D_e``. With ``o_ck``, how often values c and k meet within a text, each text of m
    values weighing its pairs ``1 / (m - 1)``, ``n_c = sum_k o_ck`` and ``n = sum_c n_c``::

        alpha = 1 - (n - 1) sum_ck o_ck d_ck / sum_ck n_c n_k d_ck

    where ``d_ck`` is the squared difference of the two values at their level of measurement: 1 unless equal
    (nominal), ``(c - k)^2`` (interval), ``((c - k) / (c + k))^2`` (ratio), or ``(sum_{c<=g<=k} n_g -
    (n_c + n_k) / 2)^2`` (ordinal). Any number of judges; texts with fewer than two values do not count.

    Args:
        values_JN: one row for each judge, one value for each text; ``None`` and NaN are missing. Numbers,
            or for the nominal level any hashable label.
        level: ``"nominal"``, ``"ordinal"``, ``"interval"`` or ``"ratio"``.

    Returns:
        At most 1.

    Raises:
        MetricError: rows of different lengths, an unknown level, a value that the level does not take, no
            text with two values, or values that are all equal, which leaves nothing to agree about.

    Example::

        >>> round(krippendorff_alpha([[0, 1, 0, 0], [1, 1, 0, None]], "nominal"), 3)
        0.444

    Source: Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), whose examples the tests have.
    """
    if level not in _LEVELS:
        raise MetricError(f"level is {level!r}; use {', '.join(map(repr, _LEVELS))}")
    table = [list(row) for row in values_JN]
    if len({len(row) for row in table}) > 1:
        raise MetricError(
            "judges have judged different numbers of texts; give one value a text, None if missing"
        )
    texts = [[v for v in column if not _is_missing(v)] for column in zip(*table, strict=True)]
    texts = [values for values in texts if len(values) > 1]
    if not texts:
        raise MetricError("no text has two values; agreement needs texts that several judges have judged")
    met_VV, numbers_V = _coincidences(texts, level)
    counts_V = met_VV.sum(1)
    apart_VV = _apart(numbers_V, counts_V, level)
    expected = float(counts_V @ apart_VV @ counts_V)
    if not expected > 0:
        raise MetricError(f"all {len(texts)} texts have the same value, so there is nothing to agree about")
    return 1.0 - (float(counts_V.sum()) - 1.0) * float(np.sum(met_VV * apart_VV)) / expected


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float | np.floating) and math.isnan(value))


def _coincidences(texts: list[list[Any]], level: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How often values meet, and the values as numbers in ascending order (places for labels)."""
    seen = dict.fromkeys(value for values in texts for value in values)
    if level == "nominal":
        order, numbers = list(seen), [float(place) for place in range(len(seen))]
    else:
        order = sorted(seen, key=lambda value: _number(value, level))
        numbers = [_number(value, level) for value in order]
    places: Mapping[Any, int] = {value: place for place, value in enumerate(order)}
    met_VV = np.zeros((len(order), len(order)))
    for values in texts:
        counts_V = np.bincount([places[value] for value in values], minlength=len(order)).astype(float)
        met_VV += (np.outer(counts_V, counts_V) - np.diag(counts_V)) / (len(values) - 1)
    return met_VV, np.array(numbers)


def _number(value: Any, level: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or (level == "ratio" and number < 0):
        least = " of at least 0" if level == "ratio" else ""
        raise MetricError(f"the {level} level takes finite numbers{least}, and a judge gave {value!r:.40}")
    return number


def _apart(numbers_V: NDArray[np.float64], counts_V: NDArray[np.float64], level: str) -> NDArray[np.float64]:
    """The squared difference of each two values."""
    if level == "nominal":
        return 1.0 - np.eye(len(numbers_V))
    if level == "ordinal":
        # The rank of the middle of each value's block: differences of them are the sums of the formula.
        numbers_V = np.cumsum(counts_V) - counts_V / 2
    apart_VV = numbers_V[:, None] - numbers_V
    if level == "ratio":
        sums_VV = numbers_V[:, None] + numbers_V
        apart_VV = apart_VV / np.where(sums_VV > 0, sums_VV, 1.0)
    return np.asarray(apart_VV**2, np.float64)
