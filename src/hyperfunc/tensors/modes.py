"""What torch functions do while code that is written for one member runs for many."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .attention import scaled_dot_product_attention
from .levels import is_batched
from .lowrank import fits
from .multihead import multi_head_attention
from .narrow import NARROW
from .ranges import RANGED

__all__ = ["Batching", "Watching"]

_TAKEN: dict[Any, Callable[..., Any]] = {
    F.scaled_dot_product_attention: scaled_dot_product_attention,
    F.multi_head_attention_forward: multi_head_attention,
    **NARROW,
    **RANGED,
}
_TEXTS = (Tensor.__repr__, Tensor.__format__)


class Watching(TorchFunctionMode):
    """Lets no code go its own way for all members because of what happened to some of them.

    An error of one member is an error of the whole batch. Code that catches it would take for all members
    the way that is meant for one, so the first such error is raised again when the mode is left. A tensor
    of many members has no text either; asking for it is an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self._error: Exception | None = None

    @abstractmethod
    def do(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Do one torch function."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every torch function comes here."""
        try:
            if func in _TEXTS and is_batched(args[0]):
                raise RuntimeError("a tensor is read as text, which differs between members")
            return self.do(func, args, kwargs or {})
        except TypeError:
            # How torch says that it does not know an operand, and asks the other one.
            raise
        except Exception as error:
            self._error = self._error or error
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)  # type: ignore[no-untyped-call]
        if kind is None and self._error is not None:
            raise self._error


class Batching(Watching):
    """While it is active, attention and narrow products are fast also where no tensor is low-rank.

    Modules with a fast path of their own that knows no vmap, such as ``nn.TransformerEncoderLayer``, do not
    take it while any mode is active.
    """

    def do(self, func: Any, args: Any, kwargs: Any) -> Any:
        """As torch does it, or faster."""
        taken = _TAKEN.get(func)
        if taken is not None and fits(taken, args, kwargs):
            result = taken(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return func(*args, **kwargs)
