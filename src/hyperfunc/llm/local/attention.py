"""Attention over keys that are shared by many queries, or each query's own, in one exact softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hyperfunc.llm.local.exact import Array, snap
from hyperfunc.llm.local.transformer import PROBABILITY_BITS

__all__ = ["OwnKeys", "Part", "Rows", "SharedKeys", "attention", "causal_mask"]

Rows = slice | NDArray[np.intp]


class Part(Protocol):
    """Some of the keys that some of the queries see."""

    rows: Rows

    def scores(self, q_GHW: Array) -> Array:
        """Scores ``[queries, heads, keys]`` of the queries in ``rows``."""
        ...

    def mix(self, weights_GHT: Array) -> Array:
        """Weighted sums of values ``[queries, heads, width]``."""
        ...


class SharedKeys:
    """Keys and values ``[heads, keys, width]`` that all queries in ``rows`` see, less what a mask hides."""

    def __init__(self, rows: Rows, keys: Array, values: Array, mask: Array | None = None) -> None:
        self.rows, self._keys, self._values, self._mask = rows, keys, values, mask

    def scores(self, q_GHW: Array) -> Array:
        """One product for all queries of a head."""
        scores_HGT: Array = q_GHW.transpose(1, 0, 2) @ self._keys.transpose(0, 2, 1)
        if self._mask is not None:
            scores_HGT += self._mask
        return scores_HGT.transpose(1, 0, 2)

    def mix(self, weights_GHT: Array) -> Array:
        """One product for all queries of a head."""
        mixed_HGW: Array = weights_GHT.transpose(1, 0, 2) @ self._values
        return mixed_HGW.transpose(1, 0, 2)


class OwnKeys:
    """Keys and values ``[queries, heads, keys, width]``, one set for each query, hidden by a mask."""

    rows: Rows = slice(None)

    def __init__(self, keys: Array, values: Array, mask: Array) -> None:
        self._keys, self._values, self._mask = keys, values, mask

    def scores(self, q_GHW: Array) -> Array:
        """One product for each query and head."""
        scores: Array = (self._keys @ q_GHW[..., None])[..., 0]
        scores += self._mask
        return scores

    def mix(self, weights_GHT: Array) -> Array:
        """One product for each query and head."""
        mixed: Array = (weights_GHT[:, :, None] @ self._values)[:, :, 0]
        return mixed


def attention(q_NHW: Array, parts: Sequence[Part]) -> Array:
    """Softmax attention over the union of all parts.

    The weights are rounded to 21 bits, so their sums with values are exact: how keys are cut into parts,
    and how many hidden ones stand between them, changes nothing.

    Args:
        q_NHW: queries ``[tokens, heads, width]``, already scaled.
        parts: together they hold at least one visible key for every query.

    Returns:
        Mixed values ``[tokens, heads, width]``.
    """
    peak = np.full(q_NHW.shape[:2], -np.inf)
    scored = []
    for part in parts:
        scores = part.scores(q_NHW[part.rows])
        peak[part.rows] = np.maximum(peak[part.rows], scores.max(-1))
        scored.append(scores)
    total = np.zeros_like(peak)
    mixed = np.zeros(q_NHW.shape)
    for part, weights in zip(parts, scored, strict=True):
        weights -= peak[part.rows][..., None]
        snap(np.exp(weights, out=weights), 2.0**-PROBABILITY_BITS)
        total[part.rows] += weights.sum(-1)
        mixed[part.rows] += part.mix(weights)
    mixed /= total[..., None]
    return mixed


def causal_mask(length: int) -> Array:
    """``[length, length]``: 0 where a key is not later than its query, minus infinity elsewhere."""
    mask = np.zeros((length, length))
    mask[np.triu_indices(length, 1)] = -np.inf
    return mask
