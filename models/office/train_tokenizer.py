"""Learn the vocabulary of ``local/office``: nearly every word of its world becomes one token.

Run ``python -m models.office.train_tokenizer``.
"""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

from hyperfunc.apps.demo.office_words import HEADS, TAILS
from hyperfunc.llm.local.bpe import train_bpe
from hyperfunc.llm.local.tokenizer import Tokenizer
from models.office.generator import render, samples
from models.office.phrases import TRAINING

__all__ = ["WEIGHTS", "train_tokenizer"]

WEIGHTS = Path(__file__).parents[2] / "src" / "hyperfunc" / "llm" / "local" / "weights"


def train_tokenizer(vocab_size: int = 2048, texts: int = 3000, seed: int = 0) -> Tokenizer:
    """Learn merges from sampled texts, every training phrase, and the parts of vendor names."""
    corpus = ["".join(text for text, _, _ in render(sample)) for sample in islice(samples(seed), texts)]
    phrases = [text for bank in TRAINING.values() for group in bank for text in group]
    heads, tails = list(HEADS), list(TAILS)
    # Vendor names are copied part by part, so the parts count and the names themselves do not.
    whole = {head + tail for head in heads for tail in tails}
    cleaned = [
        " ".join(word for word in text.split(" ") if word.strip(':".,') not in whole) for text in corpus
    ]
    parts = [f"{' ' + head}" for head in heads] * 40 + heads * 40 + tails * 40
    corpus = cleaned + phrases * 4 + parts
    random.Random(seed).shuffle(corpus)
    return Tokenizer(train_bpe(corpus, vocab_size))


if __name__ == "__main__":
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    train_tokenizer().save(WEIGHTS / "office.tokenizer.json")
