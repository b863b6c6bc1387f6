"""What a proposer may have seen, as an index of runs of words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.proposers.screening.words import ABUGIDAS, HAN, units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

__all__ = ["Corpus", "leaves", "texts_of"]

_WORD = 12
_SIZES = (_WORD, _WORD // 2, _WORD // 4)
"""Of a word, a character of Chinese or Japanese, and one of Thai, Lao, Burmese or Khmer."""

_HAN = re.compile(f"[{HAN}]")
_ABUGIDA = re.compile(f"[{ABUGIDAS}]")
_BATCH = 2_048
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)


@dataclass(frozen=True, eq=False)
class Corpus:
    """All runs of so many words in some texts, as sorted hashes of 64 bits.

    What counts as a word, and what does not hide that two words are the same, is said in
    :mod:`~hyperfunc.optimizers.proposers.screening.words`. In scripts without spaces, two characters of
    Chinese or Japanese, and four of Thai, Lao, Burmese or Khmer, count as a word. A text with fewer words has
    no run.

    Args:
        words: in a run.
        parts: arrays of hashes, each sorted; make a corpus with :meth:`of`.

    Example::

        >>> corpus = Corpus.of(["The quick brown fox jumps over the lazy dog."], words=4)
        >>> corpus.copied("Say: QUICK brown\\u200b fox, jumps!")
        ('quick brown fox jumps',)
    """

    words: int
    parts: tuple[Hashes, ...] = ()

    @classmethod
    def of(cls, texts: Iterable[str], words: int = 8) -> Corpus:
        """Index texts.

        Args:
            texts: that a proposer may see; :func:`texts_of` gives those of an example.
            words: in a run, at least 1.

        Raises:
            SpaceError: a run is shorter than a word.
        """
        if words < 1:
            raise SpaceError(f"a run of {words} words is none; give words=1 or more")
        return cls(words).adding(texts)

    def adding(self, texts: Iterable[str]) -> Corpus:
        """This corpus with further texts; takes time by their length, not by what is there already."""
        kept = list(self.parts)
        for batch in _batches(texts):
            more = _sorted([_windows(batch, self.words)[0]])
            while kept and kept[-1].size <= 2 * more.size:  # so that there are few parts, each merged seldom
                more = _sorted([kept.pop(), more])
            if more.size:
                kept.append(more)
        return Corpus(self.words, tuple(kept))

    def copied(self, text: str, allowed: Corpus | None = None) -> tuple[str, ...]:
        """Runs of the text that are in the corpus, each as long as it goes on, in the order of the text.

        Args:
            text: to look into.
            allowed: runs that may be there all the same; indexed with as many words.
        """

        hashes, starts, ends = _windows([text], self.words)
        hit = self._has(hashes)
        if allowed is not None:
            hit &= ~allowed._has(hashes)
        if not hit.any():
            return ()
        spans: list[list[int]] = []
        for start, end in zip(starts[hit].tolist(), ends[hit].tolist(), strict=True):
            if spans and start <= spans[-1][1]:
                spans[-1][1] = max(end, spans[-1][1])
            else:
                spans.append([start, end])
        found = units(text)
        return tuple(" ".join(found[start:end]) for start, end in spans)

    def _has(self, hashes: Hashes) -> NDArray[np.bool_]:
        import numpy as np

        found = np.zeros(hashes.size, dtype=bool)
        for part in self.parts:
            places = np.minimum(np.searchsorted(part, hashes), part.size - 1)
            found |= part[places] == hashes
        return found


def texts_of(inputs: Mapping[str, Any], expected: Any = None) -> Iterator[str]:
    """The texts of an example: its inputs, and what is expected.

    Each is one text with all that is nested in it, names of fields and numbers included, in the order in
    which it would be written down; so short texts that stand together are a run, too.

    Args:
        inputs: by name; may be empty.
        expected: anything; ``None`` is no text.

    Example::

        >>> list(texts_of({"city": "Oslo", "days": [1, 2]}, expected={"fine": True}))
        ['city Oslo days 1 2', 'fine True']
    """
    for value in (inputs, expected):
        if text := " ".join(leaves(value)):
            yield text


def leaves(value: Any) -> Iterator[str]:
    """All that is nested in a value as texts, names of fields and numbers included."""
    if value is None:
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name)
            yield from leaves(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from leaves(item)
    elif is_dataclass(value) and not isinstance(value, type):
        for each in fields(value):
            yield from leaves(getattr(value, each.name))
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    else:
        yield str(value)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts in groups whose words fit into memory at ease."""
    remaining = iter(texts)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


def _sorted(parts: list[Hashes]) -> Hashes:
    """All hashes, each once."""
    import numpy as np

    found: Hashes = np.sort(np.concatenate(parts))
    first: NDArray[np.bool_] = np.concatenate([np.ones(min(found.size, 1), bool), found[1:] != found[:-1]])
    once: Hashes = found[first]
    return once


def _windows(texts: Iterable[str], words: int) -> tuple[Hashes, NDArray[np.intp], NDArray[np.intp]]:
    """Of each run within a text its hash, its first word, and the word after its last."""
    import numpy as np

    split = [units(text) for text in texts]
    lengths = np.array([len(each) for each in split], dtype=np.intp)
    table = _Hashed()
    values = np.fromiter(map(table.__getitem__, chain.from_iterable(split)), np.uint64, int(lengths.sum()))
    sizes = np.array([*_SIZES, 0], dtype=np.int64)[(values & np.uint64(3)).astype(np.intp)]
    before = np.concatenate([[0], np.cumsum(sizes)])
    starts = np.arange(values.size, dtype=np.intp)
    ends = np.searchsorted(before, before[:-1] + words * _WORD)
    fits = ends <= np.repeat(np.cumsum(lengths), lengths)
    starts, ends = starts[fits], ends[fits]
    powers = np.cumprod(np.full(values.size, _BASE, dtype=np.uint64))
    inverses = np.cumprod(np.full(values.size, _INVERSE, dtype=np.uint64))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values * powers)])
    return (sums[ends] - sums[starts]) * inverses[starts], starts, ends


class _Hashed(dict[str, int]):
    """The hash of a word: 62 bits of it, and two that say how much it counts."""

    def __missing__(self, word: str) -> int:
        found = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest())
        kind = 1 if _HAN.fullmatch(word) else 2 if _ABUGIDA.fullmatch(word) else 0
        self[word] = value = (found & ~3) | kind
        return value
