"""What every knob can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.spaces.knobs.when import When
    from hyperfunc.types import JSON

__all__ = ["Knob", "title"]


def title(name: str) -> str:
    """How an error names a knob: ``knob 'route.prompt'``, or ``this knob`` outside of a space."""
    return f"knob {name!r}" if name else "this knob"


class Knob(ABC):
    """One learnable leaf: what values it allows, and how they are written down.

    A knob holds no current value; values live in candidates. Knobs that can be a coordinate of the
    unit cube (Real, Integer, Choice) have ``in_unit_cube = True`` and the pair
    :meth:`to_unit` / :meth:`from_unit`.
    """

    __slots__ = ()

    kind: ClassVar[str]
    """``real``, ``integer``, ``choice``, ``text``, ``exemplars`` or ``matrix``."""

    in_unit_cube: ClassVar[bool] = False

    default: Any
    """The canonical value a candidate has when nothing else is said."""

    when: When | None = None
    """When the knob matters; ``None`` is always."""

    @property
    def size(self) -> int:
        """How many places of the flat numeric vector the knob takes; 0 when it is not a number."""
        return 0

    @abstractmethod
    def canonical(self, value: object, name: str = "") -> Any:
        """The one immutable form of an allowed value.

        Args:
            value: what somebody wants the knob to be.
            name: the knob's name in its space, for the message.

        Raises:
            SpaceError: the value has the wrong type.
            OutOfBounds: it has the right type, but the knob does not allow it.
        """

    @abstractmethod
    def sample(self, rng: np.random.Generator) -> Any:
        """A random canonical value, uniform in the unit cube where the knob has a place in it."""

    @abstractmethod
    def describe(self) -> dict[str, JSON]:
        """The knob as JSON: its kind, what it allows, its default."""

    def to_json(self, value: Any) -> JSON:
        """A canonical value as JSON."""
        return value

    def from_json(self, value: JSON) -> Any:
        """The value that :meth:`to_json` wrote, not yet checked against the bounds."""
        return value

    def to_unit(self, value: Any) -> float:
        """Where a canonical value lies in [0, 1]."""
        raise NotImplementedError(f"a {self.kind} knob has no place in the unit cube")

    def from_unit(self, unit: float) -> Any:
        """The canonical value at a place in [0, 1]; places outside are clipped to it."""
        raise NotImplementedError(f"a {self.kind} knob has no place in the unit cube")
