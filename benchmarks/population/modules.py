"""Modules written for one candidate and one example, against pure inference of as many rows."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.population.timing import Ratios, interleaved, ratios
from hyperfunc.optimizers.lowrank import FactorNoise
from hyperfunc.spaces import LowRankStack
from hyperfunc.tensors import run_population

__all__ = ["CASES", "Block", "speed"]

WIDTH, HEADS, LENGTH, SIGMA = 256, 4, 32, 0.05
PURE_CHUNKS = (4, 8, 16, 32, 64)


class Block(nn.Module):
    """A transformer block as people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)])
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        heads = [
            t.unflatten(-1, (HEADS, -1)).transpose(-3, -2) for t in self.qkv(self.norms[0](x)).chunk(3, -1)
        ]
        y = F.scaled_dot_product_attention(heads[0], heads[1], heads[2])
        x = x + self.out(y.transpose(-3, -2).flatten(-2))
        return x + self.down(F.gelu(self.up(self.norms[1](x))))


def perceptron() -> nn.Module:
    """256-512-512-256."""
    wide = 2 * WIDTH
    return nn.Sequential(
        nn.Linear(WIDTH, wide), nn.ReLU(inplace=True),
        nn.Linear(wide, wide), nn.ReLU(inplace=True),
        nn.Linear(wide, WIDTH),
    )  # fmt: skip


def encoder_layer() -> nn.Module:
    """torch's own block."""
    return nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=0.0, batch_first=True)


CASES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "perceptron": (perceptron, (WIDTH,)),
    "transformer block": (Block, (LENGTH, WIDTH)),
    "nn.TransformerEncoderLayer": (encoder_layer, (LENGTH, WIDTH)),
}


def speed(
    case: str, members: int, examples: int, rounds: int, *, rank: int = 1, own: bool = False
) -> tuple[list[float], Counter[str]]:
    """Speed relative to pure inference of members x examples rows, and what was written out.

    Unless inputs are ``own``, all members see the same examples, as they do under the engine; a first
    layer's shared product is then made once for all of them, which lets the ratio exceed 1. Matrices
    differ between members, biases and normalization do not.

    Args:
        case: of :data:`CASES`.
        members: P.
        examples: E, mapped one by one by ``torch.vmap``.
        rounds: how often each way is timed.
        rank: of the noise.
        own: every member has examples of its own.
    """
    torch.manual_seed(0)
    make, shape = CASES[case]
    net = make().eval()
    inputs = torch.randn(examples, *shape)
    inputs_P = inputs.expand(members, *inputs.shape).contiguous()
    columns: dict[str, Any] = {**_columns(net, members, rank), **({"inputs": inputs_P} if own else {})}

    def call(values: dict[str, Tensor]) -> Any:
        weights = {name: value for name, value in values.items() if name != "inputs"}
        seen = values.get("inputs", inputs)
        return torch.vmap(lambda x: functional_call(net, weights, (x,)))(seen)

    def population() -> Counter[str]:
        return run_population(call, columns, members)[1]

    rows = inputs_P.flatten(0, 1)

    def pure(chunk: int) -> Tensor:
        return torch.cat([net(part) for part in torch.split(rows, chunk * examples)])

    with torch.no_grad():
        ways: dict[str, Callable[[], object]] = {
            f"pure, {chunk} members at once": functools.partial(pure, chunk)
            for chunk in (*PURE_CHUNKS, members)
            if chunk <= members
        }
        ways["population"] = population
        return _only(ratios(interleaved(ways, rounds))), population()


def _only(found: Ratios) -> list[float]:
    return found["population"]


def _columns(net: nn.Module, members: int, rank: int) -> dict[str, LowRankStack]:
    """Fresh noise whenever it is asked for."""
    return {
        name: FactorNoise(key, tuple(parameter.shape), rank, members // 2, kept=False).column(
            parameter.detach().numpy(), SIGMA, mirrored=True
        )
        for key, (name, parameter) in enumerate(net.named_parameters())
        if parameter.dim() > 1
    }
