"""Products with many perturbed copies of one matrix: one shared product and a low-rank correction."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["add_products_", "perturbed_linear", "perturbed_matrices"]

# Below this many rows a group, a transposed copy of the right factors costs less than reading them across.
_FEW_ROWS = 8


def perturbed_linear(
    x: Tensor, weight: Tensor, bias: Tensor | None, left: Tensor, right: Tensor, scale: Tensor | None = None
) -> Tensor:
    """``F.linear`` of M members with M perturbed weights, none of which is written out.

    Member m has the weight ``weight + scale[m] * left[g] @ right[g].T`` with ``g = m // (M // G)``: an
    antithetic pair is a group of two whose scales differ in sign. The product with the shared weight is
    made once for the rows of all members, and the rank-r correction is added to it in place.

    Args:
        x: [M, n, columns], or [n, columns] where all members see the same rows.
        weight: [rows, columns].
        bias: [rows] for all, [M, rows] for each member, or ``None``.
        left: [G, rows, r]; G divides M.
        right: [G, columns, r].
        scale: [M], or ``None`` for ones.

    Returns:
        [M, n, rows], a new tensor.

    Example::

        >>> x, weight = torch.ones(4, 3, 8), torch.zeros(5, 8)
        >>> left, right, scale = torch.ones(2, 5, 1), torch.ones(2, 8, 1), torch.tensor([1.0, -1, 1, -1])
        >>> perturbed_linear(x, weight, None, left, right, scale)[:, 0, 0]
        tensor([ 8., -8.,  8., -8.])

    Source: Sarkar et al., "Evolution strategies at the hyperscale" (2025), section 4.
    """
    groups, rows, rank = left.shape
    members = groups if scale is None else scale.shape[0]
    base = bias if bias is None or bias.dim() == 1 else bias.view(groups, -1, 1, rows)
    if x.dim() == 2:
        t = torch.mm(right.mT.reshape(groups * rank, -1), x.t()).view(groups, rank, 1, -1)
        shared = F.linear(x, weight, base if base is None or base.dim() == 1 else None)
        y = _outer(shared, _scaled(t, scale), left)
        return y if base is None or base.dim() == 1 else y.add_(base.view(members, 1, rows))
    n = x.shape[1]
    t = _inner(x.reshape(groups, -1, x.shape[2]), right).view(groups, rank, members // groups, n)
    # The correction comes first: then the large product adds to it where it would have added to a copy of
    # the bias, and the output is not gone over once more.
    y = _outer(base, _scaled(t, scale), left)
    y.view(members * n, rows).addmm_(x.reshape(members * n, -1), weight.t())
    return y


def perturbed_matrices(weight: Tensor, left: Tensor, right: Tensor, scale: Tensor | None = None) -> Tensor:
    """The matrices of all members, written out: [M, rows, columns].

    Args:
        weight: [rows, columns].
        left: [G, rows, r].
        right: [G, columns, r].
        scale: [M], or ``None`` for ones.
    """
    # An outer product is faster as a multiplication than as a matrix product over an axis of length 1.
    change = left * right.mT if left.shape[2] == 1 else torch.bmm(left, right.mT)
    if scale is None:
        return change.add_(weight)
    made = torch.addcmul(weight, change.unsqueeze(1), scale.view(change.shape[0], -1, 1, 1))
    return made.flatten(0, 1)


def add_products_(y: Tensor, t: Tensor, left: Tensor) -> None:
    """Add ``t[g].T @ left[g].T`` to ``y[g]`` in place, for y [G, n, rows], t [G, r, n], left [G, rows, r]."""
    if left.shape[2] == 1:
        # A view, so that the middle axis has the stride that BLAS wants; ``mT`` would leave it at 1.
        y.addcmul_(t.mT, left.reshape(left.shape[0], 1, -1))
    else:
        y.baddbmm_(t.mT, left.mT)


def _inner(x: Tensor, right: Tensor) -> Tensor:
    """``(x[g] @ right[g]).T``, [G, r, n]. Computed transposed: MKL is ten times slower the other way."""
    groups, columns, rank = right.shape
    if rank == 1:
        across = right.reshape(groups, 1, columns)
    elif right.stride(1) != 1 and x.shape[1] < _FEW_ROWS:
        across = right.mT.contiguous()
    else:
        across = right.mT
    return torch.bmm(across, x.mT)


def _scaled(t: Tensor, scale: Tensor | None) -> Tensor:
    """T [G, r, 1 or M / G, n] times the scale of each member."""
    return t if scale is None else t * scale.view(t.shape[0], 1, -1, 1)


def _outer(base: Tensor | None, t: Tensor, left: Tensor) -> Tensor:
    """The correction of each member, [M, n, rows], plus what broadcasts to [G, M / G, n, rows].

    Args:
        base: what is added, or ``None``.
        t: [G, r, M / G, n].
        left: [G, rows, r].
    """
    groups, rank, each, n = t.shape
    rows = left.shape[1]
    if rank == 1:
        inner, outer = t.view(groups, each, n, 1), left.reshape(groups, 1, 1, rows)
        y = inner * outer if base is None else torch.addcmul(base, inner, outer)
    elif base is None:
        y = torch.bmm(t.reshape(groups, rank, -1).mT, left.mT)
    else:
        # A copy always: what is expanded to its own shape would be written into.
        y = base.expand(groups, each, n, rows).clone(memory_format=torch.contiguous_format)
        add_products_(y.view(groups, each * n, rows), t.reshape(groups, rank, -1), left)
    return y.view(groups * each, n, rows)
