"""Functions that run better in batches than ``torch.vmap`` knows how, whatever their arguments are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from .attention import scaled_dot_product_attention
from .multihead import multi_head_attention
from .narrow import NARROW

__all__ = ["Batching"]

_TAKEN: dict[Any, Callable[..., Any]] = {
    F.scaled_dot_product_attention: scaled_dot_product_attention,
    F.multi_head_attention_forward: multi_head_attention,
    **NARROW,
}


class Batching(TorchFunctionMode):
    """While it is active, attention and narrow products are fast also where no tensor is low-rank.

    Modules with a fast path of their own that knows no vmap, such as ``nn.TransformerEncoderLayer``, do not
    take it while any mode is active.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every torch function comes here."""
        kwargs = kwargs or {}
        taken = _TAKEN.get(func)
        if taken is not None:
            result = taken(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return func(*args, **kwargs)
