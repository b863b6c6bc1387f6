"""Reading prompts: many texts at once, each after a beginning that may already be known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from hyperfunc.llm.local.attention import Part, SharedKeys, attention, causal_mask
from hyperfunc.llm.local.exact import Array
from hyperfunc.llm.local.transformer import Transformer

__all__ = ["Past", "Text", "prefill"]

_TOKENS_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Past:
    """A known beginning: keys and values ``[2, layers, heads, tokens, width]``."""

    pairs: Array

    def __len__(self) -> int:
        return int(self.pairs.shape[3])


@dataclass(frozen=True, eq=False)
class Text:
    """A whole prompt and the beginning of it that need not be computed again."""

    ids: Sequence[int]
    past: Past | None = None

    @property
    def start(self) -> int:
        """Number of tokens already known."""
        return 0 if self.past is None else len(self.past)


def prefill(model: Transformer, texts: Sequence[Text]) -> list[tuple[Array, Array]]:
    """Compute what is new in each text.

    Args:
        model: the network.
        texts: each with at least one new token. Neighbors with the same past share its reading.

    Returns:
        For each text the residual vector ``[width]`` of its last token, and keys and values of its new
        tokens, ``[2, layers, heads, new, width]``.
    """
    return [result for chunk in _chunks(texts) for result in _prefill(model, chunk)]


def _chunks(texts: Sequence[Text]) -> Iterator[list[Text]]:
    chunk: list[Text] = []
    size = 0
    for text in texts:
        new = len(text.ids) - text.start
        if chunk and size + new > _TOKENS_AT_ONCE:
            yield chunk
            chunk, size = [], 0
        chunk.append(text)
        size += new
    if chunk:
        yield chunk


def _prefill(model: Transformer, texts: Sequence[Text]) -> list[tuple[Array, Array]]:
    a = model.architecture
    lengths = [len(text.ids) - text.start for text in texts]
    ends = np.cumsum(lengths)
    spans = [slice(int(end) - length, int(end)) for end, length in zip(ends, lengths, strict=True)]
    pairs = np.empty((2, a.layers, a.heads, int(ends[-1]), model.head_width))
    longest_mask = causal_mask(max(lengths))
    known = _known(texts, spans)

    def attend(layer: int, q: Array, k: Array, v: Array) -> Array:
        pairs[0, layer], pairs[1, layer] = k.transpose(1, 0, 2), v.transpose(1, 0, 2)
        parts: list[Part] = [
            SharedKeys(rows, past.pairs[0, layer], past.pairs[1, layer]) for rows, past in known
        ]
        for span, length in zip(spans, lengths, strict=True):
            mask = longest_mask[:length, :length]
            parts.append(SharedKeys(span, pairs[0, layer, :, span], pairs[1, layer, :, span], mask))
        return attention(q, parts)

    newest, before1, before2 = (_new_ids(texts, back) for back in (0, 1, 2))
    positions = np.concatenate([np.arange(text.start, len(text.ids)) for text in texts])
    x = model.run(model.inputs(newest, before1, before2), positions, attend)
    return [(x[span.stop - 1], pairs[:, :, :, span]) for span in spans]


def _new_ids(texts: Sequence[Text], back: int) -> NDArray[np.intp]:
    """The new tokens of all texts, or those ``back`` places before them; -1 before the beginning."""
    padded = (([-1] * back + list(text.ids))[text.start : len(text.ids)] for text in texts)
    return np.concatenate([np.asarray(ids, np.intp) for ids in padded])


def _known(texts: Sequence[Text], spans: Sequence[slice]) -> list[tuple[slice, Past]]:
    """Runs of neighbors with one past, as row ranges."""
    runs: list[tuple[slice, Past]] = []
    for _, run in groupby(zip(texts, spans, strict=True), key=lambda pair: id(pair[0].past)):
        members = list(run)
        if (past := members[0][0].past) is not None:
            runs.append((slice(members[0][1].start, members[-1][1].stop), past))
    return runs
