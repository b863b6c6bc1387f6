"""``combine`` and ``split``: joining and cutting tensors along one dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["combine", "split"]


def combine(tensors: Sequence[Any], dim: int = -1) -> Any:
    """Concatenate tensors along ``dim``; plain ``torch.cat`` does the same.

    Args:
        tensors: torch tensors (or numpy arrays) whose other dimensions agree; at least one.
        dim: the dimension that grows.

    Returns:
        One tensor of the same kind.

    Example::

        combine([torch.ones(2), torch.zeros(3)]).shape  # (5,)
    """
    if not tensors:
        raise ValueError("combine needs at least one tensor, and got none")
    if _is_numpy(tensors[0]):
        import numpy

        return numpy.concatenate(list(tensors), axis=dim)
    import torch

    return torch.cat(list(tensors), dim=dim)


def split(tensor: Any, sizes: int | Sequence[int], dim: int = -1) -> tuple[Any, ...]:
    """Cut a tensor into pieces along ``dim``; the inverse of :func:`combine`.

    Args:
        tensor: a torch tensor or a numpy array.
        sizes: the length of each piece, or one length for all (the last piece may be shorter).
        dim: the dimension that is cut.

    Returns:
        The pieces, in order.
    """
    length = tensor.shape[dim]
    if isinstance(sizes, int):
        lengths = [min(sizes, length - at) for at in range(0, length, sizes)]
    else:
        lengths = list(sizes)
    if sum(lengths) != length:
        raise ValueError(f"split sizes {lengths} sum to {sum(lengths)}, but dimension {dim} has {length}")
    if _is_numpy(tensor):
        import numpy

        return tuple(numpy.split(tensor, numpy.cumsum(lengths)[:-1], axis=dim))
    return tuple(tensor.split(lengths, dim=dim))


def _is_numpy(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "numpy"
