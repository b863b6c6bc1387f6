"""The same network written the plain way in torch, in double precision, from the same weight file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hyperfunc.llm.local.transformer import Architecture


def tensors(weights: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    # Threads that wait for each other would take most of the time of products this small.
    torch.set_num_threads(1)
    return {name: torch.tensor(np.asarray(value, np.float64)) for name, value in weights.items()}


def reference_logprobs(a: Architecture, w: Mapping[str, Tensor], ids: list[int]) -> Tensor:
    """Log-probabilities ``[tokens, vocab]`` of the next token after each token."""
    length = len(ids)
    embedded = w["embed"][ids]
    x = embedded.clone()
    if a.token_shift:
        x[1:] += embedded[:-1] @ w["shift1"].T
        x[2:] += embedded[:-2] @ w["shift2"].T
    mask = torch.full((length, length), -torch.inf, dtype=torch.float64).triu(1)
    for layer in range(a.layers):
        b = {name: w[f"blocks.{layer}.{name}"] for name in _NAMES}
        h = F.rms_norm(x, (a.width,), b["norm1"], a.norm_eps)
        q, k, v = ((h @ b[name].T).view(length, a.heads, -1).transpose(0, 1) for name in "qkv")
        q, k = _rotate(q, a.rope_base), _rotate(k, a.rope_base)
        mixed = torch.softmax(q @ k.transpose(1, 2) / q.shape[-1] ** 0.5 + mask, -1) @ v
        x = x + mixed.transpose(0, 1).reshape(length, -1) @ b["o"].T
        h = F.rms_norm(x, (a.width,), b["norm2"], a.norm_eps)
        x = x + (F.silu(h @ b["gate"].T) * (h @ b["up"].T)) @ b["down"].T
    final = F.rms_norm(x, (a.width,), w["norm"], a.norm_eps)
    return torch.log_softmax(final @ w["embed" if a.tied else "unembed"].T, -1)


_NAMES = ("norm1", "q", "k", "v", "o", "norm2", "gate", "up", "down")


def _rotate(x: Tensor, base: float) -> Tensor:
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[1])[:, None] * base ** (-torch.arange(half, dtype=torch.float64) / half)
    turned = torch.view_as_complex(torch.stack([x[..., :half], x[..., half:]], -1)) * torch.exp(1j * angles)
    return torch.cat([turned.real, turned.imag], -1)
