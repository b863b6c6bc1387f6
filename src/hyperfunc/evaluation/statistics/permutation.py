"""Permutation tests of paired differences, between groups and within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.rng import generator

from .groups import by_group, chunks

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["permutation_p", "within_group_p"]

_EXACT = 13
"""Up to this many units all sign flips are counted instead of drawn."""


def permutation_p(
    differences_N: ArrayLike,
    *,
    groups: Sequence[Hashable] | None = None,
    weights: ArrayLike | None = None,
    seed: int = 0,
    permutations: int = 10_000,
) -> float:
    """Two-sided p-value of "both candidates are equally good", by flipping signs of whole groups.

    Args:
        differences_N: as in :func:`paired_interval`.
        groups, weights: as in :func:`paired_interval`.
        seed: of the flips that are drawn when there are too many to count all.
        permutations: how many are drawn then, at least 1.

    Returns:
        The share of flips with a mean at least as far from zero; never 0.

    Raises:
        MetricError: nothing to compare, NaN, groups of another length, or no permutations.

    Example::

        >>> permutation_p([1.0, 1.0, 1.0])
        0.25

    Source: Fisher, "The Design of Experiments" (1935), section 21.
    """
    sums_G, _ = by_group(differences_N, groups, weights)
    return _flip_p(sums_G, generator("permutation", seed), permutations)


def within_group_p(
    differences_N: ArrayLike,
    *,
    groups: Sequence[Hashable],
    seed: int = 0,
    permutations: int = 10_000,
) -> float:
    """Two-sided p-value of "no group tells the candidates apart", by flipping pairs inside their groups.

    A pair is one repeat of an example (a prompt, a document) answered by both candidates. Repeats of one
    group are exchanged one by one, so the conclusion is about these groups: a candidate that wins one
    prompt every time may be significant with that prompt alone. About groups not seen, ask
    :func:`permutation_p`, which needs several of them. The statistic is the mean of the group means,
    so that a group with many repeats counts no more than another.

    Args:
        differences_N: score of one candidate minus score of the other, per pair; no NaN.
        groups: what each pair belongs to, N entries.
        seed: of the flips that are drawn when there are more than 13 pairs.
        permutations: how many are drawn then, at least 1.

    Returns:
        The share of flips with a statistic at least as far from zero; never 0.

    Raises:
        MetricError: nothing to compare, NaN, groups of another length, or no permutations.

    Example::

        >>> within_group_p([1.0, 1.0, 1.0], groups=["a", "a", "b"])
        0.25

    Source: Pesarin and Salmaso, "Permutation Tests for Complex Data" (2010), for paired data,
    with permutation confined to strata.
    """
    sums_G, counts_G = by_group(differences_N, groups)
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    index_N = np.array([places[group] for group in groups])
    parts_N = np.asarray(differences_N, np.float64) / counts_G[index_N] / len(sums_G)
    return _flip_p(parts_N, generator("permutation within", seed), permutations)


def _flip_p(parts_U: NDArray[np.float64], rng: np.random.Generator, permutations: int) -> float:
    """The share of sign flips whose total is at least as far from zero as that of ``parts_U``."""
    if permutations < 1:
        raise MetricError(f"permutations is {permutations!r}; give at least 1")
    count = len(parts_U)
    reach = abs(parts_U.sum()) - 1e-9 * np.abs(parts_U).sum()
    if count <= _EXACT:
        codes = np.arange(2**count)[:, None] >> np.arange(count) & 1
        return float(np.mean(np.abs((1.0 - 2.0 * codes) @ parts_U) >= reach))
    extreme = 0
    for rows in chunks(permutations, count):
        flips = 1.0 - 2.0 * rng.integers(0, 2, size=(rows, count))
        extreme += int(np.sum(np.abs(flips @ parts_U) >= reach))
    return (1 + extreme) / (1 + permutations)
