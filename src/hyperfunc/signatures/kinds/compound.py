"""Kinds of values that hold others: lists, mappings, records, unions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.types import JSON

from .base import Kind, Mismatch, shown

__all__ = ["DictOf", "ListOf", "Record", "Union"]


@dataclass(frozen=True)
class _Compound(Kind):
    @property
    def words(self) -> str:
        """That it is JSON, and of which shape."""
        return f"JSON {self.shape}"


@dataclass(frozen=True)
class ListOf(_Compound):
    """``list[...]`` and ``tuple[..., ...]``.

    Args:
        item: what it holds.
        make: ``list`` or ``tuple``.
    """

    item: Kind
    make: type = list

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether its items are."""
        return self.item.closed

    @property
    def shape(self) -> str:
        """A list of items."""
        return f"[{self.item.shape}, ...]"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """An array."""
        return {"type": "array", "items": self.item.schema(definitions)}

    def load(self, value: JSON, at: str) -> Any:
        """Item by item."""
        return self.make(self._each(value, at, self.item.load))

    def dump(self, value: Any, at: str) -> JSON:
        """Item by item."""
        return self._each(value, at, self.item.dump)

    def _each(self, value: Any, at: str, convert: Callable[[Any, str], Any]) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise self.refuse(at, value)
        return [convert(item, f"{at}[{place}]") for place, item in enumerate(value)]


@dataclass(frozen=True)
class DictOf(_Compound):
    """``dict[str, ...]``.

    Args:
        item: what it holds.
    """

    item: Kind

    closed = False

    @property
    def shape(self) -> str:
        """Any names."""
        return f'{{"a name": {self.item.shape}, ...}}'

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """An object with any names."""
        return {"type": "object", "additionalProperties": self.item.schema(definitions)}

    def load(self, value: JSON, at: str) -> Any:
        """Name by name."""
        return self._each(value, at, self.item.load)

    def dump(self, value: Any, at: str) -> JSON:
        """Name by name."""
        return self._each(value, at, self.item.dump)

    def _each(self, value: Any, at: str, convert: Callable[[Any, str], Any]) -> dict[str, Any]:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise self.refuse(at, value)
        return {name: convert(item, f"{at}.{name}") for name, item in value.items()}


@dataclass(frozen=True)
class Record(_Compound):
    """Dataclasses and ``TypedDict``: named parts.

    Args:
        name: of the class.
        parts: what each part is.
        optional: parts that may be left out.
        make: builds it of its parts.
        type: whose attributes the parts are; ``None`` for a mapping.
    """

    name: str
    parts: Mapping[str, Kind]
    optional: frozenset[str]
    make: Callable[..., Any]
    type: type | None

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether all parts are, and none may be left out."""
        return not self.optional and all(part.closed for part in self.parts.values())

    @property
    def shape(self) -> str:
        """The parts by name."""
        parts = [
            f'"{name}": {part.shape}' + (" (may be left out)" if name in self.optional else "")
            for name, part in self.parts.items()
        ]
        return f"{{{', '.join(parts)}}}"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """An object with exactly these names."""
        return {
            "type": "object",
            "properties": {name: part.schema(definitions) for name, part in self.parts.items()},
            "required": [name for name in self.parts if name not in self.optional],
            "additionalProperties": False,
        }

    def load(self, value: JSON, at: str) -> Any:
        """Part by part; none is missing and none is too many."""
        if not isinstance(value, Mapping):
            raise self.refuse(at, value)
        parts = self._each(value, at, "load")
        try:
            return self.make(**parts)
        except Exception as error:  # the user's class may check its parts
            came = f"{shown(dict(value))} ({type(error).__name__}: {error})"
            raise Mismatch(at, f"what {self.name} accepts", came) from error

    def dump(self, value: Any, at: str) -> JSON:
        """Part by part."""
        if self.type is not None and isinstance(value, self.type):
            value = {name: getattr(value, name) for name in self.parts}
        elif not isinstance(value, Mapping):
            raise self.refuse(at, value)
        return self._each(value, at, "dump")

    def _each(self, value: Mapping[str, Any], at: str, way: str) -> dict[str, Any]:
        for name, part in self.parts.items():
            if name not in value and name not in self.optional:
                raise Mismatch(f"{at}.{name}", part.words, "nothing")
        if more := [name for name in value if name not in self.parts]:
            raise Mismatch(at, f"the names {', '.join(self.parts)} only", f"the name {more[0]!r} too")
        known = [name for name in self.parts if name in value]
        return {name: getattr(self.parts[name], way)(value[name], f"{at}.{name}") for name in known}


@dataclass(frozen=True)
class Union(Kind):
    """``X | Y`` and ``Optional``: the first kind that fits.

    Args:
        kinds: in the order they are tried.
    """

    kinds: tuple[Kind, ...]

    @property
    def bare_text(self) -> bool:  # type: ignore[override]
        """Whether one of them takes it."""
        return any(kind.bare_text for kind in self.kinds)

    @property
    def closed(self) -> bool:  # type: ignore[override]
        """Whether all are."""
        return all(kind.closed for kind in self.kinds)

    @property
    def shape(self) -> str:
        """One or the other."""
        return " or ".join(kind.shape for kind in self.kinds)

    @property
    def words(self) -> str:
        """One or the other."""
        return " or ".join(kind.words for kind in self.kinds)

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """Any of them."""
        return {"anyOf": [kind.schema(definitions) for kind in self.kinds]}

    def load(self, value: JSON, at: str) -> Any:
        """By the first that takes it."""
        return self._first(self.kinds, "load", value, at)

    def dump(self, value: Any, at: str) -> JSON:
        """By the first that takes it."""
        return self._first(self.kinds, "dump", value, at)

    def read(self, text: str, at: str) -> Any:
        """What is no text goes first, so that ``null`` and ``12`` are not taken for words."""
        return self._first(sorted(self.kinds, key=lambda kind: kind.bare_text), "read", text, at)

    def _first(self, kinds: Iterable[Kind], way: str, value: Any, at: str) -> Any:
        inner: list[Mismatch] = []
        for kind in kinds:
            try:
                return getattr(kind, way)(value, at)
            except Mismatch as found:
                inner += [found] if found.at != at else []
        # Where one of them fits on the outside, what is wrong inside says more.
        raise inner[0] if len(inner) == 1 else self.refuse(at, value)
