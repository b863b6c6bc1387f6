"""Multi-head attention out of linear maps and scaled dot products, so that low-rank weights stay so."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .attention import scaled_dot_product_attention
from .lowrank import handles

__all__ = ["multi_head_attention"]


@handles(F.multi_head_attention_forward)
def multi_head_attention(
    query: Tensor, key: Tensor, value: Tensor, embed_dim_to_check: int, num_heads: int,  # noqa: ARG001
    in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool, dropout_p: float,
    out_proj_weight: Any, out_proj_bias: Any, training: bool = True, key_padding_mask: Any = None,
    need_weights: bool = True, attn_mask: Any = None, use_separate_proj_weight: bool = False,
    q_proj_weight: Any = None, k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None,
    static_v: Any = None, average_attn_weights: bool = True, is_causal: bool = False,
) -> Any:  # fmt: skip
    """``F.multi_head_attention_forward``, with its arguments and results.

    Tensors are [length, batch, width] or [length, width], as there. Dropout of the weights and static keys
    are left to torch's own.
    """
    if static_k is not None or static_v is not None or (dropout_p and training):
        return NotImplemented
    if is_causal and attn_mask is None:
        raise RuntimeError("is_causal is a hint about attn_mask and needs it; give both")
    single = query.dim() == 2
    if single:
        query, key, value = (tensor.unsqueeze(1) for tensor in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected(query, key, value, weights, in_proj_bias)
    _, count, width = q.shape
    if bias_k is not None:
        k = torch.cat([k, bias_k.expand(1, count, width)])
        v = torch.cat([v, bias_v.expand(1, count, width)])
    q, k, v = (tensor.unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3) for tensor in (q, k, v))
    if add_zero_attn:
        k, v = (torch.cat([tensor, torch.zeros_like(tensor[:, :, :1])], 2) for tensor in (k, v))
    mask = _mask(attn_mask, key_padding_mask, q, key.shape[0], k.shape[2])
    if need_weights:
        scores = q @ k.mT * (q.shape[-1] ** -0.5)
        probabilities = F.softmax(scores if mask is None else scores + mask, -1)
        y = probabilities @ v
    else:
        y = scaled_dot_product_attention(q, k, v, mask)
        if y is NotImplemented:
            y = F.scaled_dot_product_attention(q, k, v, mask)
    y = F.linear(y.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias)
    found = None
    if need_weights:
        found = probabilities.mean(1) if average_attn_weights else probabilities
    if single:
        return y.squeeze(1), None if found is None else found.squeeze(0)
    return y, found


def _projected(query: Any, key: Any, value: Any, weights: Any, bias: Any) -> Any:
    """Queries, keys and values, in one product where they are made from the same tensor."""
    if isinstance(weights, tuple):
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        return [F.linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]
    if query is key and key is value:
        return F.linear(query, weights, bias).chunk(3, -1)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return [F.linear(x, w, b) for x, w, b in zip((query, key, value), weights.chunk(3), biases, strict=True)]


def _mask(attn_mask: Any, padding: Any, q: Tensor, given: int, keys: int) -> Any:
    """What is added to the scores, [batch, heads, length, keys] by broadcasting, or ``None``.

    Args:
        attn_mask: [length, given] or [batch * heads, length, given]; True means not allowed.
        padding: [batch, given]; True means not allowed.
        q: [batch, heads, length, width].
        given: number of keys before biases and zeros were appended, which all may see.
        keys: number of keys.
    """
    parts = []
    if attn_mask is not None:
        three = attn_mask.dim() == 3
        parts.append(_added(attn_mask.unflatten(0, q.shape[:2]) if three else attn_mask[None, None], q))
    if padding is not None:
        parts.append(_added(padding[:, None, None], q))
    if not parts:
        return None
    mask = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return F.pad(mask, (0, keys - given)) if keys > given else mask


def _added(mask: Tensor, like: Tensor) -> Tensor:
    if mask.dtype != torch.bool:
        return mask.to(like.dtype)
    return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, float("-inf"))
