"""What functions and objects of other libraries are known by: their code and their plain settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from hyperfunc.ledger.keys import content_key
from hyperfunc.program.discovery import plain_text, reach

__all__ = ["code_of", "settings_of", "source_of"]


def code_of(function: Callable[..., Any]) -> str:
    """A fingerprint of a function, or of an object that can be called and its plain settings."""
    plain = inspect.isroutine(function) or isinstance(function, functools.partial)
    owner = getattr(function, "__self__", None if plain else function)
    called = function if plain else type(function).__call__
    return content_key(reach((called,)).fingerprint, {} if owner is None else settings_of(owner))


def settings_of(owner: Any, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Texts of the attributes of an object that are plain values."""
    told = {n: plain_text(v) for n, v in sorted(getattr(owner, "__dict__", {}).items()) if n not in without}
    return {name: text for name, text in told.items() if text is not None}


def source_of(kind: type) -> str:
    """The text of a class, or its name where there is no text."""
    try:
        return inspect.getsource(kind)
    except (OSError, TypeError):
        return f"{kind.__module__}.{kind.__qualname__}"
