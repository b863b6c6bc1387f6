"""Kinds of single values: texts, numbers, truth values, choices."""

from __future__ import annotations

import enum
import json
import math
from dataclasses import dataclass
from typing import Any

from hyperfunc.types import JSON

from .base import Kind, Mismatch, shown

__all__ = ["Anything", "Flag", "Null", "Number", "OneOf", "Text", "Whole"]


@dataclass(frozen=True)
class Text(Kind):
    """``str``; written in a prompt as it is, without quotes."""

    bare_text = True

    @property
    def shape(self) -> str:
        """One word."""
        return "text"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """A string."""
        return {"type": "string"}

    def load(self, value: JSON, at: str) -> Any:
        """A text."""
        if not isinstance(value, str):
            raise self.refuse(at, value)
        return str(value)

    dump = load

    def read(self, text: str, at: str) -> Any:
        """The text itself."""
        return text


@dataclass(frozen=True)
class Whole(Kind):
    """``int``."""

    @property
    def shape(self) -> str:
        """Two words."""
        return "whole number"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """An integer."""
        return {"type": "integer"}

    def load(self, value: JSON, at: str) -> Any:
        """A whole number; as in JSON, 3.0 is one."""
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole:
            raise self.refuse(at, value)
        return int(value)

    dump = load


@dataclass(frozen=True)
class Number(Kind):
    """``float``, finite."""

    @property
    def shape(self) -> str:
        """One word."""
        return "number"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """A number."""
        return {"type": "number"}

    def load(self, value: JSON, at: str) -> Any:
        """A number; a whole one becomes a float."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refuse(at, value)
        try:
            number = float(value)
        except OverflowError:
            raise self.refuse(at, value) from None
        if not math.isfinite(number):
            raise self.refuse(at, value)
        return number

    dump = load


@dataclass(frozen=True)
class Flag(Kind):
    """``bool``."""

    @property
    def shape(self) -> str:
        """Both values."""
        return "true or false"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """A boolean."""
        return {"type": "boolean"}

    def load(self, value: JSON, at: str) -> Any:
        """A truth value; numbers are none."""
        if not isinstance(value, bool):
            raise self.refuse(at, value)
        return value

    dump = load

    def read(self, text: str, at: str) -> Any:
        """``true`` or ``false`` in any case."""
        return super().read(text.lower(), at) if text.lower() in ("true", "false") else super().read(text, at)


@dataclass(frozen=True)
class Null(Kind):
    """``None``."""

    @property
    def shape(self) -> str:
        """As in JSON."""
        return "null"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """Null."""
        return {"type": "null"}

    def load(self, value: JSON, at: str) -> Any:
        """Nothing else."""
        if value is not None:
            raise self.refuse(at, value)
        return None

    dump = load


@dataclass(frozen=True)
class Anything(Kind):
    """``Any``: whatever JSON has."""

    closed = False

    @property
    def shape(self) -> str:
        """Any."""
        return "any JSON value"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """No condition."""
        return {}

    def load(self, value: JSON, at: str) -> Any:
        """The value itself, if it is one of JSON."""
        try:
            return json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError):
            raise self.refuse(at, value) from None

    dump = load


@dataclass(frozen=True)
class OneOf(Kind):
    """``Literal`` and enumerations.

    Args:
        options: as JSON has them, all different.
        members: what they mean, in the same order.
    """

    options: tuple[str | int | float | bool | None, ...]
    members: tuple[Any, ...]

    @property
    def bare_text(self) -> bool:  # type: ignore[override]
        """Whether any option is a text."""
        return any(isinstance(option, str) for option in self.options)

    @property
    def shape(self) -> str:
        """All of them."""
        return f"one of {', '.join(json.dumps(option, ensure_ascii=False) for option in self.options)}"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """An enumeration, with its type where it has one."""
        kinds = {type(option) for option in self.options}
        names = {str: "string", int: "integer", bool: "boolean"}
        typed = {"type": names[kinds.pop()]} if len(kinds) == 1 and kinds <= names.keys() else {}
        return {**typed, "enum": list(self.options)}

    def load(self, value: JSON, at: str) -> Any:
        """The member that an option means."""
        for option, member in zip(self.options, self.members, strict=True):
            if type(value) is type(option) and value == option:
                return member
        raise self.refuse(at, value)

    def dump(self, value: Any, at: str) -> JSON:
        """The option of a member."""
        for option, member in zip(self.options, self.members, strict=True):
            if value is member or (type(value) in (type(member), type(option)) and value in (member, option)):
                return option
        raise self.refuse(at, value)

    def read(self, text: str, at: str) -> Any:
        """An option by its text, with or without quotes."""
        for option, member in zip(self.options, self.members, strict=True):
            if text in (option, json.dumps(option, ensure_ascii=False)):
                return member
        raise Mismatch(at, self.words, shown(text))

    @classmethod
    def of_enum(cls, kind: type[enum.Enum]) -> OneOf:
        """Values where all are texts or whole numbers, else names."""
        members = tuple(kind)
        plain = all(type(member.value) in (str, int) for member in members)
        return cls(tuple(member.value if plain else member.name for member in members), members)
