"""A metric that was written for one candidate, under vmap over all of them.

Numbers that it takes out of tensors (``float(x)``, ``x.item()``, ``x.tolist()``) stay stacked. What it
gives is checked against the metric as it was written; whatever fails here is judged one by one.
"""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

from hyperfunc.execution.floats import as_floats
from hyperfunc.tensors.levels import is_batched
from hyperfunc.tensors.modes import Watching

__all__ = ["over_members", "softened", "unbound"]


class _Stay(Watching):
    """Keeps numbers that are taken out of tensors as 0-dimensional tensors."""

    def do(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func is torch.Tensor.item and is_batched(args[0]):
            return _soft(args[0].reshape(()))
        if func is torch.Tensor.tolist and is_batched(args[0]) and args[0].dim() == 1:
            return [_soft(number) for number in args[0].unbind(0)]
        return func(*args, **kwargs)


def over_members(judge: Callable[[Any], Any], whole: Any) -> torch.Tensor:
    """``judge`` on the predictions of every candidate.

    Args:
        judge: from a tree of tensors [N, …] to a number, or a list of N numbers.
        whole: a tree of tensors [K, N, …].

    Returns:
        float64 [K] or [K, N].
    """

    def member(tree: Any) -> torch.Tensor:
        with _Stay():
            result = judge(tree)
            return torch.stack([_number(r) for r in result]) if isinstance(result, list) else _number(result)

    with torch.no_grad():
        return torch.vmap(member)(whole)


def softened(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with a ``float`` that leaves tensors stacked; other callables as they are."""
    # Not what a decorator wraps: what the wrapper does counts as well.
    plain: Any = function
    owner = getattr(plain, "__self__", None)
    plain = getattr(plain, "__func__", plain)
    if not isinstance(plain, types.FunctionType) or "float" in plain.__globals__:
        return function
    names = {**plain.__globals__, "float": _soft_float, "__builtins__": builtins}
    soft = types.FunctionType(plain.__code__, names, plain.__name__, plain.__defaults__, plain.__closure__)
    soft.__kwdefaults__ = plain.__kwdefaults__
    return soft if owner is None else types.MethodType(soft, owner)


def unbound(tree: Any, size: int) -> list[Any]:
    """A tree of tensors [N, …] as N trees."""
    leaves, spec = tree_flatten(tree)
    columns = [leaf.unbind(0) for leaf in leaves]
    return [tree_unflatten([column[n] for column in columns], spec) for n in range(size)]


def _soft_float(value: Any = 0.0) -> Any:
    if isinstance(value, torch.Tensor) and is_batched(value):
        return _soft(value.reshape(()))
    return float(value)


def _soft(number: torch.Tensor) -> torch.Tensor:
    return as_floats(number.double())


def _number(value: Any) -> torch.Tensor:
    if isinstance(value, torch.Tensor):
        return value.reshape(()).double().as_subclass(torch.Tensor)
    return torch.tensor(float(getattr(value, "score", value)), dtype=torch.float64)
