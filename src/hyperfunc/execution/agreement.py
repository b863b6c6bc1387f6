"""Whether two results are the same up to rounding."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np

from hyperfunc.evaluation.stacks import is_tensor

__all__ = ["agree"]

_CLOSE, _COARSE, _NOTHING = 1e-5, 2e-2, 1e-6


def agree(got: Any, want: Any) -> bool:
    """Whether two trees have one structure and numbers that differ by rounding alone.

    Numbers may differ by 1e-5 of the largest of their tensor (2e-2 for 16-bit floats), plus 1e-6.

    Args:
        got: a tree of containers, tensors, arrays and plain values.
        want: another one.
    """
    if is_tensor(want):
        return is_tensor(got) and _tensors(got, want)
    kind = type(want)
    if type(got) is not kind:
        return False
    if kind is float:
        return math.isclose(got, want, rel_tol=_CLOSE, abs_tol=_NOTHING) or (got != got and want != want)
    if isinstance(want, np.ndarray):
        return _arrays(got, want)
    if isinstance(want, Mapping):
        return got.keys() == want.keys() and all(agree(got[key], want[key]) for key in want)
    if isinstance(want, list | tuple | deque):
        return len(got) == len(want) and all(map(agree, got, want))
    if dataclasses.is_dataclass(kind):
        fields = [f.name for f in dataclasses.fields(kind)]
        return all(agree(getattr(got, name), getattr(want, name)) for name in fields)
    try:
        return bool(got == want)
    except Exception:  # what cannot be compared was not seen to agree
        return False


def _arrays(got: np.ndarray, want: np.ndarray) -> bool:
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    if want.dtype.kind not in "fc":
        return bool(np.array_equal(got, want))
    close = _CLOSE if np.finfo(want.dtype).eps < 1e-4 else _COARSE
    finite = np.abs(want[np.isfinite(want)])
    slack = _NOTHING + close * float(finite.max(initial=0.0))
    return bool(np.allclose(got, want, rtol=close, atol=slack, equal_nan=True))


def _tensors(got: Any, want: Any) -> bool:
    if got.shape != want.shape or got.dtype != want.dtype or got.device != want.device:
        return False
    got, want = got.detach(), want.detach()
    if not (want.is_floating_point() or want.is_complex()):
        return bool(got.equal(want))
    import torch

    close = _CLOSE if torch.finfo(want.dtype).eps < 1e-4 else _COARSE
    finite = want[want.isfinite()].abs()
    slack = _NOTHING + close * (float(finite.max()) if finite.numel() else 0.0)
    return bool(torch.allclose(got, want, rtol=close, atol=slack, equal_nan=True))
