"""``LowRank``: a matrix that is a shared weight plus a low-rank change, and is not written out."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from hyperfunc.errors import ProgramError, SpaceError

from .kernels import perturbed_matrices
from .levels import Batch, arranged, bare, batched, peel
from .usage import USAGE

__all__ = ["HANDLERS", "LowRank", "fits", "getters", "handles", "written_out"]

HANDLERS: dict[Any, Callable[..., Any]] = {}
"""Torch function to what does it without writing the matrix out, or returns ``NotImplemented``."""

_METADATA = (
    "shape dtype device ndim layout requires_grad is_leaf grad_fn grad is_cuda is_cpu is_sparse is_quantized "
    "is_nested is_meta is_mkldnn itemsize nbytes _version"
)


def getters(*names: str) -> list[Any]:
    """What torch calls the reading of a tensor's properties."""
    return [getattr(Tensor, name).__get__ for name in names]


_READS: frozenset[Any] = frozenset(
    {
        *getters(*_METADATA.split()), Tensor.size, Tensor.dim, Tensor.ndimension, Tensor.numel,
        Tensor.nelement,
        Tensor.__len__, Tensor.__hash__, Tensor.is_floating_point, Tensor.is_complex, Tensor.element_size,
        Tensor.get_device, Tensor.is_inference, torch.is_inference,
        torch.is_floating_point, torch.is_complex, torch.numel,
    }
)  # fmt: skip


_IN_PLACE = "add sub mul truediv floordiv mod pow and or xor lshift rshift matmul"
_WRITING = frozenset(
    ["__setitem__", "__set__", "__delete__", *[f"__i{name}__" for name in _IN_PLACE.split()]]
)


class LowRank(Tensor):
    """``weight + scale * left @ right.T`` of every member, as one tensor that looks like one member's.

    Made by :meth:`of`, or by :func:`run_population` for the columns of a population. Products, transposes,
    slices, embeddings, convolutions and attention work on the factors; any other function gets the
    matrices written out, which :func:`run_population` counts. A weight of more than two axes is seen as
    rows [shape[0]] by columns [the rest].
    """

    weight: Tensor
    left: Tensor
    right: Tensor
    scale: Tensor | None
    batch: Batch

    @staticmethod
    def of(weight: Tensor, left: Tensor, right: Tensor, scale: float = 1.0) -> Tensor:
        """A weight with an adapter of its own, such as LoRA's ``weight + scale * B @ A``.

        Args:
            weight: [rows, ...], shared by all members.
            left: [rows, r]; may be hidden in levels of ``torch.vmap``, one matrix per member.
            right: [columns, r], likewise.
            scale: of the product.

        Returns:
            the low-rank tensor; an ordinary one when the weight itself differs between members, or when
            ``torch.func.grad`` follows one of the factors.

        Raises:
            SpaceError: shapes that do not fit.

        Example::

            def call(values):  # one member of a population of adapters
                return F.linear(x, LowRank.of(base, values["up"], values["down"], scale=2.0))
        """
        _check(weight, left, right)
        parts = [peel(weight), peel(left), peel(right)]
        if parts[0] is None or parts[0][1] or parts[1] is None or parts[2] is None:
            return weight + (scale * (left @ right.mT)).view(weight.shape)
        (up, up_batch), (down, down_batch) = parts[1], parts[2]
        both = tuple(sorted({*up_batch, *down_batch}))
        up, down = (_spread(value, own, both) for value, own in ((up, up_batch), (down, down_batch)))
        return LowRank.made(weight, up if scale == 1.0 else up * scale, down, None, both)

    @staticmethod
    def made(weight: Tensor, left: Tensor, right: Tensor, scale: Tensor | None, batch: Batch) -> LowRank:
        """From parts that are in no level.

        Args:
            weight: [rows, ...].
            left: [G, rows, r].
            right: [G, columns, r].
            scale: [M], or ``None`` for ones and M = G.
            batch: levels whose sizes multiply to M; empty outside of vmap, with M = 1.
        """
        made: LowRank = Tensor._make_wrapper_subclass(
            LowRank, weight.shape, dtype=weight.dtype, device=weight.device
        )
        made.weight, made.left, made.right = bare(weight), bare(left), bare(right)
        made.scale, made.batch = scale, batch
        return made

    @property
    def members(self) -> int:
        """M, how many matrices this is."""
        return self.left.shape[0] if self.scale is None else self.scale.shape[0]

    @property
    def matrix(self) -> Tensor:
        """The shared weight as [rows, columns]."""
        return self.weight if self.weight.dim() == 2 else self.weight.flatten(1)

    def replaced(self, weight: Tensor, left: Tensor, right: Tensor) -> LowRank:
        """Another matrix of the same members."""
        return LowRank.made(weight, left, right, self.scale, self.batch)

    def dense(self) -> Tensor:
        """Written out: an ordinary tensor, hidden in the members' levels."""
        full = perturbed_matrices(self.matrix, self.left, self.right, self.scale)
        full = full.view(*[size for _, size in self.batch], *self.weight.shape)
        return batched(full, self.batch)

    def __repr__(self, **_: Any) -> str:  # type: ignore[override]
        """Its shape and rank."""
        return f"LowRank({tuple(self.weight.shape)}, rank {self.left.shape[-1]})"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every torch function with a low-rank argument comes here."""
        kwargs = kwargs or {}
        handler = HANDLERS.get(func)
        if handler is not None:
            result = handler(*args, **kwargs) if fits(handler, args, kwargs) else NotImplemented
            if result is not NotImplemented:
                return result
        elif func in _READS:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if _writes(func) and isinstance(args[0], LowRank):
            raise ProgramError(
                f"{_name(func)} writes into a matrix that all members share; work on a copy of it, .dense()"
            )
        args, kwargs = written_out((args, kwargs), func)
        return func(*args, **kwargs)

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> NoReturn:
        """Below vmap nobody knows any more which member's matrix is meant."""
        raise ProgramError(
            f"{func} got a low-rank matrix where torch does not say so, as when torch.vmap maps over it or a "
            "function returns it; pass its .dense() there"
        )


def handles(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what does torch functions on low-rank matrices."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        HANDLERS.update(dict.fromkeys(functions, handler))
        return handler

    return register


def fits(handler: Callable[..., Any], args: Any, kwargs: Any) -> bool:
    """Whether a handler can be called so; names that it does not know, such as ``out``, are left to torch."""
    if not kwargs:
        return True
    try:
        _signature(handler).bind(*args, **kwargs)
    except TypeError:
        return False
    return True


_signature = functools.cache(inspect.signature)


def written_out(tree: Any, func: Any) -> Any:
    """A tree with its low-rank matrices written out, which is counted under the name of the function."""
    usage = USAGE.get()
    if usage is not None:
        usage.materialized[_name(func)] += 1
    return tree_map(lambda leaf: leaf.dense() if isinstance(leaf, LowRank) else leaf, tree)


def _writes(func: Any) -> bool:
    """Whether a function changes its first argument, as names say."""
    name = getattr(func, "__name__", "")
    if name.startswith("__"):
        return name in _WRITING
    return name.endswith("_")


def _name(func: Any) -> str:
    name = getattr(func, "__name__", str(func))
    owner = getattr(func, "__self__", None)
    # The getter of a property, such as Tensor.H, has the name of all getters.
    return getattr(owner, "__name__", name) if name == "__get__" else name.strip("_")


def _spread(value: Tensor, own: Batch, batch: Batch) -> Tensor:
    if not batch:
        return value.unsqueeze(0)
    found = arranged(value, own, batch)
    if found is None:
        return value.expand(math.prod(size for _, size in batch), *value.shape)
    return found[0]


def _check(weight: Tensor, left: Tensor, right: Tensor) -> None:
    shape = tuple(weight.shape)
    if weight.dim() < 2:
        raise SpaceError(f"a low-rank change needs a matrix, but weight has shape {shape}")
    expected: Iterable[tuple[str, Tensor, int]] = (
        ("left", left, shape[0]),
        ("right", right, math.prod(shape[1:])),
    )
    for name, factor, length in expected:
        if factor.dim() != 2 or factor.shape[0] != length or factor.shape[1] != left.shape[-1]:
            raise SpaceError(
                f"{name} has shape {tuple(factor.shape)}; a weight of shape {shape} needs "
                f"left [{shape[0]}, r] and right [{math.prod(shape[1:])}, r]"
            )
