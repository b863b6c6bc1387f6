"""One of a few options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.spaces.knobs.base import Knob, title
from hyperfunc.spaces.knobs.numeric import check_unit
from hyperfunc.spaces.knobs.when import When, described

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.types import JSON

__all__ = ["Choice"]

_FIRST = object()


@dataclass(frozen=True, slots=True)
class Choice(Knob):
    """One of several options: a strategy, a model's name, on or off.

    Options are told apart by type and value: ``True``, ``1`` and ``1.0`` are three options.

    Args:
        options: at least two different strings, numbers, booleans, ``None`` or tuples of them.
        default: start value; the first option when not given.
        doc: one line for people and for models that propose values.
        when: the condition under which the knob matters; ``None`` is always.

    Raises:
        SpaceError: too few, repeated or unusable options, or a default that is none of them.

    Example::

        >>> Choice(("short", "long")).canonical("long")
        'long'
    """

    options: tuple[Any, ...]
    default: Any = _FIRST
    doc: str = ""
    when: When | None = None

    kind: ClassVar[str] = "choice"
    in_unit_cube: ClassVar[bool] = True

    if TYPE_CHECKING:
        # A knob in the body of a system class reads as its value on an instance.
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> Any: ...
        def __get__(self, instance: object, owner: type) -> object: ...
        def __set__(self, instance: object, value: Any) -> None: ...

    def __post_init__(self) -> None:
        given: object = self.options
        if not isinstance(given, tuple | list):
            raise SpaceError(f"options are a tuple of values, but got {given!r}")
        options = tuple(_option(option) for option in given)
        object.__setattr__(self, "options", options)
        if len(options) < 2:
            raise SpaceError(f"a Choice needs at least two options, but got {options!r}")
        for place, option in enumerate(options):
            if _index(options[:place], option) is not None:
                raise SpaceError(f"option {option!r} is given twice; options must differ")
        default = options[0] if self.default is _FIRST else self.canonical(self.default, "default")
        object.__setattr__(self, "default", default)

    def canonical(self, value: object, name: str = "") -> Any:
        """The option that equals the value in type and content."""
        place = _index(self.options, value)
        if place is None:
            raise OutOfBounds(f"{title(name)} got {value!r}; choose one of {list(self.options)!r}")
        return self.options[place]

    def to_unit(self, value: Any) -> float:
        """The middle of the option's bin; all bins have the same width."""
        place = _index(self.options, value)
        if place is None:
            raise OutOfBounds(f"{value!r} is none of {list(self.options)!r}")
        return (place + 0.5) / len(self.options)

    def from_unit(self, unit: float) -> Any:
        """The option whose bin holds the place."""
        count = len(self.options)
        return self.options[min(count - 1, int(check_unit(unit) * count))]

    def sample(self, rng: np.random.Generator) -> Any:
        """Every option is equally likely."""
        return self.options[int(rng.integers(len(self.options)))]

    def to_json(self, value: Any) -> JSON:
        """Tuples become lists."""
        return list(value) if isinstance(value, tuple) else value

    def from_json(self, value: JSON) -> Any:
        """Lists become tuples."""
        return tuple(value) if isinstance(value, list) else value

    def describe(self) -> dict[str, JSON]:
        """Options and default."""
        options = [self.to_json(option) for option in self.options]
        about = {
            "kind": self.kind,
            "options": options,
            "default": self.to_json(self.default),
            "doc": self.doc,
        }
        return about | described(self.when)


def _option(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_scalar(part) for part in value)
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or type(value) in (str, int, bool):
        return value
    if type(value) is float and value - value == 0.0:
        return value
    raise SpaceError(
        f"option {value!r} of type {type(value).__name__} cannot be written down; "
        "use text, finite numbers, booleans, None or tuples of them"
    )


def _index(options: tuple[Any, ...], value: object) -> int | None:
    value = tuple(value) if isinstance(value, list) else value
    for place, option in enumerate(options):
        if type(option) is type(value) and repr(option) == repr(value):
            return place
    return None
