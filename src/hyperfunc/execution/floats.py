"""Numbers of many lanes at once, which each lane by itself has as a float of Python."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from hyperfunc.tensors.levels import peel

__all__ = ["as_floats"]


class Floats(Tensor):
    """One 0-dimensional tensor for the floats of all lanes.

    Among floats Python raises an error (or goes over to complex numbers, or to larger ones) where tensors
    go on with infinity or NaN, so that is an error here, too. Among tensors it is one of them.
    """

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every torch function that gets one comes here."""
        if any(kind not in (cls, Tensor, torch.nn.Parameter) for kind in types):
            # Low-rank matrices know more about themselves.
            return NotImplemented
        with torch._C.DisableTorchFunctionSubclass():
            made = func(*args, **(kwargs or {}))
            if not isinstance(made, Tensor) or not all(isinstance(arg, cls | int | float) for arg in args):
                return made
            good = _finite(made)
            if not bool(good.all()) and not bool((good | ~_all_finite(args)).all()):
                raise ArithmeticError("a number of some candidate leaves the range of finite real numbers")
            return made.as_subclass(cls)

    def __hash__(self) -> int:
        # Sets and dicts look a float up by its value; under vmap torch refuses, and modes notice.
        return hash(float(self))


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    # A float is never changed: what ``x += 1`` gives is another one.
    setattr(Floats, f"__i{_name}__", getattr(Tensor, f"__{_name}__"))


def as_floats(value: Tensor) -> Tensor:
    """The tensor, which knows from now on that it stands for floats if it has no axis."""
    return value if value.dim() else value.as_subclass(Floats)


def _finite(value: Tensor) -> Tensor:
    peeled = peel(value)
    return torch.tensor(True) if peeled is None else peeled[0].isfinite()


def _all_finite(values: Any) -> Tensor:
    known = torch.tensor(True)
    for value in values:
        if isinstance(value, Tensor):
            known = known & _finite(value)
    return known
