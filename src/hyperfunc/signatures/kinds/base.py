"""What every kind of value can do."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from typing import Any

from hyperfunc.llm.structured import strict_json
from hyperfunc.types import JSON

__all__ = ["Kind", "Mismatch", "shown"]

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*)\n[ \t]*```", re.DOTALL)
_MOST = 120


class Mismatch(Exception):
    """A value that its field does not allow.

    Args:
        at: path of the value, such as ``lines[2].price``.
        expected: in words.
        came: what was there instead, in words.
    """

    def __init__(self, at: str, expected: str, came: str) -> None:
        super().__init__(f"{at}: expected {expected}, got {came}")
        self.at = at


class Kind(ABC):
    """One kind of value. Nothing is converted on the way that the annotation does not name."""

    bare_text: bool = False
    """Whether a text without quotes is a value."""

    closed: bool = True
    """Whether its schema says all there is to say, as servers with strict schemas demand."""

    @property
    @abstractmethod
    def shape(self) -> str:
        """What it looks like, in a few words, such as ``text`` or ``[number, ...]``."""

    @property
    def words(self) -> str:
        """What is asked for, in words."""
        return self.shape

    @abstractmethod
    def schema(self, definitions: dict[str, JSON]) -> dict[str, JSON]:
        """A JSON schema; what it refers to is put into ``definitions``."""

    @abstractmethod
    def load(self, value: JSON, at: str) -> Any:
        """The value that a JSON value means.

        Raises:
            Mismatch: it means none.
        """

    @abstractmethod
    def dump(self, value: Any, at: str) -> JSON:
        """The JSON value of a value; what :meth:`load` would take is fine as well.

        Raises:
            Mismatch: it is no value of this kind.
        """

    def read(self, text: str, at: str) -> Any:
        """The value that a piece of text means: it is JSON, perhaps in a fence.

        Raises:
            Mismatch: it means none.
        """
        fenced = _FENCE.fullmatch(text)
        try:
            value = strict_json(fenced[1] if fenced else text)
        except ValueError:
            raise Mismatch(at, self.words, shown(text)) from None
        return self.load(value, at)

    def refuse(self, at: str, value: Any) -> Mismatch:
        """The error for a value of another kind."""
        return Mismatch(at, self.words, shown(value))


def shown(value: Any) -> str:
    """A short form of a value for messages; never raises."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        try:
            text = repr(value)
        except Exception:  # objects of a program may do anything
            text = "something that cannot be shown"
        text = f"{text} of type {type(value).__name__}"
    return text if len(text) <= _MOST else f"{text[: _MOST - 3]}..."
