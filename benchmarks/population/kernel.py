"""The kernel alone: a population of perturbed multi-layer perceptrons against pure inference."""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.population.timing import Ratios, interleaved, ratios
from hyperfunc.optimizers.lowrank import FactorNoise
from hyperfunc.spaces import LowRankStack
from hyperfunc.tensors import perturbed_linear

__all__ = ["Perceptrons", "extra_memory", "speed"]

WIDTH, LAYERS, SIGMA = 512, 3, 0.05
ROWS = 4096
"""Rows at once: all, for pure inference is the faster the fewer products it is cut into."""
NOISE_GROUPS = 128
"""Pairs whose noise is drawn at once."""


class Perceptrons:
    """P members of rank-1 noise that see b inputs each.

    Args:
        members: P.
        each: b.
    """

    def __init__(self, members: int, each: int) -> None:
        torch.manual_seed(0)
        self.members, self.each = members, each
        self.weights = [torch.randn(WIDTH, WIDTH) / math.sqrt(WIDTH) for _ in range(LAYERS)]
        self.biases = [torch.randn(WIDTH) / 10 for _ in range(LAYERS)]
        self.inputs = torch.randn(members, each, WIDTH)
        self.pairs = max(1, ROWS // (2 * each))

    def stacks(self, kept: bool) -> list[LowRankStack]:
        """The weights of all members; what is not kept is drawn again whenever it is asked for."""
        made = []
        for layer, weight in enumerate(self.weights):
            noise = FactorNoise(layer, (WIDTH, WIDTH), 1, self.members // 2, kept)
            made.append(noise.column(weight.numpy(), SIGMA, mirrored=True))
            if kept:
                made[-1].factors()
        return made

    def pure(self, rows: int) -> Tensor:
        """The unperturbed network on all rows, ``rows`` at a time."""
        x = self.inputs.view(-1, WIDTH)
        if rows >= len(x):
            return self._layers(x)
        out = torch.empty(len(x), WIDTH)
        for begin in range(0, len(x), rows):
            out[begin : begin + rows] = self._layers(x[begin : begin + rows])
        return out

    def _layers(self, x: Tensor) -> Tensor:
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = F.linear(x, weight, bias)
            if layer < LAYERS - 1:
                x.relu_()
        return x

    def population(self, stacks: list[LowRankStack]) -> Tensor:
        """Every member on its own inputs, [P, b, width]."""
        groups = self.members // 2
        if self.pairs >= groups:
            return self._chunk(self.inputs, stacks, _tensors(stacks, 0, groups))
        out = torch.empty(self.members, self.each, WIDTH)
        block = max(self.pairs, NOISE_GROUPS // self.pairs * self.pairs)
        for first in range(0, groups, block):
            last = min(groups, first + block)
            noise = _tensors(stacks, first, last)
            for begin in range(first, last, self.pairs):
                end = min(last, begin + self.pairs)
                factors = [(a[begin - first : end - first], b[begin - first : end - first]) for a, b in noise]
                out[2 * begin : 2 * end] = self._chunk(self.inputs[2 * begin : 2 * end], stacks, factors)
        return out

    def _chunk(self, x: Tensor, stacks: list[LowRankStack], factors: list[tuple[Tensor, Tensor]]) -> Tensor:
        scale = torch.tensor([stacks[0].scale, -stacks[0].scale]).repeat(len(x) // 2)
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = perturbed_linear(x, weight, bias, *factors[layer], scale)
            if layer < LAYERS - 1:
                x.relu_()
        return x


def _tensors(stacks: list[LowRankStack], begin: int, end: int) -> list[tuple[Tensor, Tensor]]:
    noise = (stack.factors(begin, end) for stack in stacks)
    return [(torch.from_numpy(left), torch.from_numpy(right)) for left, right in noise]


def speed(members: int, each: int, rounds: int, repeats: int = 1) -> Ratios:
    """Speed relative to pure inference, 1 being equal, with kept noise and with noise drawn on the way."""
    with torch.inference_mode():
        case = Perceptrons(members, each)
        kept, drawn = case.stacks(kept=True), case.stacks(kept=False)
        ways: dict[str, Callable[[], object]] = {
            f"pure, {rows} rows at once": functools.partial(case.pure, rows)
            for rows in (256, 512, 1024, members * each)
        }
        ways["noise kept"] = functools.partial(case.population, kept)
        ways["noise on the fly"] = functools.partial(case.population, drawn)
        return ratios(interleaved(ways, rounds, repeats))


_MEMORY = """
import torch
from pathlib import Path
from benchmarks.population.kernel import Perceptrons
torch.set_num_threads(1)
torch.set_grad_enabled(False)
warm = Perceptrons(2, 1)
warm.pure(1), warm.population(warm.stacks(kept=False))
case = Perceptrons(MEMBERS, EACH)
stacks = case.stacks(kept=False)
def kilobytes(name):
    found = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(found[0].split()[1])
Path("/proc/self/clear_refs").write_text("5")
before = kilobytes("VmRSS")
out = WORK
print(kilobytes("VmHWM") - before)
"""


def extra_memory(members: int, each: int, rounds: int) -> list[float]:
    """Peak memory that a population takes beyond weights and inputs, over that of pure inference.

    Each run is a process of its own, and pure inference has the same number of rows at once. Linux only.
    """
    works = {"pure": f"case.pure({ROWS})", "population": "case.population(stacks)"}
    code = _MEMORY.replace("MEMBERS", str(members)).replace("EACH", str(each))

    # Whatever is freed goes back to the system at once, so that memory freed before the run hides nothing.
    strict = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "32768", "MALLOC_TRIM_THRESHOLD_": "0"}

    def taken(work: str) -> float:
        done = subprocess.run(
            [sys.executable, "-c", code.replace("WORK", work)], check=True, capture_output=True, text=True,
            cwd=Path(__file__).parents[2], env=strict,
        )  # fmt: skip
        return float(done.stdout)

    return [taken(works["population"]) / taken(works["pure"]) for _ in range(rounds)]
