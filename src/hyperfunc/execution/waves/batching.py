"""One batch of calls of a function that has a batch implementation of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from hyperfunc.evaluation.stacks import is_tensor
from hyperfunc.program.binding import FRAME
from hyperfunc.program.hyperfunction import HyperFunction

from .company import BatchFrame, Call, Owner, Unbatchable, Values

__all__ = ["WrongLength", "call_alone", "call_batch", "shape_of"]


class WrongLength(BaseException):
    """A batch implementation did not return one result for each call."""


def shape_of(call: Call) -> Hashable:
    """Calls with equal shapes may share a batch."""
    return (tuple(map(_shape, call.args)), tuple([(name, _shape(v)) for name, v in call.kwargs.items()]))


def _shape(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        return (value.shape, value.dtype.str)
    return (value.shape, value.dtype, value.device) if is_tensor(value) else None


def call_alone(fn: HyperFunction, call: Call, reached: dict[Owner, None]) -> Any:
    """The plain call, to compare with."""
    frame = BatchFrame(call.binding, None, reached)
    token = FRAME.set(frame)
    try:
        return frame.call(fn, tuple(map(_own, call.args)), {n: _own(v) for n, v in call.kwargs.items()})
    finally:
        FRAME.reset(token)


def _own(value: Any) -> Any:
    if is_tensor(value):
        return value.detach().clone()
    return value.copy() if isinstance(value, np.ndarray) else value


def call_batch(
    fn: HyperFunction, calls: Sequence[Call], values: Values, reached: dict[Owner, None]
) -> list[Any]:
    """The results of calls of one shape, in their order.

    Raises:
        WrongLength: with a sentence.
    """
    assert fn.batched is not None
    first, count = calls[0], len(calls)
    tensors = any(map(is_tensor, (*first.args, *first.kwargs.values())))
    rows: dict[int, int] = {}
    bindings = []
    for call in calls:
        if id(call.binding) not in rows:
            rows[id(call.binding)] = len(rows)
            bindings.append(call.binding)
    columns = values.columns(bindings, _tensors if tensors else _arrays)
    if columns:
        group = fn.hp_type
        if values.owners.keys() != {fn} or not dataclasses.is_dataclass(group) or hasattr(group, "__build__"):
            raise Unbatchable("its values can only be built for one candidate at a time")
        at = [rows[id(call.binding)] for call in calls]
        columns = {name: column[at] for name, column in columns.items()}
    binding = first.binding.like({**first.binding.values, **columns})
    reached[fn] = None
    args = tuple([_collated([call.args[i] for call in calls]) for i in range(len(first.args))])
    kwargs = {name: _collated([call.kwargs[name] for call in calls]) for name in first.kwargs}
    token = FRAME.set(BatchFrame(binding, values.owners, reached))
    try:
        ready = binding.injection(fn)
        result = fn.batched.implementation(*args, **(fn.merge(ready, args, kwargs) if ready else kwargs))
    finally:
        FRAME.reset(token)
    return _separated(fn, result, count)


def _collated(column: list[Any]) -> Any:
    if isinstance(column[0], np.ndarray):
        return np.stack(column)
    if is_tensor(column[0]):
        import torch

        return torch.stack(column)
    return column


def _arrays(values: list[Any]) -> np.ndarray:
    return np.stack(values) if isinstance(values[0], np.ndarray) else np.asarray(values)


def _tensors(values: list[Any]) -> Any:
    from .vmapped import stack_numbers

    return stack_numbers(values)


def _separated(fn: HyperFunction, result: Any, count: int) -> list[Any]:
    if isinstance(result, list):
        if len(result) != count:
            raise WrongLength(_complaint(fn, count, f"a list of {len(result)}"))
        return result
    return _cut(fn, result, count)


def _cut(fn: HyperFunction, tree: Any, count: int) -> list[Any]:
    """A tree of tensors and arrays ``[B, …]`` as B trees."""
    if isinstance(tree, np.ndarray) or is_tensor(tree):
        if not tree.shape or tree.shape[0] != count:
            raise WrongLength(_complaint(fn, count, f"{type(tree).__name__} of shape {tuple(tree.shape)}"))
        if is_tensor(tree):
            from hyperfunc.execution.stacking import unstack

            return unstack(tree, [tree], count)
        return [row.copy() if isinstance(row, np.ndarray) else row for row in tree]
    if isinstance(tree, tuple) and tree:
        parts = zip(*[_cut(fn, part, count) for part in tree], strict=True)
        return [type(tree)(*row) if hasattr(tree, "_fields") else row for row in parts]
    if isinstance(tree, dict) and tree:
        columns = {name: _cut(fn, part, count) for name, part in tree.items()}
        return [{name: column[i] for name, column in columns.items()} for i in range(count)]
    raise WrongLength(_complaint(fn, count, f"something that holds a {type(tree).__name__}"))


def _complaint(fn: HyperFunction, count: int, what: str) -> str:
    return (
        f"the batch implementation of {fn.name} got {count} calls and returned {what}; return a list of "
        f"{count} results, or tensors or arrays whose first axis has length {count}"
    )
