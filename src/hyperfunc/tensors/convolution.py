"""Convolutions with low-rank weights: a shared one, and one of rank r followed by a 1x1 one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .levels import arranged, batched, peel
from .lowrank import LowRank, handles

__all__: list[str] = []


def _convolution(
    axes: int, conv: Callable[..., Tensor], input: Any, weight: Any, bias: Any = None, stride: Any = 1,  # noqa: A002
    padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Any:  # fmt: skip
    low = isinstance(weight, LowRank) and not isinstance(input, LowRank) and not isinstance(bias, LowRank)
    if not low or groups != 1 or weight.weight.dim() != axes + 2:
        return NotImplemented
    peeled = peel(input)
    if peeled is None:
        return NotImplemented
    value, batch = peeled
    front = weight.batch
    found = arranged(value, batch, front) if front else (value.unsqueeze(0), batch)
    rest = batch if found is None else found[1]
    members, pairs, rank = weight.members, weight.left.shape[0], weight.left.shape[2]
    options = dict(stride=stride, padding=padding, dilation=dilation)
    # x is [M, n, channels, *places], or without M where all members see the same.
    x = value if found is None else found[0]
    lead = x.shape[(found is not None) : -axes - 1]
    x = x.reshape(*([] if found is None else [members]), -1, *x.shape[-axes - 1 :])
    filters = weight.right.mT.reshape(pairs * rank, *weight.weight.shape[1:])
    found_bias = None if bias is None else peel(bias)
    plain = bias if found_bias is not None and not found_bias[1] else None
    if found is None:
        y = conv(x, weight.weight, plain, **options)
        t = conv(x, filters, None, **options)
        n, places = y.shape[0], y.shape[2:]
        y = y.expand(members, *y.shape).contiguous()
        # [n, G r, places] to [G, r, 1, n places]
        t = t.view(n, pairs, rank, -1).permute(1, 2, 0, 3).reshape(pairs, rank, 1, n, -1)
    else:
        n = x.shape[1]
        y = conv(x.flatten(0, 1), weight.weight, plain, **options)
        places = y.shape[2:]
        y = y.view(members, n, *y.shape[1:])
        own = x.reshape(pairs, -1, *x.shape[2:]).transpose(0, 1).flatten(1, 2)
        t = conv(own, filters, None, groups=pairs, **options)
        t = (
            t.view(t.shape[0], pairs, rank, -1)
            .permute(1, 2, 0, 3)
            .reshape(pairs, rank, members // pairs, n, -1)
        )
    if weight.scale is not None:
        t = t * weight.scale.view(pairs, 1, -1, 1, 1)
    _add(y.view(members, n, weight.left.shape[1], -1), t, weight.left)
    y = y.view(*[size for _, size in front], *lead, weight.left.shape[1], *places)
    y = batched(y, (*front, *rest)) if front or rest else y
    return y if bias is None or plain is not None else y + bias.view(-1, *[1] * axes)


def _add(y: Tensor, t: Tensor, left: Tensor) -> None:
    """Y [M, n, rows, places] plus left [G, rows, r] times t [G, r, M / G or 1, n, places], in place."""
    groups, rows, rank = left.shape
    members, n, _, places = y.shape
    each = members // groups
    t = t.expand(groups, rank, each, n, places)
    if rank == 1:
        y.view(groups, each, n, rows, places).addcmul_(
            t.permute(0, 2, 3, 1, 4), left.view(groups, 1, 1, rows, 1)
        )
        return
    wide = left.view(groups, 1, rows, rank).expand(groups, each * n, rows, rank).reshape(-1, rows, rank)
    y.view(-1, rows, places).baddbmm_(wide, t.permute(0, 2, 3, 1, 4).reshape(-1, rank, places))


handles(F.conv1d, torch.conv1d)(partial(_convolution, 1, F.conv1d))
handles(F.conv2d, torch.conv2d)(partial(_convolution, 2, F.conv2d))
handles(F.conv3d, torch.conv3d)(partial(_convolution, 3, F.conv3d))
