"""Texts in pieces: phrases that can be moved, and placeholders that must stay whole."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Pieces", "cut", "joined", "placeholders"]

_PLACEHOLDER = re.compile(
    r"\{\{[^{}\n]*\}\}|\$?\{[^{}\n]*\}|%\(\w+\)[a-z]|<[A-Za-z_][\w-]*>|\$[A-Za-z_]\w*|\[\[[^\[\]\n]*\]\]"
)
_GAPS = {
    "line": re.compile(r"(?<![ \t])[ \t]*\n\s*"),
    "sentence": re.compile(r"(?<=[.!?])[\"')\]]*\s+|(?<![ \t])[ \t]*\n\s*"),
    "phrase": re.compile(r"(?<=[.!?;:,])\s+|(?<![ \t])[ \t]*\n\s*"),
}


@dataclass(frozen=True, slots=True)
class Pieces:
    """A text as phrases and what stands between them.

    Args:
        phrases: K of them, none empty.
        gaps: K - 1 pieces of space between them.
        ends: the space before and after all of them.
    """

    phrases: tuple[str, ...]
    gaps: tuple[str, ...]
    ends: tuple[str, str]


def placeholders(text: str) -> list[str]:
    """What a program may fill in: ``{name}``, ``{{name}}``, ``${name}``, ``$name``, ``%(name)s``, ``<name>``,
    ``[[name]]``; in order.

    Example::

        >>> placeholders("Translate {text} into {language!r}.")
        ['{text}', '{language!r}']
    """
    return _PLACEHOLDER.findall(text)


def cut(text: str, unit: str = "phrase") -> Pieces:
    """A text in pieces, none of which ends inside a placeholder.

    Args:
        text: to cut.
        unit: ``"line"``, ``"sentence"``, or ``"phrase"``: after each mark of punctuation.

    Example::

        >>> cut("Be brief, and kind.  Name {a, b}.").phrases
        ('Be brief,', 'and kind.', 'Name {a, b}.')
    """
    body = text.strip()
    at = text.find(body)
    spans = [match.span() for match in _PLACEHOLDER.finditer(body)]
    phrases, gaps, start, passed = [], [], 0, 0
    for gap in _GAPS[unit].finditer(body):
        while passed < len(spans) and spans[passed][1] <= gap.start():
            passed += 1
        if passed < len(spans) and spans[passed][0] < gap.end():
            continue  # inside a placeholder
        high = gap.end()
        low = high - len(gap[0].lstrip("\"')]"))  # closing quotes belong to the sentence before them
        if start < low:
            phrases.append(body[start:low])
            gaps.append(body[low:high])
            start = high
    phrases += [body[start:]] if body else []
    return Pieces(tuple(phrases), tuple(gaps[: len(phrases) - 1]), (text[:at], text[at + len(body) :]))


def joined(pieces: Pieces) -> str:
    """The text of pieces; the inverse of :func:`cut`."""
    parts = [pieces.ends[0]]
    for place, phrase in enumerate(pieces.phrases):
        parts += [pieces.gaps[place - 1], phrase] if place else [phrase]
    return "".join([*parts, pieces.ends[1]])
