"""How good a set of sampled texts of ``local/prose`` is: fluent, diverse, well spelled, and no oracle.

A sampler that is too cold repeats itself, one that is too hot writes nonsense; the score has its best
point between, and where it lies depends on temperature and truncation together. It measures likeness to
the King James Bible over a whole set of texts, not the worth of one text.
"""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PROMPTS", "ProseMetric", "ProseScore", "prose_metric", "prose_quality", "word_hash", "words_of"]

PROMPTS: tuple[str, ...] = (
    "Now the serpent was more subtil",
    "Then Jacob went on his journey,",
    "And Miriam and Aaron spake against",
    "And it was told Joab, Behold,",
    "Now king David was old and",
    "And when the queen of Sheba",
    "In the LORD put I my",
    "Doth not wisdom cry? and understanding",
    "Whither is thy beloved gone, O",
    "And in that day seven women",
)
"""Openings of chapters that the model was not trained on."""

_DATA = Path(__file__).with_suffix(".npz")
_WORD = re.compile(r"[a-z']+|[.,;:?!]")
_FEWEST_WORDS = 5
_HUMAN_WIDTH = 0.5


@dataclass(frozen=True, kw_only=True)
class ProseScore:
    """The parts of the score, each in [0, 1] unless stated.

    Args:
        fluency: share of word pairs that the training text has.
        diversity: number of different word triples over all texts, per triple.
        spelling: share of words that the training text has.
        humanity: 1 where words are as predictable as in people's text, less where more or less so.
        answered: share of texts with at least five words.
        log_probability: mean natural-log probability of a word under a word-pair model; negative.
    """

    fluency: float
    diversity: float
    spelling: float
    humanity: float
    answered: float
    log_probability: float

    @property
    def score(self) -> float:
        """``answered * (fluency * diversity * spelling**2 * humanity) ** (1/4)``, in [0, 1]."""
        product = self.fluency * self.diversity * self.spelling**2 * self.humanity
        return float(self.answered * product**0.25)


@dataclass(frozen=True, slots=True)
class _Tally:
    """What one text adds to a set: its word triples, and texts, pairs, words, logarithms by number."""

    triples: Counter[tuple[str, ...]]
    numbers: tuple[float, ...]


class ProseMetric:
    """The metric with its data.

    Args:
        arrays: hashes of known words and pairs with their log-probabilities; see ``models/prose``.

    Example::

        prose_metric().measure(["And God said, Let there be light."]).fluency
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        back = zip(arrays["word_log"].tolist(), arrays["word_back"].tolist(), strict=True)
        self._words: dict[int, tuple[float, float]] = dict(zip(arrays["words"].tolist(), back, strict=True))
        unknown, step, human = arrays["constants"].tolist()
        self._unknown, self._human = float(unknown), float(human)
        logs = (arrays["pair_log"] * -step).tolist()
        self._pairs: dict[int, float] = dict(zip(arrays["pairs"].tolist(), logs, strict=True))

    def measure(self, texts: Sequence[str]) -> ProseScore:
        """Judge a set of texts together; their number and length should be the same for all that compare."""
        spoken = [words for text in texts if len(words := words_of(text)) >= _FEWEST_WORDS]
        if not spoken:
            return ProseScore(
                fluency=0.0,
                diversity=0.0,
                spelling=0.0,
                humanity=0.0,
                answered=0.0,
                log_probability=self._unknown,
            )
        pairs = [pair for words in spoken for pair in pairwise(words)]
        triples = [triple for words in spoken for triple in zip(words, words[1:], words[2:], strict=False)]
        every = [word for words in spoken for word in words]
        log_probability = sum(self._pair_log(*pair) for pair in pairs) / len(pairs)
        return ProseScore(
            fluency=sum(word_hash(*pair) in self._pairs for pair in pairs) / len(pairs),
            diversity=len(set(triples)) / len(triples),
            spelling=sum(word_hash(word) in self._words for word in every) / len(every),
            humanity=math.exp(-abs(log_probability - self._human) / _HUMAN_WIDTH),
            answered=len(spoken) / len(texts),
            log_probability=log_probability,
        )

    def scores_without_each(self, texts: Sequence[str]) -> list[float]:
        """The score of the set without its first text, without its second, and so on.

        The same as measuring each smaller set, in the time of measuring a few.
        """
        tallies = [self._tally(text) for text in texts]
        triples = sum((tally.triples for tally in tallies), Counter[tuple[str, ...]]())
        total = [math.fsum(column) for column in zip(*(t.numbers for t in tallies), strict=True)]
        scores = []
        for tally in tallies:
            alone = sum(triples[triple] == count for triple, count in tally.triples.items())
            left = tuple(a - b for a, b in zip(total, tally.numbers, strict=True))
            scores.append(self._score_of(left, len(triples) - alone, len(texts) - 1))
        return scores

    def _tally(self, text: str) -> _Tally:
        words = words_of(text)
        if len(words) < _FEWEST_WORDS:
            return _Tally(Counter(), (0.0,) * 7)
        pairs = list(pairwise(words))
        triples = Counter(zip(words, words[1:], words[2:], strict=False))
        known_pairs = sum(word_hash(*pair) in self._pairs for pair in pairs)
        known_words = sum(word_hash(word) in self._words for word in words)
        logs = sum(self._pair_log(*pair) for pair in pairs)
        numbers = (1, known_pairs, len(pairs), known_words, len(words), logs, triples.total())
        return _Tally(Counter(triples), tuple(map(float, numbers)))

    def _score_of(self, numbers: Sequence[float], different: int, texts: int) -> float:
        spoken, known_pairs, pairs, known_words, words, logs, triples = numbers
        if not spoken:
            return 0.0
        log_probability = logs / pairs
        return ProseScore(
            fluency=known_pairs / pairs,
            diversity=different / triples,
            spelling=known_words / words,
            humanity=math.exp(-abs(log_probability - self._human) / _HUMAN_WIDTH),
            answered=spoken / texts,
            log_probability=log_probability,
        ).score

    def _pair_log(self, first: str, second: str) -> float:
        known = self._pairs.get(word_hash(first, second))
        if known is not None:
            return known
        back = self._words.get(word_hash(first), (0.0, 0.0))[1]
        return back + self._words.get(word_hash(second), (self._unknown, 0.0))[0]


@cache
def prose_metric() -> ProseMetric:
    """The metric with the data that comes with the package, read once."""
    import numpy

    with numpy.load(_DATA, allow_pickle=False) as arrays:
        return ProseMetric(dict(arrays))


def prose_quality(preds: Sequence[object], expected: Sequence[object]) -> float:  # noqa: ARG001
    """The score of a set of texts as a metric over a dataset; what is expected is not read."""
    return prose_metric().measure([text if isinstance(text, str) else "" for text in preds]).score


def words_of(text: str) -> list[str]:
    """Words and punctuation marks of a text, in lower case."""
    return _WORD.findall(text.lower())


def word_hash(*words: str) -> int:
    """A 32-bit name of a word or a pair of words."""
    return zlib.crc32(" ".join(words).encode())
