"""Numbers of rows and classes: torch checks their range for one member, and under vmap it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .levels import peel

__all__ = ["RANGED", "check_range"]


def check_range(numbers: Tensor, count: int) -> None:
    """Make sure that all numbers are from 0 to ``count - 1``.

    On an accelerator, which would have to be waited for, nothing is checked.

    Raises:
        IndexError: one of them is not.
    """
    if numbers.device.type != "cpu" or not numbers.numel():
        return
    least, most = torch.aminmax(numbers)
    if int(least) < 0 or int(most) >= count:
        raise IndexError(f"a number from {int(least)} to {int(most)} is out of range; there are {count}")


def _embedding(input: Any, weight: Any, *_: Any, **__: Any) -> Any:  # noqa: A002
    peeled = peel(input)
    if peeled is not None:
        # Under vmap a number past the end finds a row of the next member.
        check_range(peeled[0], weight.shape[0])
    return NotImplemented


def _one_hot(input: Any, num_classes: int = -1) -> Any:  # noqa: A002
    peeled = peel(input)
    if peeled is not None and num_classes > 0:
        check_range(peeled[0], num_classes)
    return NotImplemented


RANGED: dict[Any, Callable[..., Any]] = {F.embedding: _embedding, F.one_hot: _one_hot}
