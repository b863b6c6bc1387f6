"""Words: a text, and worked examples that go into a prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.spaces.knobs.base import Knob, title
from hyperfunc.spaces.knobs.when import When, described

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.types import JSON

__all__ = ["Exemplar", "Exemplars", "Text"]


@dataclass(frozen=True, slots=True)
class Text(Knob):
    """A text, most often a prompt.

    Args:
        default: start value.
        max_chars: longest text allowed, in characters; ``None`` is no limit.
        doc: one line for people and for models that propose values.
        when: the condition under which the knob matters; ``None`` is always.

    Raises:
        SpaceError: the default is not a text, or too long.

    Example::

        >>> Text("Answer briefly.").default
        'Answer briefly.'
    """

    default: str = ""
    max_chars: int | None = None
    doc: str = ""
    when: When | None = None

    kind: ClassVar[str] = "text"

    if TYPE_CHECKING:
        # A knob in the body of a system class reads as its value on an instance.
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> str: ...
        def __get__(self, instance: object, owner: type) -> object: ...
        def __set__(self, instance: object, value: str) -> None: ...

    def __post_init__(self) -> None:
        object.__setattr__(self, "default", self.canonical(self.default, "default"))

    def canonical(self, value: object, name: str = "") -> str:
        """The text itself."""
        if not isinstance(value, str):
            raise SpaceError(f"{title(name)} is a text, but got {value!r} of type {type(value).__name__}")
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            raise SpaceError(f"{title(name)} got half a surrogate pair, which cannot be stored as UTF-8")
        if self.max_chars is not None and len(value) > self.max_chars:
            raise OutOfBounds(
                f"{title(name)} got {len(value)} characters; shorten the text to {self.max_chars}"
            )
        return str(value)

    def sample(self, rng: np.random.Generator) -> str:
        """The default: there is no natural distribution over texts."""
        return self.default

    def describe(self) -> dict[str, JSON]:
        """Default and limit."""
        about = {"kind": self.kind, "default": self.default, "max_chars": self.max_chars, "doc": self.doc}
        return about | described(self.when)


@dataclass(frozen=True, eq=False)
class Exemplar:
    """A worked example: an input and the output wanted for it.

    Both are JSON values, copied when the exemplar is made. Two exemplars are equal when their JSON is.

    Args:
        input: what the function is given.
        output: what it should return.

    Raises:
        SpaceError: something in it is not JSON.

    Example::

        >>> Exemplar({"ticket": "Where is my box?"}, "shipping").output
        'shipping'
    """

    input: JSON
    output: JSON

    def __post_init__(self) -> None:
        text = _json_text([self.input, self.output])
        given, wanted = json.loads(text)
        object.__setattr__(self, "input", given)
        object.__setattr__(self, "output", wanted)
        object.__setattr__(self, "_text", text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exemplar) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def text(self) -> str:
        """``[input, output]`` as canonical JSON text."""
        text: str = self.__dict__["_text"]
        return text

    def to_json(self) -> dict[str, JSON]:
        """A fresh ``{"input": …, "output": …}``."""
        given, wanted = json.loads(self.text)
        return {"input": given, "output": wanted}


@dataclass(frozen=True, slots=True)
class Exemplars(Knob):
    """An ordered choice of worked examples for a prompt.

    Args:
        pool: examples that may be chosen; values from outside of the pool are allowed too.
        default: those shown at the start.
        max_items: the most that may be shown.
        doc: one line for people.

    Raises:
        SpaceError: something is not an exemplar, or the default is too long.

    Example::

        >>> shots = Exemplars(pool=(Exemplar("2+2", "4"), Exemplar("3+3", "6")), max_items=1)
        >>> shots.canonical([("2+2", "4")])
        (Exemplar(input='2+2', output='4'),)
    """

    pool: tuple[Exemplar, ...] = ()
    default: tuple[Exemplar, ...] = ()
    max_items: int = 8
    doc: str = ""

    kind: ClassVar[str] = "exemplars"

    if TYPE_CHECKING:
        # A knob in the body of a system class reads as its value on an instance.
        @overload
        def __get__(self, instance: None, owner: type) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: type) -> tuple[Exemplar, ...]: ...
        def __get__(self, instance: object, owner: type) -> object: ...
        def __set__(self, instance: object, value: tuple[Exemplar, ...]) -> None: ...

    def __post_init__(self) -> None:
        if self.max_items < 1:
            raise SpaceError(f"max_items is {self.max_items}; give at least 1")
        object.__setattr__(self, "pool", tuple(_exemplar(item, "pool") for item in self.pool))
        object.__setattr__(self, "default", self.canonical(self.default, "default"))

    def canonical(self, value: object, name: str = "") -> tuple[Exemplar, ...]:
        """A tuple of exemplars; pairs and ``{"input", "output"}`` mappings are accepted as such."""
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
            raise SpaceError(f"{title(name)} is a list of exemplars, but got a {type(value).__name__}")
        if len(value) > self.max_items:
            raise OutOfBounds(f"{title(name)} got {len(value)} exemplars; give at most {self.max_items}")
        return tuple(_exemplar(item, name) for item in value)

    def sample(self, rng: np.random.Generator) -> tuple[Exemplar, ...]:
        """A uniform number of exemplars from the pool, in random order, without repetition."""
        count = int(rng.integers(min(self.max_items, len(self.pool)) + 1))
        return tuple(self.pool[int(place)] for place in rng.permutation(len(self.pool))[:count])

    def to_json(self, value: Any) -> JSON:
        """A list of ``{"input": …, "output": …}``."""
        return [item.to_json() for item in value]

    def describe(self) -> dict[str, JSON]:
        """Pool, default and limit."""
        return {
            "kind": self.kind,
            "pool": self.to_json(self.pool),
            "default": self.to_json(self.default),
            "max_items": self.max_items,
            "doc": self.doc,
        }


def _exemplar(item: object, name: str) -> Exemplar:
    if isinstance(item, Exemplar):
        return item
    if isinstance(item, Mapping) and set(item) == {"input", "output"}:
        return Exemplar(item["input"], item["output"])
    if isinstance(item, tuple | list) and len(item) == 2:
        return Exemplar(item[0], item[1])
    raise SpaceError(
        f"{title(name)} got {item!r}; give Exemplar(input, output), a pair, "
        'or a mapping with exactly "input" and "output"'
    )


def _json_text(value: JSON) -> str:
    try:
        text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise SpaceError(f"an exemplar holds JSON values only, but {value!r} is not: {error}") from error
    return text
