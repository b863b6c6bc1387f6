"""A tiny office model learns from its generated texts, the same way every time."""

from __future__ import annotations

import pytest
import torch
from models.office.model import Shape
from models.office.train import Recipe, train

from hyperfunc.llm.local.registry import local_model


@pytest.mark.slow
def test_a_tiny_retrain_lowers_the_loss_and_repeats() -> None:
    tokenizer = local_model("local/office").tokenizer
    shape = Shape(vocab=tokenizer.vocab_size, width=32, layers=1, heads=2, hidden=64)
    recipe = Recipe(tokens=1024, warm_up=5)

    def losses() -> list[float]:
        # Small products gain nothing from threads, which wait for each other on a busy machine.
        torch.set_num_threads(1)
        return train(steps=40, shape=shape, recipe=recipe, tokenizer=tokenizer)

    first = losses()
    assert first[-1] < 0.85 * first[0]
    assert losses() == first
