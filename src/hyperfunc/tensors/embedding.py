"""Rows of low-rank matrices by number."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from .kernels import add_products_
from .levels import arranged, batched, peel
from .lowrank import LowRank, handles
from .ranges import check_range

__all__ = ["INTEGERS", "rows"]

INTEGERS = (torch.int64, torch.int32)
"""What can number rows."""


@handles(F.embedding)
def _embedding(
    input: Any, weight: Any, _padding: Any = None, max_norm: Any = None, *_: Any, **__: Any,  # noqa: A002
) -> Any:  # fmt: skip
    # Renormalization writes into the matrix; padding and the other options concern gradients alone.
    return NotImplemented if max_norm is not None else rows(input, weight)


def rows(index: Any, weight: LowRank) -> Any:
    """The rows of a matrix of two axes that an integer tensor numbers from 0, [*index, columns]."""
    peeled = None if isinstance(index, LowRank) or weight.weight.dim() != 2 else peel(index)
    if peeled is None:
        return NotImplemented
    value, batch = peeled
    if value.dtype not in INTEGERS:
        return NotImplemented
    check_range(value, weight.weight.shape[0])
    front = weight.batch
    found = arranged(value, batch, front) if front else (value.unsqueeze(0), batch)
    groups, _, rank = weight.left.shape
    members = weight.members
    if found is None:
        rest, lead = batch, value.shape
        flat = value.reshape(-1)
        y = weight.weight[flat].expand(members, -1, -1).contiguous()
        t = weight.left[:, flat].view(groups, 1, -1, rank)
    else:
        value, rest = found
        lead = value.shape[1:]
        flat = value.reshape(members, -1)
        y = weight.weight[flat]
        own = torch.arange(members, device=flat.device) // (members // groups)
        t = weight.left[own.unsqueeze(1), flat].view(groups, members // groups, -1, rank)
    if weight.scale is not None:
        t = t * weight.scale.view(groups, -1, 1, 1)
    t = t.reshape(groups, -1, rank)
    # The right factors play the part of the left ones: a row is its left factor times them.
    add_products_(y.view(groups, t.shape[1], -1), t.mT, weight.right)
    y = y.view(*[size for _, size in front], *lead, -1)
    return batched(y, (*front, *rest)) if front or rest else y
