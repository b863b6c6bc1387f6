"""Numbers: Real and Integer, each with bounds and a scale."""

from __future__ import annotations

import functools
import math
import numbers
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self, overload

import numpy as np

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.spaces.knobs.base import Knob, title
from hyperfunc.spaces.knobs.when import When, described

if TYPE_CHECKING:
    from hyperfunc.types import JSON

__all__ = ["Integer", "Real", "Scale"]

Scale = Literal["linear", "log", "logit"]

_FLOAT32_MAX = float(np.finfo(np.float32).max)
_FLOAT32_EXACT_INTEGERS = 2**24


@functools.lru_cache(maxsize=8192)
def as_float32(value: float) -> float:
    """The shortest decimal that has the same float32: 0.699999988 becomes 0.7, and -0.0 becomes 0.0."""
    return float(str(np.float32(value))) + 0.0


def _number(value: object, name: str) -> float:
    if type(value) is not float and (isinstance(value, bool) or not isinstance(value, numbers.Real)):
        raise SpaceError(f"{title(name)} is a number, but got {value!r} of type {type(value).__name__}")
    number = float(value)
    if not -_FLOAT32_MAX <= number <= _FLOAT32_MAX:
        raise OutOfBounds(f"{title(name)} got {value!r}; give a finite number within float32 range")
    return number


def _stretch(value: float, scale: Scale) -> float:
    """A raw value on the axis where equal steps matter equally."""
    if scale == "linear":
        return value
    return math.log(value) if scale == "log" else math.log(value / (1.0 - value))


def _shrink(place: float, scale: Scale) -> float:
    """The inverse of :func:`_stretch`."""
    if scale == "linear":
        return place
    return math.exp(place) if scale == "log" else 1.0 / (1.0 + math.exp(-place))


def _check_scale(low: float, high: float, scale: str) -> None:
    if scale not in ("linear", "log", "logit"):
        raise SpaceError(f"scale {scale!r} is unknown; use 'linear', 'log' or 'logit'")
    if not low < high:
        raise SpaceError(f"bounds {low!r} to {high!r} leave nothing to learn; low must be below high")
    if scale == "log" and low <= 0:
        raise SpaceError(f"a log scale needs low above 0, but low is {low!r}")
    if scale == "logit" and not 0 < low < high < 1:
        raise SpaceError(f"a logit scale needs bounds strictly between 0 and 1, not {low!r} to {high!r}")


@dataclass(frozen=True, slots=True)
class Real(Knob):
    """A number in [low, high].

    Values have float32 precision, kept as the shortest decimal: the flat float32 view of a system
    and its candidates therefore agree exactly, and 0.7 stays 0.7.

    Args:
        low, high: bounds, both allowed.
        default: start value; the middle of the scale when not given.
        scale: ``linear``; ``log`` where a factor matters (low > 0); ``logit`` for probabilities
            whose distance from 0 and 1 matters (bounds strictly inside (0, 1)).
        unit: shown with the value, e.g. ``"s"``.
        doc: one line for people and for models that propose values.
        when: the condition under which the knob matters; ``None`` is always.

    Raises:
        SpaceError: bounds, scale or default do not fit together.

    Example::

        >>> Real(0.0, 2.0, default=1.0).to_unit(0.5)
        0.25
    """

    low: float
    high: float
    default: float | None = None
    scale: Scale = "linear"
    unit: str = ""
    doc: str = ""
    when: When | None = None

    kind: ClassVar[str] = "real"
    in_unit_cube: ClassVar[bool] = True

    if TYPE_CHECKING:
        # A knob in the body of a system class reads as its value on an instance.
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> float: ...
        def __get__(self, instance: object, owner: type) -> object: ...
        def __set__(self, instance: object, value: float) -> None: ...

    def __post_init__(self) -> None:
        # Bounds are rounded as values are, so that a value on a bound stays allowed.
        low, high = (as_float32(_number(bound, "bound")) for bound in (self.low, self.high))
        _check_scale(low, high, self.scale)
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        default = self.from_unit(0.5) if self.default is None else self.canonical(self.default, "default")
        object.__setattr__(self, "default", default)

    @property
    def size(self) -> int:
        """1."""
        return 1

    def canonical(self, value: object, name: str = "") -> float:
        """The value at float32 precision."""
        number = as_float32(_number(value, name))
        if not self.low <= number <= self.high:
            raise OutOfBounds(
                f"{title(name)} got {value!r}; give a number from {self.low:g} to {self.high:g}"
            )
        return number

    def to_unit(self, value: float) -> float:
        """The value's place between the bounds, on the knob's scale."""
        low, high = _stretch(self.low, self.scale), _stretch(self.high, self.scale)
        return min(1.0, max(0.0, (_stretch(value, self.scale) - low) / (high - low)))

    def from_unit(self, unit: float) -> float:
        """The value at a place; 0 is ``low``, 1 is ``high``."""
        unit = check_unit(unit)
        if unit in (0.0, 1.0):
            return self.high if unit else self.low
        low, high = _stretch(self.low, self.scale), _stretch(self.high, self.scale)
        return min(self.high, max(self.low, as_float32(_shrink(low + unit * (high - low), self.scale))))

    def sample(self, rng: np.random.Generator) -> float:
        """Uniform on the knob's scale."""
        return self.from_unit(rng.random())

    def describe(self) -> dict[str, JSON]:
        """Bounds, default and scale."""
        return _describe(self)


@dataclass(frozen=True, slots=True)
class Integer(Knob):
    """A whole number in [low, high].

    Args:
        low, high: bounds, both allowed, within 2**24, where float32 holds every whole number.
        default: start value; the middle of the scale when not given.
        scale: ``linear``, or ``log`` where a factor matters (low >= 1).
        unit: shown with the value, e.g. ``"tokens"``.
        doc: one line for people and for models that propose values.
        when: the condition under which the knob matters; ``None`` is always.

    Raises:
        SpaceError: bounds, scale or default do not fit together.

    Example::

        >>> Integer(1, 100, scale="log").default
        7
    """

    low: int
    high: int
    default: int | None = None
    scale: Scale = "linear"
    unit: str = ""
    doc: str = ""
    when: When | None = None

    kind: ClassVar[str] = "integer"
    in_unit_cube: ClassVar[bool] = True

    if TYPE_CHECKING:
        # A knob in the body of a system class reads as its value on an instance.
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> int: ...
        def __get__(self, instance: object, owner: type) -> object: ...
        def __set__(self, instance: object, value: int) -> None: ...

    def __post_init__(self) -> None:
        low, high = (_whole(bound, "bound") for bound in (self.low, self.high))
        _check_scale(low, high, self.scale)
        if self.scale == "logit":
            raise SpaceError("an Integer has no logit scale; use 'linear' or 'log'")
        object.__setattr__(self, "low", low)
        object.__setattr__(self, "high", high)
        default = self.from_unit(0.5) if self.default is None else self.canonical(self.default, "default")
        object.__setattr__(self, "default", default)

    @property
    def size(self) -> int:
        """1."""
        return 1

    def canonical(self, value: object, name: str = "") -> int:
        """The value as ``int``; 3.0 is accepted as 3."""
        number = _whole(value, name)
        if not self.low <= number <= self.high:
            raise OutOfBounds(
                f"{title(name)} got {value!r}; give a whole number from {self.low} to {self.high}"
            )
        return number

    def _edges(self) -> tuple[float, float]:
        # Each number owns a bin of half a step to both sides, so all are equally easy to reach.
        return _stretch(self.low - 0.5, self.scale), _stretch(self.high + 0.5, self.scale)

    def to_unit(self, value: int) -> float:
        """The value's place; on a linear scale the middle of its bin."""
        low, high = self._edges()
        return (_stretch(value, self.scale) - low) / (high - low)

    def from_unit(self, unit: float) -> int:
        """The number whose bin holds the place."""
        low, high = self._edges()
        place = _shrink(low + check_unit(unit) * (high - low), self.scale)
        return min(self.high, max(self.low, math.floor(place + 0.5)))

    def sample(self, rng: np.random.Generator) -> int:
        """Uniform on the knob's scale."""
        return self.from_unit(rng.random())

    def describe(self) -> dict[str, JSON]:
        """Bounds, default and scale."""
        return _describe(self)


def check_unit(unit: float) -> float:
    """A place clipped to [0, 1]; NaN is refused."""
    if unit != unit:
        raise OutOfBounds("a place in the unit cube is NaN; give a number from 0 to 1")
    return min(1.0, max(0.0, float(unit)))


def _whole(value: object, name: str) -> int:
    number = _number(value, name)
    if number != int(number):
        raise SpaceError(f"{title(name)} is a whole number, but got {value!r}")
    if abs(number) > _FLOAT32_EXACT_INTEGERS:
        raise OutOfBounds(f"{title(name)} got {value!r}; float32 holds whole numbers up to 2**24 only")
    return int(number)


def _describe(knob: Real | Integer) -> dict[str, JSON]:
    return {
        "kind": knob.kind,
        "low": knob.low,
        "high": knob.high,
        "default": knob.default,
        "scale": knob.scale,
        "unit": knob.unit,
        "doc": knob.doc,
    } | described(knob.when)
