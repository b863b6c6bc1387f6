"""Matrix products with low-rank matrices."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .kernels import perturbed_linear
from .levels import arranged, batched, peel
from .lowrank import LowRank, handles
from .usage import USAGE

__all__ = ["linear"]


@handles(F.linear)
def linear(input: Any, weight: Any, bias: Any = None) -> Any:  # noqa: A002
    """``F.linear`` with a low-rank weight of two axes and any other input and bias."""
    if type(weight) is not LowRank or type(input) is LowRank or weight.weight.dim() != 2:
        return NotImplemented
    peeled = peel(input)
    if peeled is None or input.dim() == 0:
        return NotImplemented
    value, batch = peeled
    front = weight.batch
    own, late = _bias(bias, weight)
    columns = weight.right.shape[1]
    found = arranged(value, batch, front) if front else (value.unsqueeze(0), batch)
    if found is None:
        # All members see these rows; what tells examples apart stays in their own levels.
        rest, lead = batch, value.shape[:-1]
        rows = value.reshape(-1, columns)
        _note(rows.shape[0])
    else:
        value, rest = found
        lead = value.shape[1:-1]
        rows = value.reshape(value.shape[0], -1, columns)
        _note(rows.shape[1])
    y = perturbed_linear(rows, weight.weight, own, weight.left, weight.right, weight.scale)
    y = y.view(*[size for _, size in front], *lead, y.shape[2])
    if front or rest:
        y = batched(y, (*front, *rest))
    return y if late is None else y + late


def _bias(bias: Any, weight: LowRank) -> tuple[Tensor | None, Tensor | None]:
    """A bias that the kernel can take, and one that must be added afterwards."""
    if bias is None:
        return None, None
    peeled = peel(bias)
    if peeled is None or bias.dim() != 1:
        return None, bias
    value, batch = peeled
    if not batch:
        return value, None
    return (value, None) if batch == weight.batch and len(batch) == 1 else (None, bias)


def _note(rows: int) -> None:
    usage = USAGE.get()
    if usage is not None and rows > usage.rows:
        usage.rows = rows


@handles(torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, Tensor.mm, torch.mv, Tensor.mv)
def matmul(input: Any, other: Any) -> Any:  # noqa: A002
    """A product with a low-rank matrix on either side."""
    if isinstance(other, LowRank):
        # input @ W = linear(input, W.T)
        return NotImplemented if isinstance(input, LowRank) else linear(input, turned(other))
    if input.weight.dim() != 2 or other.dim() == 0:
        return NotImplemented
    if other.dim() == 1:
        return linear(other, input)
    y = linear(other.mT, input)
    return y if y is NotImplemented else y.mT


@handles(Tensor.__rmatmul__)
def _rmatmul(second: Any, first: Any) -> Any:
    return matmul(first, second)


@handles(torch.addmm, Tensor.addmm, torch.addmv, Tensor.addmv, torch.baddbmm, Tensor.baddbmm)
def _addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:  # noqa: A002
    if isinstance(input, LowRank):
        return NotImplemented
    y = matmul(mat1, mat2)
    return y if y is NotImplemented else beta * input + alpha * y


def turned(weight: LowRank) -> LowRank:
    """The transposed matrix: the factors change places."""
    if weight.weight.dim() != 2:
        return weight
    return weight.replaced(weight.weight.t(), weight.right, weight.left)


@handles(torch.einsum)
def _einsum(equation: Any, *operands: Any) -> Any:
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    if not isinstance(equation, str) or len(operands) != 2:
        return NotImplemented
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    if not arrow or len(names) != 2:
        return NotImplemented
    low, other = (0, 1) if isinstance(operands[0], LowRank) else (1, 0)
    return _contracted(operands[low], names[low], operands[other], names[other], output)


def _contracted(weight: LowRank, own: str, x: Any, names: str, output: str) -> Any:
    """``x[... c] , W[r c] -> [... r]`` in any order of the axes; anything else is not a plain product."""
    if isinstance(x, LowRank) or len(own) != 2 or len(set(own)) != 2 or weight.weight.dim() != 2:
        return NotImplemented
    kept = [name for name in own if name in output]
    summed = [name for name in own if name in names]
    lead = names.replace(summed[0], "") if len(summed) == 1 else ""
    plain = len(kept) == 1 and len(summed) == 1 and kept != summed and "." not in names
    if not plain or sorted(lead + kept[0]) != sorted(output) or len(set(names)) != len(names):
        return NotImplemented
    if len(set(output)) != len(output) or x.dim() != len(names):
        return NotImplemented
    y = linear(x.movedim(names.index(summed[0]), -1), weight if own[1] == summed[0] else turned(weight))
    if y is NotImplemented:
        return y
    made = lead + kept[0]
    return y.permute([made.index(name) for name in output])
