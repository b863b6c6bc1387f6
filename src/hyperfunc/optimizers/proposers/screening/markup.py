"""Marks that have no place in a prompt unless its author put them there."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from hyperfunc.llm.fencing import shown_as_data
from hyperfunc.optimizers.proposers.screening.words import folded

__all__ = ["LOOKALIKES", "new_markup", "unmasked"]

LOOKALIKES: Final = {
    ord(char): latin
    for latin, chars in {
        "a": "аαɑ", "b": "ьβ", "c": "сϲ", "d": "ԁ", "e": "еεє", "g": "ɡ", "h": "һ", "i": "іιıӏ", "j": "јϳ",
        "k": "кκ", "l": "ӏ", "m": "м", "n": "ոпη", "o": "оοօσ", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ",
        "t": "тτ", "u": "υս",
        "v": "νѵ", "w": "ԝω", "x": "хχ", "y": "уγ", "z": "ᴢ",
    }.items()
    for char in chars
}  # fmt: skip
"""Letters of other scripts that look like Latin ones, in lower case."""

_MARKS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), what)
    for pattern, what in (
        (r"<!--|<!\[CDATA\[", "an HTML comment"),
        (
            (
                r"<\s{0,9}/?\s{0,9}(?:script|iframe|img|style|object|embed|svg|link|meta|form|base|video"
                r"|audio)\b"
            ),
            "an HTML tag",
        ),
        (
            r"\bjavascript\s{0,9}:|\bdata\s{0,9}:\s{0,9}\w+/\w+|\bon(?:error|load|click)\s{0,9}=",
            "active content",
        ),
        (r"!\[[^\]\n]{0,200}\]\s{0,9}[(\[]", "an image"),
        (
            r"^[^\w\n]{0,20}(?:system|developer|assistant|human)(?: \w{1,20})?\s{0,9}:",
            "a line that speaks for a role of a chat",
        ),
        (
            r"^[^\w\n]{0,20}#{2,}\s*(?:instruction|response|system|human|assistant)\s{0,9}:",
            "a section of a chat",
        ),
        (
            (
                r"</?(?:system|assistant|human|tool_calls?|function_calls?|invoke|think|thinking|reasoning"
                r"|scratchpad"
                r"|reflection)\b[^>]{0,200}>"
            ),
            "a tag of a chat or of thinking",
        ),
        (
            r"^[^\w\n]{0,20}(?:begin|end)\b.*\b[0-9a-f]{20}\b|^[0-9a-f]{4}\| ",
            "a mark of the fence around data",
        ),
        (
            "(?<=[A-Za-z])[\u200c\u200d\u034f\u115f\u1160\u2800\u3164\uffa0](?=[A-Za-z])",
            "an invisible character",
        ),
    )
)
_APART: Final = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_*/|~]){5,}[^\W\d_](?![^\W_])")
_FENCE: Final = "```"


def new_markup(text: str, base: str) -> str:
    """What marks a text holds that the one it is to replace does not, or not so many of; or nothing."""
    if shown_as_data(text)[1] > shown_as_data(base)[1]:
        return "holds control tokens or invisible characters"
    for pattern, what in _MARKS:
        if len(pattern.findall(text)) > len(pattern.findall(base)):
            return f"holds {what}"
    if _hides_letters(text) and not _hides_letters(base):
        return "holds words in which letters are disguised"
    return _left_fence(text, base)


def unmasked(text: str) -> str:
    """Folded text with letters that only look like Latin ones put right."""
    return folded(text).translate(LOOKALIKES)


def _hides_letters(text: str) -> bool:
    """Letters spelled apart, or of another script inside Latin words."""
    if any(not _in_order(match[0]) for match in _APART.finditer(text)):
        return True
    if text.isascii():
        return False
    words = (word for word in re.findall(r"[^\W\d_]{4,}", folded(text)) if not word.isascii())
    return any(any("a" <= char <= "z" for char in word) and _foreign(word) for word in words)


def _in_order(letters: str) -> bool:
    """Whether letters that stand apart are choices, as in A / B / C."""
    found = [char for char in letters.casefold() if char.isalpha()]
    return found == sorted(set(found))


def _foreign(word: str) -> bool:
    return any(
        ord(char) in LOOKALIKES and not unicodedata.name(char, "").startswith("LATIN SMALL LETTER DOTLESS")
        for char in word
    )


def _left_fence(text: str, base: str) -> str:
    if text.count(_FENCE) % 2 and not base.count(_FENCE) % 2:
        return "holds a code fence that is not closed"
    bare, before = text.strip(), base.strip()
    whole = bare.startswith(_FENCE) and bare.endswith(_FENCE)
    if whole and not (before.startswith(_FENCE) and before.endswith(_FENCE)):
        return "stands in a code fence; give the text alone"
    return ""
