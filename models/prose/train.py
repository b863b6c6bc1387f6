"""Train `local/prose` and write its three files.

Run from the repository's root: ``python -m models.prose.train`` (about 15 minutes on one CPU core).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hyperfunc.llm.local.bpe import train_bpe
from hyperfunc.llm.local.tokenizer import Tokenizer
from models.prose.model import Llama, Shape
from models.prose.prepare import load_corpus

__all__ = ["Recipe", "Trained", "save", "train"]

WEIGHTS = Path("src/hyperfunc/llm/local/weights")


@dataclass(frozen=True)
class Recipe:
    """Settings of one training run.

    Args:
        tokens: training tokens in all.
        batch_tokens: tokens of one step.
        length: tokens of one sequence.
        long_length: tokens of one sequence in the last ``long_share`` of the run.
        long_share: share of the run in [0, 1].
        muon_rate: learning rate of the block matrices.
        adam_rate: learning rate of embedding and gains.
        warm_up: steps until the full learning rate.
        flat_share: share of the run before the linear decay to 2 %.
        seed: of initial weights and batches.
    """

    tokens: int = 6_500_000
    batch_tokens: int = 6_144
    length: int = 256
    long_length: int = 512
    long_share: float = 0.2
    muon_rate: float = 0.02
    adam_rate: float = 3e-3
    warm_up: int = 20
    flat_share: float = 0.4
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """A trained model and what it took; losses are nats per token."""

    model: Llama
    steps: int
    seconds: float
    train_losses: tuple[float, ...]
    held_out_loss: float


def encode(texts: Sequence[str], tokenizer: Tokenizer) -> Tensor:
    """All documents in one row of ids, each between its begin and end token."""
    ids: list[int] = []
    for text in texts:
        ids += [tokenizer.bos_id, *tokenizer.encode(text), tokenizer.eos_id]
    return torch.tensor(ids)


def train(
    train_ids: Tensor,
    held_out_ids: Tensor,
    shape: Shape,
    recipe: Recipe,
    report: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Train a model from random weights.

    Args:
        train_ids: ``[tokens]``; longer than ``recipe.long_length``.
        held_out_ids: ``[tokens]``, for the final loss only.
        shape: sizes of the network.
        recipe: length and rates of the run.
        report: receives a line of progress every 50 steps.

    Returns:
        The model with its losses.
    """
    torch.manual_seed(recipe.seed)
    model = Llama(shape)
    optimizers = (
        torch.optim.Muon(model.matrices(), lr=recipe.muon_rate, weight_decay=0.05, momentum=0.95),
        torch.optim.AdamW(model.others(), lr=recipe.adam_rate, betas=(0.9, 0.95), weight_decay=0.0),
    )
    losses: list[float] = []
    started = time.perf_counter()
    steps = max(1, recipe.tokens // recipe.batch_tokens)
    for step in range(steps):
        _set_rates(optimizers, recipe, step, steps)
        length = recipe.long_length if step >= steps * (1 - recipe.long_share) else recipe.length
        losses.append(_step(model, optimizers, _batch(train_ids, recipe.batch_tokens // length, length)))
        if (step + 1) % 50 == 0:
            seconds = time.perf_counter() - started
            speed = (step + 1) * recipe.batch_tokens / seconds
            report(f"step {step + 1}/{steps}  loss {np.mean(losses[-50:]):.3f}  {speed:.0f} tokens/s")
    seconds = time.perf_counter() - started
    return Trained(model, steps, seconds, tuple(losses), mean_loss(model, held_out_ids, recipe.length))


@torch.no_grad()
def mean_loss(model: Llama, ids: Tensor, length: int) -> float:
    """Mean next-token loss over consecutive windows of ``length`` tokens, in float32."""
    windows = ids[: (len(ids) - 1) // length * length].view(-1, length)
    chunks = torch.split(windows, 16)
    return float(np.average([float(_loss(model, c)) for c in chunks], weights=[len(c) for c in chunks]))


def save(trained: Trained, tokenizer: Tokenizer, recipe: Recipe, folder: Path) -> None:
    """Write ``prose.npz`` (half precision), ``prose.json`` and ``prose.tokenizer.json``."""
    arrays = {name: p.detach().numpy().astype(np.float16) for name, p in trained.model.named_parameters()}
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "prose.npz", **arrays)  # type: ignore[arg-type]
    tokenizer.save(folder / "prose.tokenizer.json")
    config = {
        "name": "prose",
        "description": "A 1.6 M parameter language model of the King James Bible. It continues text; "
        "it follows no instructions.",
        "weights": "prose.npz",
        "tokenizer": "prose.tokenizer.json",
        "architecture": {
            **asdict(trained.model.shape),
            "context": recipe.long_length,
            "token_shift": False,
            "tied": True,
        },
        "template": {"join": "\n", "suffix": "", "bos": True},
        "stop": [],
        "training": {
            "tokens": trained.steps * recipe.batch_tokens,
            "held_out_nats_per_token": round(trained.held_out_loss, 4),
            "seconds": round(trained.seconds),
        },
    }
    (folder / "prose.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _batch(ids: Tensor, rows: int, length: int) -> Tensor:
    starts = torch.randint(0, len(ids) - length, (max(1, rows), 1))
    return ids[starts + torch.arange(length)]


def _loss(model: Llama, ids_BT: Tensor) -> Tensor:
    logits = model(ids_BT[:, :-1])
    return F.cross_entropy(logits.float().flatten(0, 1), ids_BT[:, 1:].flatten())


def _step(model: Llama, optimizers: Sequence[torch.optim.Optimizer], ids_BT: Tensor) -> float:
    for optimizer in optimizers:
        optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = _loss(model, ids_BT)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
    return float(loss.detach())


def _set_rates(optimizers: Sequence[torch.optim.Optimizer], recipe: Recipe, step: int, steps: int) -> None:
    left = 1 - step / steps
    decay = min(1.0, max(0.02, left / (1 - recipe.flat_share)))
    factor = min(1.0, (step + 1) / recipe.warm_up) * decay
    for optimizer, rate in zip(optimizers, (recipe.muon_rate, recipe.adam_rate), strict=True):
        optimizer.param_groups[0]["lr"] = rate * factor


def say(line: str) -> None:
    """Print at once, also into a pipe."""
    print(line, flush=True)


def main() -> None:
    """Prepare the text, train, and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocab", type=int, default=2048)
    parser.add_argument("--tokens", type=int, default=Recipe.tokens)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe(tokens=arguments.tokens)
    corpus = load_corpus()
    tokenizer = Tokenizer(train_bpe(corpus.train, arguments.vocab))
    ids, held_out = encode(corpus.train, tokenizer), encode(corpus.held_out, tokenizer)
    say(f"{len(ids)} training tokens, {sum(map(len, corpus.train)) / len(ids):.2f} characters each")
    trained = train(ids, held_out, Shape(tokenizer.vocab_size), recipe, say)
    say(f"held out {trained.held_out_loss:.4f} nats/token after {trained.seconds:.0f} s")
    save(trained, tokenizer, recipe, arguments.out)


if __name__ == "__main__":
    main()
