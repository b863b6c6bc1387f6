"""The rows of a running batch: their keys and values, and the beginnings they share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hyperfunc.llm.local.attention import OwnKeys, Part, SharedKeys, attention
from hyperfunc.llm.local.exact import Array
from hyperfunc.llm.local.prefill import Past
from hyperfunc.llm.local.transformer import Transformer

__all__ = ["Slots"]

_GRAIN = 32
_RECENT = 3


class Slots:
    """Active rows lie in front without gaps; a row that ends is replaced by the last one.

    Args:
        model: the network.
        max_rows: number of rows.
    """

    def __init__(self, model: Transformer, max_rows: int) -> None:
        self._model = model
        self.count = 0
        self.max_rows = max_rows
        self._length = np.zeros(max_rows, np.intp)
        self._own = np.zeros(max_rows, np.intp)
        self._recent = np.full((max_rows, _RECENT), -1, np.intp)
        self._shared: list[Past | None] = [None] * max_rows
        self._capacity = 0
        self._pairs = self._allocate(0)

    @property
    def free(self) -> int:
        """Rows that can still be added."""
        return self.max_rows - self.count

    def reserve(self, tokens: int) -> None:
        """Make room for rows with this many own tokens; an empty batch also gives room back."""
        if self.count == 0 and tokens * 4 < self._capacity:
            self._capacity = 0
        if tokens > self._capacity:
            old, kept = self._pairs, int(self._own[: self.count].max(initial=0))
            wanted = max(tokens, self._capacity * 3 // 2)
            self._capacity = -(-wanted // _GRAIN) * _GRAIN
            self._pairs = self._allocate(self._capacity)
            self._pairs[:, :, : self.count, :, :kept] = old[:, :, : self.count, :, :kept]

    def add(self, ids: Sequence[int], shared: Past | None, pairs: Array) -> None:
        """Add a row whose prompt has been read, after room was reserved.

        Args:
            ids: the prompt.
            shared: the beginning it shares with other rows by reference.
            pairs: keys and values of its other tokens, ``[2, layers, heads, tokens, width]``.
        """
        row, own = self.count, pairs.shape[3]
        self._pairs[:, :, row, :, :own] = pairs
        self._own[row], self._length[row], self._shared[row] = own, len(ids), shared
        self._recent[row] = ([-1] * _RECENT + list(ids))[-_RECENT:]
        self.count += 1

    def remove(self, row: int) -> None:
        """Drop a row; the last row takes its place."""
        last = self.count - 1
        if row != last:
            own = self._own[last]
            self._pairs[:, :, row, :, :own] = self._pairs[:, :, last, :, :own]
            self._own[row], self._length[row] = own, self._length[last]
            self._recent[row], self._shared[row] = self._recent[last], self._shared[last]
        self._shared[last] = None
        self.count = last

    def step(self, tokens: NDArray[np.intp]) -> Array:
        """Append one token to every row.

        Args:
            tokens: ``[rows]``.

        Returns:
            Residual vectors ``[rows, width]`` of the new tokens.
        """
        n = self.count
        self._recent[:n, :-1] = self._recent[:n, 1:]
        self._recent[:n, -1] = tokens
        x = self._model.inputs(*(self._recent[:n, column] for column in (2, 1, 0)))
        at, every = self._own[:n].copy(), np.arange(n)
        used = int(at.max()) + 1
        self.reserve(used)
        mask = np.where(np.arange(used) > at[:, None], -np.inf, 0.0)[:, None]
        groups = self._groups()

        def attend(layer: int, q: Array, k: Array, v: Array) -> Array:
            keys, values = self._pairs[0, layer, :n], self._pairs[1, layer, :n]
            keys[every, :, at], values[every, :, at] = k, v
            parts: list[Part] = [OwnKeys(keys[:, :, :used], values[:, :, :used], mask)]
            parts += [SharedKeys(rows, past.pairs[0, layer], past.pairs[1, layer]) for past, rows in groups]
            return attention(q, parts)

        x = self._model.run(x, self._length[:n], attend)
        self._own[:n] += 1
        self._length[:n] += 1
        return x

    def _groups(self) -> list[tuple[Past, NDArray[np.intp]]]:
        members: dict[int, tuple[Past, list[int]]] = {}
        for row, past in enumerate(self._shared[: self.count]):
            if past is not None:
                members.setdefault(id(past), (past, []))[1].append(row)
        return [(past, np.array(found)) for past, found in members.values()]

    def _allocate(self, capacity: int) -> Array:
        a = self._model.architecture
        return np.zeros((2, a.layers, self.max_rows, a.heads, capacity, self._model.head_width))
