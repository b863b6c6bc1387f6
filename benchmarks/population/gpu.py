"""``python -m benchmarks.population.gpu [--small]``: the forward of a population against pure inference.

Prints one JSON object per shape, then a table. Ratios are those of medians of interleaved rounds; 1 is the
time of the same rows through unperturbed weights. Without an accelerator only ``--small`` runs, to show that
the script does.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.report_table import Table
from hyperfunc.tensors import perturbed_linear
from hyperfunc.torch_es.noise import DeviceNoise

__all__ = ["Shape", "measure_shape"]

SIGMA = 0.01
WARM_UP, ROUNDS = 3, 21
NAIVE_BYTES = 2 << 30
"""Dense copies of a layer's weights that are made to see what they would cost."""


@dataclass(frozen=True)
class Shape:
    """P members see b examples each, through layers of D by D."""

    members: int
    examples: int
    width: int
    layers: int

    def __str__(self) -> str:
        return f"{self.members}x{self.examples}, D={self.width}, {self.layers} layers"


LARGE = [Shape(1024, 1, 8192, 1), Shape(1024, 16, 4096, 4), Shape(4096, 8, 2048, 8), Shape(16384, 16, 512, 3)]
SMALL = [Shape(64, 1, 256, 1), Shape(64, 16, 256, 3)]

Layer = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]
Ways = dict[str, Callable[[], object]]


def perturbed_layer(x: Tensor, weight: Tensor, left: Tensor, right: Tensor, scale: Tensor) -> Tensor:
    return torch.relu_(perturbed_linear(x, weight, None, left, right, scale))


def linear_layer(x: Tensor, weight: Tensor) -> Tensor:
    return torch.relu_(F.linear(x, weight))


class Case:
    """Weights, inputs and noise of one shape, and the ways to run it."""

    def __init__(self, shape: Shape, device: torch.device, dtype: torch.dtype) -> None:
        self.shape, self.device, self.dtype = shape, device, dtype
        width, members = shape.width, shape.members
        self.weights = [
            (torch.randn(width, width, device=device) / math.sqrt(width)).to(dtype)
            for _ in range(shape.layers)
        ]
        self.inputs = torch.randn(members, shape.examples, width, device=device, dtype=dtype)
        self.scale = torch.tensor([SIGMA, -SIGMA], device=device, dtype=dtype).repeat(members // 2)
        self.noise = [
            DeviceNoise(key, (width, width), 1, members // 2, device, kept=False)
            for key in range(shape.layers)
        ]
        self.held = [replace(noise, kept=True, _made=[]) for noise in self.noise]
        self.kept = [self.drawn(layer) for layer in range(shape.layers)]
        self.compiled: Layer = torch.compile(perturbed_layer, dynamic=False)
        self.compiled_linear = torch.compile(linear_layer, dynamic=False)

    def drawn(self, layer: int) -> tuple[Tensor, Tensor]:
        left, right = self.noise[layer](0, self.shape.members // 2)
        return left.to(self.dtype), right.to(self.dtype)

    def inference(self, layer_of: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        x = self.inputs.view(-1, self.shape.width)
        for weight in self.weights:
            x = layer_of(x, weight)
        return x

    def population(self, layer_of: Layer, fresh: bool) -> Tensor:
        x = self.inputs
        for layer, weight in enumerate(self.weights):
            left, right = self.drawn(layer) if fresh else self.kept[layer]
            x = layer_of(x, weight, left, right, self.scale)
        return x

    def dense(self, members: int) -> Callable[[], Tensor]:
        """One layer with a matrix of its own for each of so many members."""
        weights = torch.randn(
            members, self.shape.width, self.shape.width, device=self.device, dtype=self.dtype
        )
        return lambda: torch.bmm(self.inputs[:members], weights)

    def update(self, weights_G: np.ndarray) -> list[Tensor]:
        return [noise.fold(weights_G) for noise in self.held]


def measure_shape(shape: Shape, device: torch.device, dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    """All figures of one shape."""
    case = Case(shape, device, dtype)
    weights_G = np.random.default_rng(0).normal(size=shape.members // 2)
    ways: Ways = {
        "inference": lambda: case.inference(linear_layer),
        "inference, compiled": lambda: case.inference(case.compiled_linear),
        "kept noise, eager": lambda: case.population(perturbed_layer, fresh=False),
        "fresh noise, eager": lambda: case.population(perturbed_layer, fresh=True),
        "kept noise, compiled": lambda: case.population(case.compiled, fresh=False),
        "fresh noise, compiled": lambda: case.population(case.compiled, fresh=True),
        "update": lambda: case.update(weights_G),
    }
    failures, peaks = {}, {}
    for name in list(ways):
        try:
            peaks[name] = _peak(ways[name], device)
        except Exception as error:  # what a compiler cannot do here is a figure that is missing, not a crash
            failures[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
            del ways[name]
    seconds = _interleaved(ways, device, rounds)
    base = min(seconds[name] for name in ("inference", "inference, compiled") if name in seconds)
    rows = shape.members * shape.examples
    few = max(2, min(shape.members, NAIVE_BYTES // (shape.width**2 * torch.finfo(dtype).bits // 8)))
    dense = _interleaved({"dense": case.dense(few)}, device, rounds)["dense"]
    return {
        "members": shape.members, "examples": shape.examples, "width": shape.width, "layers": shape.layers,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "CPU, one thread",
        "dtype": str(dtype), "rounds": rounds,
        "inference_ms": base * 1e3,
        "inference_tflops": 2 * rows * shape.width**2 * shape.layers / base / 1e12,
        "ratio": {name: base / taken for name, taken in seconds.items() if "noise" in name},
        "update_over_inference": seconds["update"] / base,
        "dense_ratio": (base / shape.layers / shape.members) / (dense / few),
        "peak_gb": {name: peak / 1e9 for name, peak in peaks.items() if peak is not None},
        "not_measured": failures,
    }  # fmt: skip


def _peak(way: Callable[[], object], device: torch.device) -> int | None:
    """Warms up, and returns the most memory a run had, in bytes, where a device counts it."""
    for _ in range(WARM_UP):
        way()
    if device.type != "cuda":
        return None
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    way()
    torch.cuda.synchronize()
    return int(torch.cuda.max_memory_allocated())


def _interleaved(
    ways: dict[str, Callable[[], object]], device: torch.device, rounds: int
) -> dict[str, float]:
    """Median seconds of each way, all of them once a round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(_seconds(way, device))
    return {name: statistics.median(each) for name, each in taken.items()}


def _seconds(way: Callable[[], object], device: torch.device) -> float:
    if device.type != "cuda":
        began = time.process_time()
        way()
        return time.process_time() - began
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    start.record()
    way()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end)) / 1e3


def _enter(table: Table, shape: Shape, figures: dict[str, Any]) -> None:
    table.add(f"{shape}: inference", figures["inference_tflops"], "TFLOP/s", note=figures["device"])
    for name, ratio in figures["ratio"].items():
        peak = figures["peak_gb"].get(name)
        table.add(f"{shape}: {name}", ratio, "of inference", note=f"peak {peak:.2f} GB" if peak else "")
    table.add(f"{shape}: a dense matrix each", figures["dense_ratio"], "of inference")
    table.add(f"{shape}: update / inference", figures["update_over_inference"], "x")
    for name, why in figures["not_measured"].items():
        table.not_measured(f"{shape}: {name}", why)


def main() -> int:
    """Measures every shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="small shapes, few rounds, any machine")
    small = parser.parse_args().small
    if not small and not torch.cuda.is_available():
        print("no CUDA device here; --small shows that the script runs", file=sys.stderr)
        return 1
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu":
        torch.set_num_threads(1)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    table = Table(quick=small)
    with torch.no_grad():
        for shape in SMALL if small else LARGE:
            figures = measure_shape(shape, device, dtype, 3 if small else ROUNDS)
            print(json.dumps(figures), flush=True)
            _enter(table, shape, figures)
    print(f"\nforward of a population, {dtype}, rank 1\n{table}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
