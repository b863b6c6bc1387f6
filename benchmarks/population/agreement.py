"""How far results of one program lie apart when it is run in other ways."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.population.evaluation import Affine, closeness
from hyperfunc import Example, HyperSystem, LoRAWeight, TorchEggrollSystemOptimizer, hyperfunction

__all__ = ["chunks_and_threads", "modes"]

WIDTH = 6
Square = LoRAWeight.create(WIDTH, WIDTH, 1)
LAYERS: dict[str, Callable[[Any, Any], Any]] = {
    "matrix": lambda x, weight: weight @ x,
    "linear": F.linear,
    "residual": lambda x, weight: x + torch.tanh(x @ weight.T),
    "gate": lambda x, weight: torch.sigmoid(weight @ x) * x,
    "norm": lambda x, weight: F.layer_norm(weight @ x, (WIDTH,)),
    "inverse": lambda x, weight: torch.linalg.solve(weight @ weight.T + torch.eye(WIDTH), x),
    # Not the sum: after a norm it is zero but for rounding, and so would its sign be.
    "look": lambda x, weight: weight @ x if x[0].item() > 0 else x,
}


def modes(programs: int) -> float:
    """The largest difference between fused, waves and plain, over random programs of three layers.

    Differences are relative to 1 + the size of the value. Programs with a look at a tensor's value cannot
    be fused and fall back.
    """
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(programs):
        system = _program(rng.choice(list(LAYERS), 3).tolist())
        chosen = [system.space.sample(rng) for _ in range(8)]
        data = [
            Example({"x": torch.from_numpy(x)}, torch.from_numpy(y))
            for x, y in rng.normal(size=(4, 2, WIDTH)).astype(np.float32)
        ]
        found = {
            mode: system.evaluate_population(chosen, data, closeness, execution=mode).values_K
            for mode in ("auto", "waves", "plain")
        }
        size = 1.0 + np.abs(found["plain"])
        worst = max(worst, *(float((np.abs(v - found["plain"]) / size).max()) for v in found.values()))
    return worst


def _program(kinds: Sequence[str]) -> HyperSystem:
    layers = []
    for number, kind in enumerate(kinds):

        def layer(x: Any, *, hp: Any, kind: str = kind) -> Any:
            return LAYERS[kind](x, hp.weight)

        layers.append(hyperfunction(hp_type=Square, optimize_hparams=True, name=f"layer{number}")(layer))

    class Stack(HyperSystem):
        def run(self, x: Any) -> Any:
            for layer in layers:
                x = layer(x)
            return x

    return Stack(layers)


def chunks_and_threads() -> float:
    """The largest relative difference of learnt weights between whole, chunked and two-threaded runs."""
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    data = [Example({"x": x}, 1.5 * x.flip(0)) for x in points]
    threads = torch.get_num_threads()

    def run(chunk: int | None, count: int) -> np.ndarray:
        torch.set_num_threads(count)
        search = TorchEggrollSystemOptimizer(steps=60, pop_size=32, sigma=0.1, lr=0.1)
        with tempfile.TemporaryDirectory() as folder:
            result = Affine(ledger=folder).optimize(data, closeness, optimizer=search, max_batch_size=chunk)
        return np.concatenate([np.ravel(value) for value in result.winner.values()])

    try:
        whole = run(None, 1)
        others = [run(chunk, count) for chunk, count in ((100, 1), (400, 1), (None, 2))]
    finally:
        torch.set_num_threads(threads)
    return max(float((np.abs(other - whole) / np.abs(whole).max()).max()) for other in others)
