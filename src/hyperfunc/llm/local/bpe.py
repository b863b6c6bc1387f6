"""Learning the merges of a byte-level BPE vocabulary from text.

Source:
    Sennrich, Haddow and Birch (2016), "Neural Machine Translation of Rare Words with Subword Units".
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise

from hyperfunc.llm.local.tokenizer import Tokenizer, join_pair

__all__ = ["train_bpe"]

_Pair = tuple[int, int]


def train_bpe(
    texts: Iterable[str], vocab_size: int, *, single_digits: bool = True, min_count: int = 2
) -> list[_Pair]:
    """Learn merges: again and again, join the most frequent pair of neighbours inside words.

    Ties go to the pair with the smaller ids, so the result depends on the texts alone.

    Args:
        texts: training texts.
        vocab_size: size to reach, the 3 special tokens and 256 bytes included.
        single_digits: whether every digit stands alone.
        min_count: a pair seen less often is not merged; learning then stops early.

    Returns:
        Merges for :class:`Tokenizer`.

    Raises:
        ValueError: ``vocab_size`` is smaller than special tokens and bytes together.
    """
    base = Tokenizer((), single_digits=single_digits)
    if vocab_size < base.vocab_size:
        raise ValueError(f"vocab_size is {vocab_size}, but bytes and special tokens need {base.vocab_size}")
    counted = Counter(word for text in texts for word in base.split(text))
    words = [base.encode(word) for word in counted]
    learner = _Learner(words, list(counted.values()))
    merges: list[_Pair] = []
    for merged in range(base.vocab_size, vocab_size):
        pair = learner.most_frequent(min_count)
        if pair is None:
            break
        learner.join(pair, merged)
        merges.append(pair)
    return merges


class _Learner:
    """Pair counts that stay right while words shrink; the heap holds stale entries, checked when popped."""

    def __init__(self, words: list[list[int]], counts: list[int]) -> None:
        self.words, self.counts = words, counts
        self.pair_count: Counter[_Pair] = Counter()
        self.where: defaultdict[_Pair, set[int]] = defaultdict(set)
        for index, word in enumerate(words):
            for pair in pairwise(word):
                self.pair_count[pair] += counts[index]
                self.where[pair].add(index)
        self.heap = [(-count, pair) for pair, count in self.pair_count.items()]
        heapq.heapify(self.heap)

    def most_frequent(self, min_count: int) -> _Pair | None:
        while self.heap:
            negative, pair = heapq.heappop(self.heap)
            if -negative == self.pair_count[pair]:
                return pair if -negative >= min_count else None
        return None

    def join(self, pair: _Pair, merged: int) -> None:
        changed: set[_Pair] = set()
        for index in self.where.pop(pair):
            old = self.words[index]
            new = join_pair(old, pair, merged)
            self.words[index] = new
            changed |= self._recount(index, old, new)
        for touched in changed - {pair}:
            heapq.heappush(self.heap, (-self.pair_count[touched], touched))

    def _recount(self, index: int, old: list[int], new: list[int]) -> set[_Pair]:
        count = self.counts[index]
        for pair in pairwise(old):
            self.pair_count[pair] -= count
        for pair in pairwise(new):
            self.pair_count[pair] += count
            self.where[pair].add(index)
        return set(pairwise(old)) | set(pairwise(new))
