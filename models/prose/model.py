"""The training form of `local/prose`: a small Llama whose parameter names are those of the weight file."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Llama", "Shape"]


@dataclass(frozen=True)
class Shape:
    """Sizes of the network.

    Args:
        vocab: number of tokens.
        width: residual width; ``width / heads`` must be even.
        layers: number of blocks.
        heads: attention heads.
        hidden: width inside the gated feed-forward part.
        rope_base: base of the rotary frequencies.
        norm_eps: added to the mean square before the root.
    """

    vocab: int
    width: int = 160
    layers: int = 4
    heads: int = 5
    hidden: int = 448
    rope_base: float = 10000.0
    norm_eps: float = 1e-5


class Block(nn.Module):
    """Attention and a gated feed-forward part, each behind a norm and added to the stream."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads, self.eps = shape.heads, shape.norm_eps
        self.norm1 = nn.Parameter(torch.ones(shape.width))
        self.norm2 = nn.Parameter(torch.ones(shape.width))
        self.q, self.k, self.v, self.o = (_matrix(shape.width, shape.width) for _ in range(4))
        self.gate, self.up = (_matrix(shape.hidden, shape.width) for _ in range(2))
        self.down = _matrix(shape.width, shape.hidden)

    def forward(self, x_BTD: Tensor, cos_TH: Tensor, sin_TH: Tensor, mask_TT: Tensor) -> Tensor:
        normed = F.rms_norm(x_BTD, x_BTD.shape[-1:], self.norm1, self.eps)
        q, k, v = (
            F.linear(normed, w).view(*x_BTD.shape[:2], self.heads, -1).transpose(1, 2)
            for w in (self.q, self.k, self.v)
        )
        q, k = (rotate(part, cos_TH, sin_TH).to(v.dtype) for part in (q, k))
        # Plain products: on CPUs the fused attention kernel is several times slower in bfloat16 training.
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 + mask_TT
        mixed = torch.softmax(scores, -1, dtype=torch.float32).to(v.dtype) @ v
        x_BTD = x_BTD + F.linear(mixed.transpose(1, 2).flatten(2), self.o)
        normed = F.rms_norm(x_BTD, x_BTD.shape[-1:], self.norm2, self.eps)
        return x_BTD + F.linear(F.silu(F.linear(normed, self.gate)) * F.linear(normed, self.up), self.down)


class Llama(nn.Module):
    """Token ids to next-token logits; input and output embeddings are one matrix."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = nn.Parameter(torch.randn(shape.vocab, shape.width) * 0.02)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(shape.width))

    def forward(self, ids_BT: Tensor) -> Tensor:
        length = ids_BT.shape[1]
        cos_TH, sin_TH = rotary_angles(length, self.shape)
        mask_TT = torch.full((length, length), -1e9).triu(1)
        x_BTD = F.embedding(ids_BT, self.embed)
        for block in self.blocks:
            x_BTD = block(x_BTD, cos_TH, sin_TH, mask_TT)
        normed = F.rms_norm(x_BTD, x_BTD.shape[-1:], self.norm, self.shape.norm_eps)
        return F.linear(normed, self.embed)

    def matrices(self) -> list[nn.Parameter]:
        """The two-dimensional weights inside the blocks."""
        return [p for p in self.blocks.parameters() if p.ndim == 2]

    def others(self) -> list[nn.Parameter]:
        """Embedding and gains."""
        inside = {id(p) for p in self.matrices()}
        return [p for p in self.parameters() if id(p) not in inside]


def rotary_angles(length: int, shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosines and sines of every position, each ``[length, head width]``."""
    head = shape.width // shape.heads
    rates = shape.rope_base ** (-torch.arange(0, head, 2) / head)
    angles = torch.arange(length)[:, None] * rates
    both_halves = torch.cat([angles, angles], -1)
    return both_halves.cos(), both_halves.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position: the first half of a head is the real part, the second the imaginary one."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def _matrix(rows: int, columns: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, columns) * 0.02)
