"""numpy arrays as torch tensors, without a copy where that is possible."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["tensor_of"]


def tensor_of(array: NDArray[Any] | Tensor, device: Any = None, dtype: torch.dtype | None = None) -> Tensor:
    """A tensor over an array's memory, or a copy of it where device or dtype differ; never written to."""
    if isinstance(array, Tensor):  # noise that was drawn on the device
        return array.to(device, dtype)
    if not array.flags.writeable:
        _say_once()
    return torch.from_numpy(array).to(device, dtype)


@functools.cache
def _say_once() -> None:
    """Have torch say the one time it does that tensors over read-only memory can be written to."""
    array = np.zeros(1, np.float32)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.from_numpy(array)
