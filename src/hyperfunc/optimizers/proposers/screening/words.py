"""Words of a text, with everything taken away that could hide that they are the same words.

Case, punctuation, line breaks, accents, width and style of letters, and characters that nobody sees make no
difference. Scripts that put no spaces between words are taken by the character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["SCRIPTS", "content_words", "folded", "sentences", "spoken", "units"]

HAN = (
    "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003fffd"
)
"""Chinese and Japanese."""

ABUGIDAS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
"""Thai, Lao, Burmese and Khmer."""

SCRIPTS = {
    "Latin": "a-z\u00df-\u024f",
    "Greek": "\u0370-\u03ff",
    "Cyrillic": "\u0400-\u052f",
    "Hebrew": "\u0590-\u05ff",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Indic": "\u0900-\u0dff",
    "Han": HAN,
    "Thai": ABUGIDAS,
    "Korean": "\u1100-\u11ff\uac00-\ud7af",
    "Georgian or Armenian": "\u0530-\u058f\u10a0-\u10ff",
    "Ethiopic": "\u1200-\u139f",
}
"""Letters by script, as what stands in the brackets of a regular expression for folded text."""

_UNSPACED = re.compile(f"[{HAN}{ABUGIDAS}]")
_PLAIN = re.compile(r"[^\W_]+")
_MIXED = re.compile(rf"[{HAN}{ABUGIDAS}]|[^\W_{HAN}{ABUGIDAS}]+")
_BETWEEN = re.compile(rf"(?<=[{HAN}{ABUGIDAS}]) (?=[{HAN}{ABUGIDAS}])")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f]")
_ENDING = re.compile(r"(?<=\w{3})(?:ing|ed|es|s|e)$")
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
_HIDDEN = {"Mn", "Mc", "Me", "Cf", "Cs"}
_END = re.compile(r"(?<=[.!?…;])\s+|(?<=[。！？；।])|[\n\r\x0b\x0c\u2028\u2029]+")


def folded(text: str) -> str:
    """The text in one form: compatible, in lower case, without accents and invisible characters."""
    if text.isascii():
        return _CONTROLS.sub("", text).lower()
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    gone = [char for char in set(text) if not char.isascii() and _hidden(char)]
    return _CONTROLS.sub("", text.translate(dict.fromkeys(map(ord, gone))).casefold())


def units(text: str) -> list[str]:
    """The words of a text in order; of scripts without spaces each character."""
    text = folded(text)
    return (_MIXED if not text.isascii() and _UNSPACED.search(text) else _PLAIN).findall(text)


def spoken(text: str) -> str:
    """The words with one space between them, and none within a script that has none.

    Example::

        >>> spoken("Ignore --\\n ALL rules!")
        'ignore all rules'
    """
    return _BETWEEN.sub("", " ".join(units(text)))


def sentences(text: str) -> Iterator[str]:
    """The sentences and lines of a text."""
    return (part for part in _END.split(text) if part and not part.isspace())


def content_words(words: str) -> list[str]:
    """Stems of the words of spoken text that carry meaning; pairs of characters where there are no spaces."""
    found = []
    for word in words.split():
        if _UNSPACED.search(word):
            found += [word[place : place + 2] for place in range(len(word) - 1)]
        elif len(word) > 3 and not word.isdecimal() and word not in _EMPTY:
            found.append(_ENDING.sub("", word)[:6])
    return found


def _hidden(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind in _HIDDEN or (kind == "Cc" and char != "\x85") or char in _BLANKS


_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        that this these those with from when then than them they their there what which where while
        into onto will would shall should must have been were does your yours about also only each
        every always never some such very just more most other because before after without within
        whether answer answers says said reply replies respond response responses word words output
        outputs return write print exactly ignore instruction instructions number numbers check
        checks single line lines text format use used oder aber nicht eine einen einer eines einem
        sich auch wird werden sind dass wenn dann nach beim immer nur jede jeden jeder jedes
        antworte antwort antworten anweisung anweisungen wort vergiss dans avec pour sans vous nous
        cette sont toujours chaque plus mais reponds reponse consigne consignes para como esta este
        siempre cada pero todo todos todas responde
        """,
    )
)
"""Words that any prompt may have."""
