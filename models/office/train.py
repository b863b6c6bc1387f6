"""Train ``local/office`` from scratch on sampled texts, on a CPU, and export it.

Run ``python -m models.office.train --minutes 60`` (the length of the run sets the schedule).
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional as F

from hyperfunc.llm.local.tokenizer import Tokenizer
from models.office.generator import draw_sample, render
from models.office.model import Network, Shape
from models.office.train_tokenizer import WEIGHTS, train_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["Recipe", "export", "train"]

_CHUNK = 2048
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Args:
        tokens: padded tokens in one batch.
        longest: a text of more tokens is left out.
        matrix_rate: learning rate of the inner matrices (Muon).
        other_rate: learning rate of embeddings and gains (AdamW).
        warm_up: steps of linear warm-up.
        flat: share of the run before the rate falls linearly to 1 %.
        lean: share of the run on texts that lean to one side: a thing is found before it is chosen.
        easy: share of the run on easy texts, which teach to read instructions sooner.
        short_weight: power of the extra weight of short answers, relative to 8 tokens.
        seed: of weights and of texts.
    """

    tokens: int = 3072
    longest: int = 384
    matrix_rate: float = 0.02
    other_rate: float = 4e-3
    warm_up: int = 40
    flat: float = 0.5
    short_weight: float = 0.5
    lean: float = 0.15
    easy: float = 0.35
    seed: int = 1


@dataclass(frozen=True, slots=True)
class _Example:
    ids: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


def train(
    *,
    minutes: float | None = None,
    steps: int | None = None,
    shape: Shape | None = None,
    recipe: Recipe | None = None,
    tokenizer: Tokenizer | None = None,
    warm_start: Path | None = None,
    folder: Path | None = None,
) -> list[float]:
    """Train for a number of minutes or of steps.

    Args:
        minutes: wall-clock length; needed unless ``steps`` is given.
        steps: number of batches; the run is then a function of the recipe alone.
        shape: architecture; ``vocab`` is taken from the tokenizer when left out.
        recipe: how to train.
        tokenizer: the vocabulary; learnt anew when left out.
        warm_start: exported weights to continue from.
        folder: where to write weights every few minutes and at the end; nothing is written without it.

    Returns:
        The mean loss of each tenth of the run.

    Raises:
        ValueError: neither ``minutes`` nor ``steps`` is given.
    """
    if (minutes is None) == (steps is None):
        raise ValueError("train: give either minutes or steps")
    recipe = recipe or Recipe()
    tokenizer = tokenizer or train_tokenizer()
    torch.manual_seed(recipe.seed)
    network = Network(shape or Shape(vocab=tokenizer.vocab_size))
    if warm_start is not None:
        network.load_state_dict(_read(warm_start))
    optimizers = _optimizers(network, recipe)
    clock = _Clock(minutes, steps)
    losses: list[float] = []
    for ids, targets, weights in _batches(tokenizer, recipe, clock):
        if clock.over():
            break
        rate = _rate(clock, recipe)
        loss = _step(network, optimizers, rate, (ids, targets, weights))
        losses.append(loss)
        clock.step += 1
        if folder is not None and clock.step % 50 == 0:
            print(
                f"{clock.step} {clock.seconds():.0f}s rate {rate:.3f} loss {np.mean(losses[-50:]):.4f}",
                flush=True,
            )
        if folder is not None and clock.step % 500 == 0:
            export(network, tokenizer, folder)
    if folder is not None:
        export(network, tokenizer, folder)
    return [float(np.mean(part)) for part in np.array_split(losses, 10) if len(part)]


def export(network: Network, tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``office.npz`` (half precision), ``office.json`` and ``office.tokenizer.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: value.detach().numpy().astype(np.float16) for name, value in network.state_dict().items()}
    partial = folder / "office.partial.npz"
    np.savez(partial, **arrays)
    partial.replace(folder / "office.npz")
    config = {
        "name": "office",
        "description": "A 2.4 M parameter model of one invented office. It follows short instructions and "
        "exemplars about routing tickets, reading invoices and answering customers.",
        "weights": "office.npz",
        "tokenizer": "office.tokenizer.json",
        "architecture": {**asdict(network.shape), "token_shift": True, "tied": False},
        "template": {"join": "\n", "suffix": "", "bos": False},
        "stop": ["\n"],
    }
    (folder / "office.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tokenizer.save(folder / "office.tokenizer.json")


class _Clock:
    """How far the run is, by time or by steps."""

    def __init__(self, minutes: float | None, steps: int | None) -> None:
        self.minutes, self.steps, self.step, self.start = minutes, steps, 0, time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self.start

    def share(self) -> float:
        return (
            self.step / self.steps if self.steps is not None else self.seconds() / (60 * (self.minutes or 1))
        )

    def over(self) -> bool:
        return self.share() >= 1


def _rate(clock: _Clock, recipe: Recipe) -> float:
    fall = max(0.01, (1 - clock.share()) / (1 - recipe.flat)) if clock.share() > recipe.flat else 1.0
    return min(1.0, (clock.step + 1) / recipe.warm_up) * fall


def _optimizers(network: Network, recipe: Recipe) -> tuple[tuple[torch.optim.Optimizer, float], ...]:
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (matrices if parameter.ndim == 2 and "embed" not in name else others).append(parameter)
    return (
        (
            torch.optim.Muon(matrices, lr=recipe.matrix_rate, weight_decay=0.02, momentum=0.95),
            recipe.matrix_rate,
        ),
        (
            torch.optim.AdamW(others, lr=recipe.other_rate, betas=(0.9, 0.95), weight_decay=0.0),
            recipe.other_rate,
        ),
    )


def _step(
    network: Network,
    optimizers: tuple[tuple[torch.optim.Optimizer, float], ...],
    rate: float,
    batch: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> float:
    ids, targets, weights = batch
    chosen = weights > 0
    states = network.hidden(ids)[chosen]
    logits = F.linear(states, network.unembed.to(states.dtype)).float()
    each = F.cross_entropy(logits, targets[chosen], reduction="none")
    loss = (each * weights[chosen]).sum() / weights.sum()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    for optimizer, base in optimizers:
        optimizer.param_groups[0]["lr"] = base * rate
        optimizer.step()
        optimizer.zero_grad()
    return float(loss.detach())


def _batches(tokenizer: Tokenizer, recipe: Recipe, clock: _Clock) -> Iterator[Batch]:
    source = random.Random(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    while True:
        done = clock.share()
        lean, easy = done < recipe.lean, done < recipe.easy
        drawn = (draw_sample(source, easy=easy, lean=lean) for _ in range(_CHUNK))
        chunk = [_encode(tokenizer, render(sample), recipe) for sample in drawn]
        chunk = sorted((e for e in chunk if len(e.ids) <= recipe.longest), key=lambda e: -len(e.ids))
        groups: list[list[_Example]] = [[]]
        for example in chunk:
            if groups[-1] and (len(groups[-1]) + 1) * len(groups[-1][0].ids) > recipe.tokens:
                groups.append([])
            groups[-1].append(example)
        for index in rng.permutation(len(groups)):
            yield _pad(groups[index])


def _encode(tokenizer: Tokenizer, pieces: Iterator[tuple[str, bool, bool]], recipe: Recipe) -> _Example:
    ids: list[int] = []
    targets: list[int] = []
    weights: list[float] = []
    for text, is_answer, learn in pieces:
        tokens = tokenizer.encode(text)
        if is_answer:
            # The end of an answer is a target everywhere, also where another turn follows in the input.
            targets[-1:] = [*tokens, tokenizer.eos_id]
            weight = (8 / (len(tokens) + 1)) ** recipe.short_weight if learn else 0.0
            weights[-1:] = [weight] * (len(tokens) + 1)
        else:
            targets += [0] * len(tokens)
            weights += [0.0] * len(tokens)
        ids += tokens
    return _Example(np.array(ids), np.array(targets), np.array(weights, np.float32))


def _pad(group: list[_Example]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    length = -(-len(group[0].ids) // 16) * 16
    ids = np.zeros((len(group), length), np.int64)
    targets, weights = np.zeros_like(ids), np.zeros(ids.shape, np.float32)
    for row, example in enumerate(group):
        size = len(example.ids)
        ids[row, :size], targets[row, :size], weights[row, :size] = (
            example.ids,
            example.targets,
            example.weights,
        )
    return torch.from_numpy(ids), torch.from_numpy(targets), torch.from_numpy(weights)


def _read(path: Path) -> dict[str, torch.Tensor]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    parser.add_argument("--warm-start", type=Path, default=None)
    parser.add_argument("--lean", type=float, default=Recipe().lean)
    parser.add_argument("--easy", type=float, default=Recipe().easy)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    vocabulary = Tokenizer.load(WEIGHTS / "office.tokenizer.json")
    recipe = Recipe(lean=given.lean, easy=given.easy)
    train(
        recipe=recipe,
        minutes=given.minutes,
        folder=given.folder,
        warm_start=given.warm_start,
        tokenizer=vocabulary,
    )
