"""The data of the prose metric: which words and word pairs the training text has, and how likely they are.

Run from the repository's root: ``python -m models.prose.metric_data`` (a few seconds).
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from hyperfunc.apps.demo.prose_metric import ProseMetric, word_hash, words_of
from models.prose.prepare import load_corpus

TARGET = Path("src/hyperfunc/apps/demo/prose_metric.npz")
STEP = 1 / 16


def build(train: Sequence[str]) -> dict[str, np.ndarray]:
    """Hashes and log-probabilities of a word-pair model with Witten-Bell smoothing.

    Source:
        Witten and Bell (1991), "The zero-frequency problem".
    """
    texts = [words_of(text) for text in train]
    words = Counter(word for text in texts for word in text)
    pairs = Counter(pair for text in texts for pair in pairwise(text))
    followers = Counter(first for first, _ in pairs)
    starts = Counter(first for pair, count in pairs.items() for first in (pair[0],) * count)
    total = sum(words.values())
    unknown = math.log(len(words) / (total + len(words)) / 50_000)
    log_word = {word: math.log(count / (total + len(words))) for word, count in words.items()}
    log_back = {
        word: math.log(followers[word] / (starts[word] + followers[word])) if word in starts else 0.0
        for word in words
    }
    log_pair = {
        pair: math.log(
            (count + followers[pair[0]] * math.exp(log_word[pair[1]]))
            / (starts[pair[0]] + followers[pair[0]])
        )
        for pair, count in pairs.items()
    }
    by_word = sorted((word_hash(word), word) for word in words)
    by_pair = sorted((word_hash(*pair), pair) for pair in pairs)
    return {
        "words": np.array([key for key, _ in by_word], np.uint32),
        "word_log": np.array([log_word[word] for _, word in by_word], np.float16),
        "word_back": np.array([log_back[word] for _, word in by_word], np.float16),
        "pairs": np.array([key for key, _ in by_pair], np.uint32),
        "pair_log": np.array([round(-log_pair[pair] / STEP) for _, pair in by_pair], np.uint8),
        "constants": np.array([unknown, STEP, 0.0]),
    }


def human_log(arrays: dict[str, np.ndarray], held_out: Sequence[str]) -> float:
    """Mean log-probability of a word in people's text that the model has not seen: 40 words a chapter."""
    pieces = [" ".join(text.split()[6:46]) for text in held_out]
    return ProseMetric(arrays).measure(pieces).log_probability


def main() -> None:
    """Write the data file of the metric."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    corpus = load_corpus()
    arrays = build(corpus.train)
    arrays["constants"][2] = human_log(arrays, corpus.held_out)
    np.savez(arguments.out, **arrays)  # type: ignore[arg-type]
    print(f"{len(arrays['words'])} words, {len(arrays['pairs'])} pairs, human {arrays['constants'][2]:.3f}")


if __name__ == "__main__":
    main()
