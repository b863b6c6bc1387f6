"""A network with random weights, small enough to run in every test."""

from __future__ import annotations

import numpy as np

from hyperfunc.llm.local.engine import Engine
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import LocalModel, Template
from hyperfunc.llm.local.tokenizer import Tokenizer
from hyperfunc.llm.local.transformer import Architecture, Transformer

TINY = Architecture(
    vocab=259, width=24, layers=2, heads=3, hidden=40, context=128, token_shift=True, tied=False
)


def tiny_weights(architecture: Architecture = TINY, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(1.0 if "norm" in name else 0.0, 0.3 if "norm" in name else 0.4, shape)
        for name, shape in architecture.shapes().items()
    }


def tiny_transformer() -> Transformer:
    return Transformer(TINY, tiny_weights())


def tiny_model(stop: tuple[str, ...] = (), template: Template | None = None) -> LocalModel:
    return LocalModel(
        name="local/tiny",
        transformer=tiny_transformer(),
        tokenizer=Tokenizer([]),
        template=template or Template(),
        stop=stop,
        fingerprint="tiny",
    )


def tiny_engine(max_rows: int = 8, cache: PrefixCache | None = None) -> Engine:
    return Engine(tiny_transformer(), Tokenizer([]), cache or PrefixCache(0), max_rows=max_rows)
