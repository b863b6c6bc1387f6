"""Scaled dot-product attention under ``torch.vmap``, with all levels in one batch."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .levels import Batch, batched, peel
from .lowrank import LowRank, handles

__all__ = ["scaled_dot_product_attention"]


@handles(F.scaled_dot_product_attention)
def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, attn_mask: Any = None, dropout_p: float = 0.0, is_causal: bool = False,
    scale: float | None = None, enable_gqa: bool = False,
) -> Any:  # fmt: skip
    """``F.scaled_dot_product_attention`` with all levels of vmap folded into the batch axis.

    On a CPU, vmap itself would run the members one by one. Dropout is left to it.
    """
    given = [query, key, value] if attn_mask is None else [query, key, value, attn_mask]
    if dropout_p or any(isinstance(tensor, LowRank) for tensor in given):
        return NotImplemented
    peeled = [found for found in map(peel, given) if found is not None]
    if len(peeled) < len(given):
        return NotImplemented
    options: dict[str, Any] = dict(is_causal=is_causal, scale=scale, enable_gqa=enable_gqa)
    batch: Batch = tuple(sorted({place for _, own in peeled for place in own}))
    if not batch:
        return F.scaled_dot_product_attention(query, key, value, attn_mask, **options)
    shared = tuple(torch.broadcast_shapes(*[tensor.shape[:-3] for tensor in given]))  # type: ignore[no-untyped-call]
    heads = [tensor.shape[-3] if tensor.dim() > 2 else 1 for tensor in given]
    if not enable_gqa:
        heads[:3] = [max(heads[:3])] * 3
    parts = [
        tensor
        if at == 3 and tensor.dim() == 2 and not own
        else _folded(tensor, own, batch, (*shared, heads[at]))
        for at, (tensor, own) in enumerate(peeled)
    ]
    mask = parts[3] if attn_mask is not None else None
    y = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], mask, **options)
    lead = (*shared, heads[0]) if max(tensor.dim() for tensor in given[:3]) > 2 else ()
    return batched(y.reshape(*[size for _, size in batch], *lead, *y.shape[-2:]), batch)


def _folded(value: Tensor, own: Batch, batch: Batch, lead: tuple[int, ...]) -> Tensor:
    """[levels and batch, heads, length, width], the four axes that the fused kernels know."""
    sizes = [size for _, size in batch]
    present = [size if (level, size) in own else 1 for level, size in batch]
    inner = value.shape[len(own) :]
    padded = value.reshape(*present, *[1] * (len(lead) + 2 - len(inner)), *inner)
    return padded.expand(*sizes, *lead, -1, -1).reshape(-1, lead[-1], *inner[-2:])
