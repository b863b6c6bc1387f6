"""Pydantic models, by what they can do: pydantic itself is never imported here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.types import JSON

from .base import Kind, Mismatch, shown

__all__ = ["Model", "is_model"]


def is_model(hint: Any) -> bool:
    """Whether a class is a pydantic model (version 2)."""
    needed = ("model_validate_json", "model_json_schema", "model_dump")
    return isinstance(hint, type) and all(callable(getattr(hint, name, None)) for name in needed)


@dataclass(frozen=True)
class Model(Kind):
    """A pydantic model. It checks itself, strictly: a text is no number.

    Args:
        type: the model's class.
    """

    type: Any

    closed = False

    @property
    def shape(self) -> str:
        """Its schema."""
        schema = json.dumps(self.type.model_json_schema(), ensure_ascii=False, separators=(",", ":"))
        return f"an object that fits the schema {schema}"

    @property
    def words(self) -> str:
        """That it is JSON."""
        return f"JSON, {self.shape}"

    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """Its own, with what it refers to under names that no other model has."""
        own = f"{self.type.__module__}.{self.type.__qualname__}".replace(".<locals>", "")
        schema = dict(self.type.model_json_schema(ref_template=f"#/$defs/{own}:{{model}}"))
        for name, definition in schema.pop("$defs", {}).items():
            definitions[f"{own}:{name}"] = definition
        return schema

    def load(self, value: JSON, at: str) -> Any:
        """What it makes of the value."""
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            raise self.refuse(at, value) from None
        try:
            return self.type.model_validate_json(text, strict=True)
        except ValueError as error:
            raise _mismatch(error, at, self.type.__name__, value) from error

    def dump(self, value: Any, at: str) -> JSON:
        """Its JSON form, which it reads back."""
        if isinstance(value, Mapping):
            value = self.load(dict(value), at)
        if not isinstance(value, self.type):
            raise Mismatch(at, self.type.__name__, shown(value))
        return value.model_dump(mode="json", by_alias=True, round_trip=True)


def _mismatch(error: ValueError, at: str, name: str, value: Any) -> Mismatch:
    """The first complaint of a model."""
    listed = getattr(error, "errors", None)
    found = listed()[0] if callable(listed) and listed() else None
    if found is None:
        return Mismatch(at, f"what {name} accepts", f"{shown(value)} ({error})")
    path = at + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"])
    if found["type"] == "missing":
        return Mismatch(path, "a value", "nothing")
    return Mismatch(path, f"what {name} accepts", f"{shown(found['input'])} ({found['msg']})")
