"""What a step of an evolution strategy costs beside one written by hand, and its update beside a forward."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from examples import xor as xor_task
from torch import Tensor, nn

from benchmarks.population import evaluation as affine_task
from hyperfunc import Eggroll, Example, HyperSystem, TorchEggrollES
from hyperfunc.blas import one_blas_thread
from hyperfunc.optimizers.lowrank import FactorNoise
from hyperfunc.tensors import perturbed_linear

__all__ = ["learnt", "steps_per_second", "update_cost"]

Step = Callable[[], object]

POINTS = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
LABELS = torch.tensor([0.0, 1.0, 1.0, 0.0])
ANGLE = 0.7


class Xor(nn.Module):
    """Two layers with biases, as columns of the matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Parameter(0.5 * torch.randn(4, 3))
        self.output = nn.Parameter(0.5 * torch.randn(1, 5))

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(F.linear(F.pad(x, (0, 1), value=1.0), self.hidden))
        return F.linear(F.pad(hidden, (0, 1), value=1.0), self.output).squeeze(-1)


class Affine(nn.Module):
    """Rotation, then scale."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = nn.Parameter(0.5 * torch.randn(2, 2))
        self.stretch = nn.Parameter(0.5 * torch.randn(2, 2))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(F.linear(x, self.turn), self.stretch)


class ByHand:
    """OpenAI's evolution strategy over dense copies of the weights, as one writes it for one network."""

    def __init__(
        self, model: nn.Module, batched: Callable[..., Tensor], pop: int, sigma: float, lr: float
    ) -> None:
        self.weights = [p.detach().clone() for p in model.parameters()]
        self.batched, self.pop, self.sigma, self.lr = batched, pop, sigma, lr

    def __call__(self) -> None:
        half = [torch.randn(self.pop // 2, *w.shape) for w in self.weights]
        noise = [torch.cat([e, -e]) for e in half]
        fitness = self.batched(*(w + self.sigma * e for w, e in zip(self.weights, noise, strict=True)))
        scores = (fitness - fitness.mean()) / (fitness.std() + 1e-8)
        for weight, e in zip(self.weights, noise, strict=True):
            weight += self.lr * self.sigma / math.sqrt(self.pop) * torch.einsum("k,koi->oi", scores, e)


def xor_by_hand(hidden: Tensor, output: Tensor) -> Tensor:
    x = F.pad(POINTS, (0, 1), value=1.0).expand(len(hidden), 4, 3)
    middle = F.pad(torch.tanh(torch.bmm(x, hidden.transpose(1, 2))), (0, 1), value=1.0)
    logits = torch.bmm(middle, output.transpose(1, 2)).squeeze(-1)
    losses = F.binary_cross_entropy_with_logits(logits, LABELS.expand_as(logits), reduction="none")
    return -losses.mean(1)


def affine_data() -> tuple[Tensor, Tensor]:
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    turn = torch.tensor([[math.cos(ANGLE), -math.sin(ANGLE)], [math.sin(ANGLE), math.cos(ANGLE)]])
    return points, points @ turn.T * torch.tensor([2.0, 0.5])


def steps_per_second(rounds: int, steps: int = 20) -> dict[str, dict[str, float]]:
    """Of both tasks, by hand and by the library, in turns within one process on one thread.

    Args:
        rounds: how often each way is timed.
        steps: of one timing.

    Returns:
        Task to way to the median: ``by hand``, ``TorchEggrollES`` and ``optimize``, which is a system of two
        hyperfunctions with everything a run keeps.
    """
    points, targets = affine_data()

    def affine_by_hand(turn: Tensor, stretch: Tensor) -> Tensor:
        turned = torch.bmm(points.expand(len(turn), 50, 2), turn.transpose(1, 2))
        return -((torch.bmm(turned, stretch.transpose(1, 2)) - targets) ** 2).mean(dim=(1, 2))

    def library(model: nn.Module, pop: int, sigma: float, lr: float, batch: dict[str, Any]) -> Step:
        es = TorchEggrollES(model, pop, sigma, lr * sigma, unit="raw")
        return lambda: es.step(**batch)

    xor = {"inputs": POINTS, "targets": LABELS, "loss_fn": F.binary_cross_entropy_with_logits}
    affine = {"inputs": points, "targets": targets, "loss_fn": F.mse_loss}
    tasks: dict[str, dict[str, Step]] = {
        "xor": {
            "by hand": ByHand(Xor(), xor_by_hand, 64, 0.3, 0.2),
            "TorchEggrollES": library(Xor(), 64, 0.3, 0.2, xor),
        },
        "affine": {
            "by hand": ByHand(Affine(), affine_by_hand, 32, 0.1, 0.1),
            "TorchEggrollES": library(Affine(), 32, 0.1, 0.1, affine),
        },
    }
    data = [Example({"x": point}, target) for point, target in zip(points, targets, strict=True)]

    def xor_run(seed: int, count: int) -> float:
        search = Eggroll(64, 0.3, 0.06, unit="raw", steps=count)
        return _run_seconds(xor_task.TwoLayers(), xor_task.EXAMPLES, xor_task.likelihood, search, seed)

    def affine_run(seed: int, count: int) -> float:
        search = Eggroll(32, 0.1, 0.01, unit="raw", steps=count)
        return _run_seconds(affine_task.Affine(), data, affine_task.closeness, search, seed)

    runs = {"xor": xor_run, "affine": affine_run}
    found = {}
    for task, ways in tasks.items():
        seconds = _in_turns(ways, rounds, steps)
        # Two runs of different length, so that what a run costs once is not counted.
        seconds["optimize"] = [
            runs[task](seed, 2 * steps) - runs[task](seed + rounds, steps) for seed in range(rounds)
        ]
        found[task] = {way: steps / statistics.median(taken) for way, taken in seconds.items()}
    return found


def _run_seconds(system: HyperSystem, data: list[Example], metric: Any, search: Eggroll, seed: int) -> float:
    """Processor time of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        system.optimize(data, metric, test=data, optimizer=search, seed=seed, ledger=folder)
        return time.process_time() - began


def learnt(seeds: int) -> dict[str, Any]:
    """What :class:`TorchEggrollES` reaches under the settings of ``TorchEggrollSystemOptimizer``.

    Args:
        seeds: of starts and noise.

    Returns:
        ``xor``: how many seeds have every point right after 200 steps; ``affine``: the worst mean squared
        error after 100.
    """
    points, targets = affine_data()
    solved, errors = 0, []
    for seed in range(seeds):
        torch.manual_seed(seed)
        xor, affine = Xor(), Affine()
        decay = 0.5 ** (1 / 200)
        es = TorchEggrollES(
            xor, 64, 0.3, 0.24, unit="raw", rank=4, seed=seed, sigma_decay=decay, lr_decay=decay
        )
        for _ in range(200):
            es.step(inputs=POINTS, targets=LABELS, loss_fn=F.binary_cross_entropy_with_logits)
        decay = 0.5 ** (1 / 100)
        es = TorchEggrollES(
            affine, 32, 0.1, 0.04, unit="raw", rank=4, seed=seed, sigma_decay=decay, lr_decay=decay
        )
        for _ in range(100):
            es.step(inputs=points, targets=targets, loss_fn=F.mse_loss)
        with torch.no_grad():
            solved += bool(((xor(POINTS) > 0) == (LABELS > 0)).all())
            errors.append(float(F.mse_loss(affine(points), targets)))
    return {"xor": solved, "affine": max(errors)}


def update_cost(examples: int, rounds: int, members: int = 256, width: int = 512) -> dict[str, float]:
    """Time of the update of one matrix over the time of its layer's forward, in turns on one thread.

    Args:
        examples: rows of each member.
        rounds: how often each is timed.
        members: of the population.
        width: of the square layer.

    Returns:
        ``kept`` from noise that is still there, ``regenerated`` with noise drawn again, ``dense`` from
        matrices written out.
    """
    center = np.zeros((width, width), np.float32)
    kept = FactorNoise(1, center.shape, 1, members // 2)
    again = FactorNoise(1, center.shape, 1, members // 2, kept=False)
    weight, inputs = torch.from_numpy(center), torch.randn(members, examples, width)
    left, right = (torch.from_numpy(np.ascontiguousarray(side)) for side in kept(0, members // 2))
    scale = torch.tensor([0.1, -0.1]).repeat(members // 2)
    weights_G = np.random.default_rng(0).normal(size=members // 2)
    few = torch.randn(32, width, width)

    ways: dict[str, Step] = {
        "forward": lambda: perturbed_linear(inputs, weight, None, left, right, scale),
        "kept": lambda: kept.fold(weights_G),
        "regenerated": lambda: again.fold(weights_G),
        "dense": lambda: torch.einsum("k,koi->oi", few[:, 0, 0], few),
    }
    seconds = {way: statistics.median(taken) for way, taken in _in_turns(ways, rounds, 1).items()}
    seconds["dense"] *= members / len(few)
    return {way: taken / seconds["forward"] for way, taken in seconds.items() if way != "forward"}


def _in_turns(ways: dict[str, Step], rounds: int, repeats: int) -> dict[str, list[float]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    try:
        with torch.no_grad(), one_blas_thread():
            for turn in range(rounds + 1):
                for way, step in ways.items():
                    began = time.process_time()
                    for _ in range(repeats):
                        step()
                    if turn:  # the first one warms up
                        taken[way].append(time.process_time() - began)
    finally:
        torch.set_num_threads(threads)
    return taken
