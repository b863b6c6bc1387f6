"""In which scripts and languages a text is written, as far as frequent words tell."""

from __future__ import annotations

import re
from typing import Final

from hyperfunc.optimizers.proposers.screening.words import SCRIPTS, folded, spoken

__all__ = ["languages", "scripts"]

_FREQUENT: Final = {
    language: frozenset(words.split())
    for language, words in {
        "English": "the of and to is that for with this you are not from be or when it each if every all any "
        "your",
        "German": "der die das und ist nicht mit dass fur ein eine einen auf den dem jedem alle wird "
        "oder zu wenn nur",
        "French": "le la les des et est que pour une du dans ne pas sur avec par au toutes "
        "toujours il qui d l",
        "Spanish": "el los las del y es que para una con por como su todas siempre lo este al mas",
        "Portuguese": "o os as do da e que para uma com por como sua todas sempre nao em ao",
        "Italian": "il gli le della e che per una con di sempre tutte un non si del alla e",
        "Dutch": "de het een van en is dat voor met niet op te zijn alle altijd",
        "Polish": "i w na z nie sie do jest ze o wszystkie zawsze oraz",
        "Turkish": "ve bir bu icin ile tum her zaman de da olarak yok say yaz",
        "Swedish": "och att det som en pa ar av for med inte den alltid alla",
    }.items()
}
_SCRIPTS: Final = {name: re.compile(f"[{letters}]") for name, letters in SCRIPTS.items()}
_FEW: Final = 2
_MARGIN: Final = 1


def languages(text: str) -> frozenset[str]:
    """The language of a sentence in Latin letters; several if it may be any of them, none if none shows."""
    words = set(spoken(text).split())
    hits = {language: len(words & frequent) for language, frequent in _FREQUENT.items()}
    most = max(hits.values())
    if most < _FEW:
        return frozenset()
    return frozenset(language for language, count in hits.items() if count >= most - _MARGIN)


def scripts(text: str) -> dict[str, int]:
    """About how many letters of each script a text has; scripts that it does not use are left out."""
    text = folded(text)
    if text.isascii():
        return {"Latin": len(text)} if any(map(str.isalpha, text)) else {}
    found = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    return {name: count for name, count in found.items() if count}
