"""How wide the noise may be: tried on a few members before a search begins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.noise import normals
from hyperfunc.optimizers.lowrank import FactorNoise, rows_and_columns
from hyperfunc.spaces import LowRankStack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.spaces.stacks import Factors

__all__ = ["LADDER", "PROBES", "choose_sigma", "probe_column"]

LADDER: tuple[float, ...] = tuple(0.5 / 2**rung for rung in range(10))
"""Widths that are tried, in units of the weights' scale: from half of it down to a thousandth."""

_PAIRS = 3
_SIGNS = np.array([sign * sigma for sigma in LADDER for _ in range(_PAIRS) for sign in (1, -1)])
PROBES = 1 + len(_SIGNS)
"""Members of a probe: the start, then three mirrored pairs for every width."""

_TOLERATED = 2.0


def probe_column(
    key: int, center: NDArray[np.float32], rank: int | None, unit: float
) -> LowRankStack | NDArray[np.float32]:
    """One array's values for the members of a probe.

    Args:
        key: of the random stream.
        center: the start.
        rank: of the noise; ``None`` is full rank.
        unit: what a width of 1 means for this array.
    """
    amounts = np.concatenate([[0.0], unit * _SIGNS]).astype(np.float32)
    groups = np.concatenate([[0], np.repeat(np.arange(len(_SIGNS) // 2), 2)])
    rows, columns = rows_and_columns(center.shape)
    if rank is None or center.ndim < 2 or rank >= min(rows, columns):
        entries = normals(key, 0, len(_SIGNS) // 2 * center.size).reshape(-1, *center.shape)
        members: NDArray[np.float32] = center + amounts.reshape(-1, *[1] * center.ndim) * entries[groups]
        return members
    noise = FactorNoise(key, center.shape, rank, len(_SIGNS) // 2)

    def source(begin: int, end: int) -> Factors:
        left, right = noise(0, noise.groups)
        places = groups[begin:end]
        return left[places] * amounts[begin:end, None, None], right[places]

    scale = 1 / math.sqrt(rank)
    return LowRankStack(center, source, PROBES, rank=rank, scale=scale, mirrored=False)


def choose_sigma(values_K: NDArray[np.float64]) -> float:
    """The largest width at which members differ and the start is not destroyed.

    Wide noise sees far and tells members apart even on a coarse metric; too wide noise breaks what the
    start can do, and values of broken members say nothing about it. A width is broken when its members
    lose more on average, against the start, than twice what a member differs from the mean of its
    mirrored pair: then the loss that all share hides the slope that a step could follow. On a bowl in
    d dimensions that gives a width of 4 / sqrt(d) of the distance to its bottom, which is also how the
    best step shrinks with d. The comparison needs no unit of the metric. At a start that has nothing to
    lose the widest is taken; where every width breaks it, the one that breaks it least.

    Args:
        values_K: of the members of a probe; NaN where missing.

    Returns:
        The width, in units of the weights' scale.
    """
    start, pairs_SP2 = float(values_K[0]), values_K[1:].reshape(len(LADDER), _PAIRS, 2)
    usable = np.flatnonzero(np.isfinite(pairs_SP2).all(axis=(1, 2)))
    if not len(usable) or not math.isfinite(start):
        return LADDER[len(LADDER) // 2]
    pairs_SP2 = pairs_SP2[usable]
    slopes_S = np.sqrt(np.mean((pairs_SP2[..., 0] - pairs_SP2[..., 1]) ** 2, axis=1)) / 2
    differ_S = slopes_S > 1e-9 * max(1e-9, abs(start))
    if not differ_S.any():
        return LADDER[int(usable[0])]
    losses_S = start - pairs_SP2.mean(axis=(1, 2))
    ratios_S = np.where(differ_S, losses_S / np.where(differ_S, slopes_S, 1.0), np.inf)
    sound = np.flatnonzero(ratios_S <= _TOLERATED)
    return LADDER[int(usable[sound[0] if len(sound) else np.argmin(ratios_S)])]
