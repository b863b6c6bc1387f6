"""What a text says when its disguises are taken off: lookalikes, digits for letters, encodings, reversal."""

from __future__ import annotations

import base64
import binascii
import codecs
import html
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from hyperfunc.optimizers.proposers.screening.markup import unmasked
from hyperfunc.optimizers.proposers.screening.words import folded, spoken

__all__ = ["decoded", "readings"]

_BLOB: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX: Final = re.compile(r"(?<![^\W_])(?:0x)?((?:[0-9a-fA-F]{2}[ :]?){7,}[0-9a-fA-F]{2})(?![^\W_])")
_ESCAPES: Final = re.compile(r"(?:\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}){3,}")
_PERCENT: Final = re.compile(r"(?:[\w.~+-]{0,40}%[0-9a-fA-F]{2}){3,}[\w.~+-]{0,40}")
_ENTITIES: Final = re.compile(r"(?:\w{0,40}&#x?[0-9a-fA-F]{1,7};){3,}\w{0,40}")
_LEET: Final = str.maketrans("013457@$8|", "oieasta" + "sbl")
_LEET_L: Final = str.maketrans("013457@$8|", "oleasta" + "sbl")
_MIXED: Final = re.compile(r"[a-z][0134578@$|]+[a-z]|\b[0134578@$]+[a-z]+[0134578@$]")
_APART: Final = re.compile(r"(?<![^\W_])[^\W_](?:[ .\-_*/|~][^\W_])+(?![^\W_])")


def readings(text: str, backwards: bool = True) -> tuple[str, ...]:
    """The spoken text, and how it reads otherwise; readings that say nothing else are left out.

    Args:
        text: to read.
        backwards: whether to read it from its end, and with letters turned by half the alphabet, too.
    """
    plain = folded(text)
    found = [spoken(plain)]
    if not plain.isascii():
        found.append(spoken(unmasked(text)))
    if _MIXED.search(plain):
        found += [spoken(plain.translate(_LEET)), spoken(plain.translate(_LEET_L))]
    if _APART.search(plain):
        found.append(spoken(_APART.sub(lambda match: re.sub(r"[\W_]", "", match[0]), plain)))
    if backwards:
        found += [spoken(codecs.encode(plain, "rot13")), spoken(plain[::-1])]
    found += [spoken(each) for each in decoded(text)]
    return tuple(dict.fromkeys(found))


def decoded(text: str) -> Iterator[str]:
    """What encoded parts of a text say, where that can be read."""
    for match in _BLOB.finditer(text):
        yield from _readable(_base64(match[0]))
    for match in _HEX.finditer(text):
        yield from _readable(bytes.fromhex(re.sub(r"[ :]", "", match[1])))
    for match in _ESCAPES.finditer(text):
        yield re.sub(r"\\[xu]([0-9a-fA-F]+)", lambda code: chr(int(code[1], 16)), match[0])
    for match in _PERCENT.finditer(text):
        yield unquote(match[0], errors="replace")
    for match in _ENTITIES.finditer(text):
        yield html.unescape(match[0])


def _base64(blob: str) -> bytes:
    blob = blob.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _readable(raw: bytes) -> Iterator[str]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return
    if len(text) >= 6 and text.isprintable():
        yield text
