"""Keys of model servers: where they come from, and what keeps them out of everything that is written."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["Secret", "find_key", "known_secrets", "redact", "user_folder"]

_HIDDEN = "[key]"
_SHORTEST = 6
_lock = threading.Lock()
_known: set[str] = set()


class Secret:
    """A text that never shows: not by ``str``, ``repr``, formatting, pickling or JSON.

    Every secret is known to :func:`redact` from the moment it is made.

    Args:
        value: the text.
        name: says where it came from, such as ``OPENAI_API_KEY``; shown in its place.

    Example::

        >>> key = Secret("sk-something", "OPENAI_API_KEY")
        >>> f"{key}"
        '[key OPENAI_API_KEY]'
        >>> redact("refused: sk-something")
        'refused: [key]'
    """

    __slots__ = ("_name", "_value")

    def __init__(self, value: str, name: str = "") -> None:
        self._value = value
        self._name = name
        # Shorter ones would blank out ordinary words.
        if len(value) >= _SHORTEST:
            with _lock:
                _known.add(value)

    def reveal(self) -> str:
        """The text itself, for the one header that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"[key {self._name}]" if self._name else _HIDDEN

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not stored; keep its name and read it from the environment again")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


def known_secrets() -> frozenset[str]:
    """Every key this process has read so far."""
    with _lock:
        return frozenset(_known)


def redact(text: str) -> str:
    """``text`` with every known key replaced."""
    for value in sorted(known_secrets(), key=len, reverse=True):
        if value in text:
            text = text.replace(value, _HIDDEN)
    return text


def user_folder() -> Path:
    """Where a person keeps settings for all projects."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "hyperfunc"


def find_key(name: str) -> Secret | None:
    """The key called ``name``, from the environment, ``.env`` of the working folder, or the user's ``.env``.

    Args:
        name: of the variable, such as ``OPENAI_API_KEY``; an empty value counts as none.
    """
    value = os.environ.get(name)
    if not value:
        for folder in (Path.cwd(), user_folder()):
            value = _dotenv(folder / ".env").get(name)
            if value:
                break
    return Secret(value, name) if value else None


def _dotenv(path: Path) -> dict[str, str]:
    """``NAME=value`` lines; quotes around a value and a leading ``export`` are dropped."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    found: dict[str, Any] = {}
    for line in lines:
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or name.startswith("#"):
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        else:
            value = value.split(" #", 1)[0].rstrip()
        found[name.strip()] = value
    return found
