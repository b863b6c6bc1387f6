"""The network of ``local/office``: a small decoder-only transformer.

RMSNorm, rotary positions, SwiGLU, separate input and output embeddings, and a token shift: the input of
place t also sees the embeddings of the two tokens before it, which makes copying cheap to learn.

Source:
    Touvron et al. (2023), "LLaMA"; Su et al. (2021), "RoFormer"; Shazeer (2020), "GLU Variants Improve
    Transformer". Token shift follows the idea in Peng et al. (2023), "RWKV".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["Network", "Shape"]

Cache = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Shape:
    """Architecture numbers; the longest text is ``context`` tokens."""

    vocab: int
    width: int = 192
    layers: int = 4
    heads: int = 4
    hidden: int = 512
    context: int = 1024
    rope_base: float = 10000.0
    norm_eps: float = 1e-5


class _Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d, out = shape.width, 0.02 / math.sqrt(2 * shape.layers)
        self.heads, self.eps = shape.heads, shape.norm_eps
        self.norm1, self.norm2 = nn.Parameter(torch.ones(d)), nn.Parameter(torch.ones(d))
        self.q, self.k, self.v, self.o = (nn.Parameter(_uniform(d, d)) for _ in range(4))
        self.gate, self.up = (nn.Parameter(_uniform(shape.hidden, d)) for _ in range(2))
        self.down = nn.Parameter(torch.randn(d, shape.hidden) * out)
        nn.init.normal_(self.o, std=out)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, past: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        batch, length, d = x.shape
        dtype = x.dtype
        normed = F.rms_norm(x, (d,), self.norm1.to(dtype), self.eps)
        weight = torch.cat([self.q, self.k, self.v]).to(dtype)
        heads = F.linear(normed, weight).view(batch, length, 3, self.heads, d // self.heads)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        q, k = _rotate(q * (d // self.heads) ** -0.5, turn), _rotate(k, turn)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        # Written out because fused attention is several times slower in bfloat16 on a CPU.
        scores = torch.matmul(q, k.transpose(-1, -2))
        if mask is not None:
            scores = scores + mask
        mixed = torch.matmul(scores.softmax(-1), v).transpose(1, 2).reshape(batch, length, d)
        x = x + F.linear(mixed, self.o.to(dtype))
        normed = F.rms_norm(x, (d,), self.norm2.to(dtype), self.eps)
        gate, up = F.linear(normed, torch.cat([self.gate, self.up]).to(dtype)).chunk(2, -1)
        return x + F.linear(F.silu(gate) * up, self.down.to(dtype)), (k, v)


class Network(nn.Module):
    """The transformer; parameter names are the tensor names of the exported file.

    Args:
        shape: architecture numbers.
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d = shape.width
        self.shape = shape
        self.embed = nn.Parameter(torch.randn(shape.vocab, d) * 0.3)
        # Tied weights would pull apart-standing input words together: only answers carry a loss.
        self.unembed = nn.Parameter(torch.randn(shape.vocab, d) * 0.02)
        self.shift1, self.shift2 = nn.Parameter(_uniform(d, d)), nn.Parameter(_uniform(d, d))
        self.blocks = nn.ModuleList(_Block(shape) for _ in range(shape.layers))
        self.norm = nn.Parameter(torch.ones(d))
        half = d // shape.heads // 2
        angles = torch.arange(shape.context)[:, None] * shape.rope_base ** (-torch.arange(half) / half)
        angles = torch.cat([angles, angles], -1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def hidden(self, ids: Tensor, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        """Final states (batch, length, width) of right-padded ``ids`` (batch, length)."""
        length = ids.shape[1]
        mask = torch.full((length, length), -1e4, dtype=dtype).triu(1)
        return self._run(self._inputs(ids, dtype), 0, mask, None)[0]

    def step(self, ids: Tensor, before: int, mask: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        """Logits after the last of ``ids``; the first ``before`` columns are seen by the shift alone."""
        x = self._inputs(ids, torch.float32)[:, before:]
        start = 0 if past is None else past[0][0].shape[2]
        states, cache = self._run(x, start, mask, past)
        return F.linear(states[:, -1], self.unembed), cache

    def _inputs(self, ids: Tensor, dtype: torch.dtype) -> Tensor:
        x = F.embedding(ids, self.embed).to(dtype) * (ids > 0).unsqueeze(-1)
        once = F.pad(F.linear(x, self.shift1.to(dtype)), (0, 0, 1, 0))[:, :-1]
        twice = F.pad(F.linear(x, self.shift2.to(dtype)), (0, 0, 2, 0))[:, :-2]
        return x + once + twice

    def _run(self, x: Tensor, start: int, mask: Tensor, past: Cache | None) -> tuple[Tensor, Cache]:
        end = start + x.shape[1]
        turn = (self.cos[start:end].to(x.dtype), self.sin[start:end].to(x.dtype))  # type: ignore[index]
        cache: Cache = []
        for index, block in enumerate(self.blocks):
            x, kept = block(x, turn, mask, None if past is None else past[index])
            cache.append(kept)
        return F.rms_norm(x, (x.shape[-1],), self.norm.to(x.dtype), self.shape.norm_eps), cache


def _uniform(rows: int, columns: int) -> Tensor:
    return (torch.rand(rows, columns) * 2 - 1) / math.sqrt(columns)


def _rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    half = x.shape[-1] // 2
    swapped = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * turn[0] + swapped * turn[1]
