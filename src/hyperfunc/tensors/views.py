"""Transposes, slices, copies and views of low-rank matrices."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .embedding import INTEGERS, rows
from .lowrank import LowRank, getters, handles
from .products import turned

__all__: list[str] = []


@handles(Tensor.t, torch.t, *getters("T", "mT"), torch.adjoint, Tensor.adjoint)
def _t(weight: Any) -> Any:
    return turned(weight) if weight.weight.dim() == 2 else NotImplemented


@handles(torch.transpose, Tensor.transpose, torch.swapaxes, Tensor.swapaxes)
def _transpose(weight: Any, dim0: int, dim1: int) -> Any:
    first, second = dim0 % weight.weight.dim(), dim1 % weight.weight.dim()
    if first == second:
        return weight
    return turned(weight) if weight.weight.dim() == 2 else NotImplemented


@handles(torch.permute, Tensor.permute)
def _permute(weight: Any, *given: Any, dims: Any = None) -> Any:
    dims = dims or (given[0] if isinstance(given[0], (list, tuple)) else given)
    order = [axis % weight.weight.dim() for axis in dims]
    if order == list(range(weight.weight.dim())):
        return weight
    return turned(weight) if order == [1, 0] else NotImplemented


@handles(
    *getters("data"), Tensor.detach, torch.detach, Tensor.clone, torch.clone, Tensor.contiguous,
    Tensor.requires_grad_, Tensor.view_as, Tensor.reshape_as,
)  # fmt: skip
def _same(weight: Any, other: Any = None, **_: Any) -> Any:
    # Every operation makes a new tensor and none writes into a low-rank one, so sharing it is safe.
    if isinstance(other, Tensor) and (not isinstance(weight, LowRank) or other.shape != weight.weight.shape):
        return NotImplemented
    return weight


def _converted(name: str) -> Any:
    def convert(weight: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(weight, LowRank):
            return NotImplemented
        if args and isinstance(args[0], LowRank):
            args = (args[0].weight, *args[1:])
        center, left, right = (
            getattr(part, name)(*args, **kwargs) for part in (weight.weight, weight.left, weight.right)
        )
        if not center.is_floating_point():
            return NotImplemented
        scale = None if weight.scale is None else getattr(weight.scale, name)(*args, **kwargs)
        return LowRank.made(center, left, right, scale, weight.batch)

    return convert


for _name in ("to", "type_as", "cpu", "cuda", "float", "double", "bfloat16", "half"):
    handles(getattr(Tensor, _name))(_converted(_name))


@handles(Tensor.view, Tensor.reshape, torch.reshape)
def _view(weight: Any, *shape: Any, **named: Any) -> Any:
    sizes = named.get("shape", named.get("size", shape[0] if len(shape) == 1 else shape))
    if isinstance(sizes, torch.dtype):
        return NotImplemented
    sizes = [sizes] if isinstance(sizes, int) else list(sizes)
    if sizes.count(-1) == 1:
        known = -math.prod(sizes)
        sizes[sizes.index(-1)] = weight.weight.numel() // known if known > 0 else -1
    if len(sizes) < 2 or sizes[0] != weight.weight.shape[0] or math.prod(sizes) != weight.weight.numel():
        return NotImplemented
    return weight.replaced(weight.weight.reshape(sizes), weight.left, weight.right)


@handles(Tensor.flatten, torch.flatten)
def _flatten(weight: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    if start_dim % weight.weight.dim() == 0:
        return NotImplemented
    return weight.replaced(weight.weight.flatten(start_dim, end_dim), weight.left, weight.right)


@handles(Tensor.unflatten, torch.unflatten)
def _unflatten(weight: Any, dim: int, sizes: Any) -> Any:
    if dim % weight.weight.dim() == 0:
        return NotImplemented
    return weight.replaced(weight.weight.unflatten(dim, sizes), weight.left, weight.right)


@handles(torch.squeeze, Tensor.squeeze)
def _squeeze(weight: Any, *dims: Any, **named: Any) -> Any:
    made = torch.squeeze(weight.weight, *dims, **named)
    if made.dim() < 2 or made.shape[0] != weight.weight.shape[0]:
        return NotImplemented
    return weight.replaced(made, weight.left, weight.right)


@handles(Tensor.__getitem__)
def _getitem(weight: Any, index: Any) -> Any:
    if not isinstance(weight, LowRank):
        return NotImplemented
    if isinstance(index, Tensor) and index.dtype in INTEGERS and index.dim():
        return rows(torch.where(index < 0, index + weight.weight.shape[0], index), weight)
    parts = index if isinstance(index, tuple) else (index,)
    if not parts or not all(isinstance(part, slice) for part in parts):
        return NotImplemented
    if len(parts) > 2 or (len(parts) == 2 and weight.weight.dim() != 2):
        return NotImplemented
    cut = weight.replaced(weight.weight[parts[0]], weight.left[:, parts[0]], weight.right)
    if len(parts) == 2:
        cut = cut.replaced(cut.weight[:, parts[1]], cut.left, cut.right[:, parts[1]])
    return cut


@handles(torch.narrow, Tensor.narrow)
def _narrow(weight: Any, dim: int, start: int, length: int) -> Any:
    cut = _cut(weight, dim, start, length)
    return NotImplemented if cut is None else cut


@handles(torch.chunk, Tensor.chunk)
def _chunk(weight: Any, chunks: int, dim: int = 0) -> Any:
    size = weight.weight.shape[dim]
    return _pieces(weight, [len(p) for p in torch.arange(size).chunk(chunks)], dim)


@handles(torch.split, Tensor.split, torch.split_with_sizes, Tensor.split_with_sizes)
def _split(weight: Any, split_size: Any, dim: int = 0) -> Any:
    size = weight.weight.shape[dim]
    if isinstance(split_size, int):
        lengths = [min(split_size, size - start) for start in range(0, size, split_size)]
    else:
        lengths = list(split_size)
    return _pieces(weight, lengths, dim) if sum(lengths) == size else NotImplemented


def _pieces(weight: LowRank, lengths: list[int], dim: int) -> Any:
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    pieces = [_cut(weight, dim, start, length) for start, length in zip(starts, lengths, strict=True)]
    return NotImplemented if any(piece is None for piece in pieces) else tuple(pieces)


def _cut(weight: LowRank, dim: int, start: int, length: int) -> LowRank | None:
    at = dim % weight.weight.dim()
    part = weight.weight.narrow(at, start, length)
    if at == 0:
        return weight.replaced(part, weight.left.narrow(1, start, length), weight.right)
    if weight.weight.dim() == 2:
        return weight.replaced(part, weight.left, weight.right.narrow(1, start, length))
    return None
