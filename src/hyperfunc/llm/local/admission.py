"""Which beginnings a set of new prompts should share, and reading them with as little work as possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from weakref import WeakValueDictionary

import numpy as np

from hyperfunc.llm.local.exact import Array
from hyperfunc.llm.local.prefill import Past, Text, prefill
from hyperfunc.llm.local.prefix_cache import BLOCK, PrefixCache, Stored, chain_keys
from hyperfunc.llm.local.transformer import Transformer

__all__ = ["Admission", "Read"]

Read = tuple[Array, Past | None, Array]
"""Last residual vector, shared beginning, keys and values of the prompt's other tokens."""


class Admission:
    """Reads prompts. A beginning that several prompts share is read once and kept once.

    Args:
        model: the network.
        cache: blocks known from earlier prompts.
    """

    def __init__(self, model: Transformer, cache: PrefixCache) -> None:
        self._model = model
        self._cache = cache
        self._in_use: WeakValueDictionary[bytes, Past] = WeakValueDictionary()

    def read(self, prompts: Sequence[Sequence[int]]) -> list[Read]:
        """Read prompts; results are in their order."""
        # The last token must be computed anyway: its residual vector gives the first completion token.
        keys = [chain_keys(ids[:-1]) for ids in prompts]
        shared = self._share(prompts, keys)
        texts: list[Text] = []
        for ids, known, past in zip(prompts, keys, shared, strict=True):
            texts.append(Text(ids, past if past is not None else _past(self._cache.longest(known))))
        order = sorted(range(len(texts)), key=lambda i: id(texts[i].past))
        results: list[Read | None] = [None] * len(texts)
        for i, (last, pairs) in zip(order, prefill(self._model, [texts[i] for i in order]), strict=True):
            self._keep(keys[i], texts[i], pairs)
            past = texts[i].past
            if past is not None and shared[i] is None:
                pairs = np.concatenate([past.pairs, pairs], 3)
            results[i] = last, shared[i], pairs
        return [result for result in results if result is not None]

    def _share(self, prompts: Sequence[Sequence[int]], keys: Sequence[Sequence[bytes]]) -> list[Past | None]:
        chosen = _choose(keys, self._in_use)
        wanted = {key: i for i, key in enumerate(chosen) if key is not None}
        pasts = {key: past for key in wanted if (past := self._in_use.get(key)) is not None}
        fresh: list[tuple[bytes, Text]] = []
        for key, i in wanted.items():
            if key not in pasts:
                length = keys[i].index(key) + 1
                known = self._cache.longest(keys[i][:length])
                if len(known) == length:
                    pasts[key] = Past(_joined(known))
                else:
                    fresh.append((key, Text(prompts[i][: length * BLOCK], _past(known))))
        for (key, text), (_, pairs) in zip(fresh, prefill(self._model, [t for _, t in fresh]), strict=True):
            self._keep(keys[wanted[key]], text, pairs)
            pasts[key] = Past(pairs if text.past is None else np.concatenate([text.past.pairs, pairs], 3))
        self._in_use.update(pasts)
        return [None if key is None else pasts[key] for key in chosen]

    def _keep(self, keys: Sequence[bytes], text: Text, pairs: Array) -> None:
        first = text.start // BLOCK
        self._cache.put(keys[first : len(text.ids) // BLOCK], pairs)


def _choose(keys: Sequence[Sequence[bytes]], in_use: WeakValueDictionary[bytes, Past]) -> list[bytes | None]:
    """For each prompt the beginning that saves most reading, if any is shared."""
    holders = Counter(key for known in keys for key in known)
    chosen: list[bytes | None] = []
    for known in keys:
        readers = (holders[key] - (key not in in_use) for key in known)
        best = max(
            ((number * length, length) for length, number in enumerate(readers, start=1)), default=(0, 0)
        )
        chosen.append(known[best[1] - 1] if best[0] > 0 else None)
    return chosen


def _past(blocks: Sequence[Stored]) -> Past | None:
    return Past(_joined(blocks)) if blocks else None


def _joined(blocks: Sequence[Stored]) -> Array:
    return np.concatenate(blocks, 3, dtype=np.float64)
