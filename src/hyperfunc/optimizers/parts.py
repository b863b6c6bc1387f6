"""A part of a joint search: how values of one kind of knob are described and varied."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.base import Delegate, Optimizer

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.spaces import Knob

__all__ = ["Part"]


class Part(Delegate):
    """Knows one kind of knob. On its own it is a joint search over that kind alone.

    Both methods depend on their arguments alone.
    """

    @abstractmethod
    def handles(self, name: str, knob: Knob) -> bool:
        """Whether the part varies this knob."""

    @abstractmethod
    def features(self, name: str, knob: Knob, value: Any) -> Mapping[Hashable, float]:
        """What a value is made of, as amounts that may add to the score independently.

        Amounts are scaled so that one unit of every feature is thought to matter equally.
        """

    @abstractmethod
    def moves(self, name: str, knob: Knob, value: Any, rng: np.random.Generator) -> list[Any]:
        """Values one small change away, canonical and all different from ``value``."""

    def inner(self) -> Optimizer:
        """A joint search with this part alone."""
        from hyperfunc.optimizers.joint import Joint

        return Joint((self,))
