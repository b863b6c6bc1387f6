"""Keys of model servers: where they come from, and what keeps them out of everything that is written."""

from __future__ import annotations

import html
import json
import os
import re
import threading
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, quote_plus

from hyperfunc.errors import KeyRefused

__all__ = ["Secret", "find_key", "known_secrets", "redact", "shown_variable", "user_folder"]

_HIDDEN = "[key]"
_SHORTEST = 6
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z_]+")
_QUOTED = re.compile(r"""(['"])(.*?)\1\s*(?:#.*)?""")
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
                _known.update(_forms(value))

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


def _forms(value: str) -> set[str]:
    """A key as others may write it: plain, in JSON, in an address, in HTML; one form for ordinary keys."""
    return {
        value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1],
        quote(value, safe=""), quote_plus(value), html.escape(value),
    }  # fmt: skip


def known_secrets() -> frozenset[str]:
    """Every key this process has read so far, in each form that it may have."""
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


def shown_variable(name: str) -> str:
    """The name of a variable, for messages; what may be a key that was put in its place is not shown."""
    return name if _VARIABLE.fullmatch(name) else "(not shown, for it looks like a key itself)"


def find_key(name: str) -> Secret | None:
    """The key called ``name``, from the environment, ``.env`` of the working folder, or the user's ``.env``.

    White space around a key is no part of it.

    Args:
        name: of the variable, such as ``OPENAI_API_KEY``; an empty value counts as none.

    Raises:
        KeyRefused: it has a character that no request can carry.
    """
    value = os.environ.get(name, "").strip()
    for folder in (Path.cwd(), user_folder()):
        value = value or _dotenv(folder / ".env").get(name, "").strip()
    if not value:
        return None
    if _CONTROL.search(value):
        raise KeyRefused(
            f"the key {shown_variable(name)} has a line break, or another character that no request can "
            "carry; set it anew"
        )
    return Secret(value, name)


def _dotenv(path: Path) -> dict[str, str]:
    """``NAME=value`` lines; quotes around a value, a comment behind it and ``export`` are dropped."""
    try:
        data = path.read_bytes()
    except OSError:
        return {}
    # Editors and shells of Windows begin a file with a mark of its encoding.
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    found: dict[str, str] = {}
    for line in data.decode(encoding, "replace").splitlines():
        name, equals, value = line.partition("=")
        words = name.split()
        if words[:1] == ["export"]:
            words = words[1:]
        if equals and len(words) == 1 and not words[0].startswith("#"):
            found[words[0]] = _unquoted(value)
    return found


def _unquoted(value: str) -> str:
    quoted = _QUOTED.fullmatch(value.strip())
    return quoted[2] if quoted else re.sub(r"\s#.*", "", value).strip()
