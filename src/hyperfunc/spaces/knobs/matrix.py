"""Arrays of unbounded numbers: adapter weights, heads, embeddings."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

import numpy as np

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.spaces.knobs.base import Knob, title
from hyperfunc.spaces.stacks import LowRankStack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.types import JSON

__all__ = ["Matrix", "array_json"]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix(Knob):
    """A float32 array of a fixed shape, without bounds.

    Args:
        shape: at least one axis, e.g. ``(out, in)``.
        default: start value of that shape; zeros when not given.
        noise_rank: rank of the perturbations an evolution strategy tries; ``None`` means full rank.
        doc: one line for people.

    Raises:
        SpaceError: a shape or default that does not fit.

    Example::

        >>> Matrix((2, 3)).size
        6
    """

    shape: tuple[int, ...]
    default: NDArray[np.float32] | None = field(default=None)
    noise_rank: int | None = 1
    doc: str = ""

    kind: ClassVar[str] = "matrix"

    if TYPE_CHECKING:
        # A knob in the body of a system class reads as its value on an instance.
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> NDArray[np.float32]: ...
        def __get__(self, instance: object, owner: type) -> object: ...
        def __set__(self, instance: object, value: NDArray[np.float32]) -> None: ...

    def __post_init__(self) -> None:
        shape = tuple(int(length) for length in self.shape)
        if not shape or min(shape) < 1:
            raise SpaceError(f"shape {self.shape!r} has no room for values; give lengths of at least 1")
        if self.noise_rank is not None and self.noise_rank < 1:
            raise SpaceError(f"noise_rank is {self.noise_rank!r}; give at least 1, or None for full rank")
        object.__setattr__(self, "shape", shape)
        default = np.zeros(shape, np.float32) if self.default is None else self.default
        object.__setattr__(self, "default", self.canonical(default, "default"))

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    def canonical(self, value: object, name: str = "") -> NDArray[np.float32]:
        """A read-only, C-contiguous float32 array; anything array-like of the right shape goes in."""
        return self._checked(self._copied(value, name), self.shape, name)

    def stack(self, column: object, name: str = "") -> NDArray[np.float32] | LowRankStack:
        """K values as one read-only float32 array [K, *shape]; a low-rank stack passes through."""
        if isinstance(column, LowRankStack):
            self._checked(column.center, self.shape, name)
            return column
        array = self._copied(column, name)
        return self._checked(array, (*array.shape[:1], *self.shape), name)

    @staticmethod
    def _checked(array: NDArray[np.float32], shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
        if array.shape != shape:
            raise SpaceError(f"{title(name)} has shape {shape}, but got an array of {array.shape}")
        # A sum is one pass, and infinite or NaN as soon as one entry is.
        if not math.isfinite(array.sum(dtype=np.float64)):
            raise OutOfBounds(f"{title(name)} got NaN or infinity; every entry must be a finite number")
        return array

    def _copied(self, value: object, name: str) -> NDArray[np.float32]:
        try:
            with np.errstate(over="ignore"):
                array = np.array(value, dtype=np.float32, order="C")
        except (TypeError, ValueError) as error:
            raise SpaceError(
                f"{title(name)} is an array of numbers, but got a {type(value).__name__}"
            ) from error
        array += 0.0  # -0.0 and 0.0 are one value and must have one id
        array.flags.writeable = False
        return array

    def sample(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """The default plus Gaussian noise with variance 1 / (length of the last axis)."""
        noise = rng.normal(size=self.shape) / math.sqrt(self.shape[-1])
        return self.canonical(np.asarray(self.default) + noise)

    def to_json(self, value: Any) -> JSON:
        """Shape and little-endian float32 bytes in base64."""
        return array_json(value)

    def from_json(self, value: JSON) -> Any:
        """The array that :meth:`to_json` wrote."""
        if not isinstance(value, Mapping):
            return value
        flat = np.frombuffer(base64.b64decode(value["float32"]), dtype="<f4")
        return flat.reshape(value["shape"]).astype(np.float32)

    def describe(self) -> dict[str, JSON]:
        """Shape, rank of the noise, and the default."""
        return {
            "kind": self.kind,
            "shape": list(self.shape),
            "noise_rank": self.noise_rank,
            "default": self.to_json(self.default),
            "doc": self.doc,
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matrix) and self.describe() == other.describe()

    def __hash__(self) -> int:
        return hash((self.shape, self.noise_rank))


def array_json(array: NDArray[np.float32]) -> dict[str, JSON]:
    """A float32 array as JSON, byte for byte."""
    data = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(data).decode("ascii")}
