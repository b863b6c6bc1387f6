"""Texts, edited sentence by sentence from a bank of phrases. No language model takes part."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import OutOfBounds, SpaceError
from hyperfunc.optimizers.parts import Part
from hyperfunc.spaces import Knob, Text

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np

__all__ = ["EditSearch", "sentences"]

_SENTENCE = re.compile(r"\S.*?(?:[.!?;](?=\s)|(?=\s*\n)|(?=\s*\Z))", re.DOTALL)


@functools.lru_cache(maxsize=4096)
def sentences(text: str) -> tuple[str, ...]:
    """A text cut after sentence ends, semicolons and line ends.

    Example::

        >>> sentences("Say the team. Be brief!")
        ('Say the team.', 'Be brief!')
    """
    return tuple(match.group() for match in _SENTENCE.finditer(text))


@dataclass(frozen=True)
class EditSearch(Part):
    """Deletes, adds, replaces and moves sentences of texts; new ones come from a bank of phrases.

    Args:
        phrases: per knob name the phrases that may enter it; ``"*"`` holds for every text.
        max_sentences: longest text that an addition may make.

    Raises:
        SpaceError: phrases that are not a mapping to lists of texts.

    Source: Prasad et al., "GrIPS: Gradient-free, edit-based instruction search" (2023), section 3;
    phrases of a bank take the place of its paraphrases.
    """

    phrases: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_sentences: int = 12

    def __post_init__(self) -> None:
        for name, bank in self.phrases.items():
            if isinstance(bank, str) or not all(isinstance(phrase, str) for phrase in bank):
                raise SpaceError(f"the phrases for {name!r} are a list of texts, but got {bank!r}")

    def bank(self, name: str) -> tuple[str, ...]:
        """The phrases that may enter one knob."""
        return _bank((*self.phrases.get(name, ()), *self.phrases.get("*", ())))

    def handles(self, name: str, knob: Knob) -> bool:
        """Every text that has something to edit."""
        return isinstance(knob, Text) and bool(self.bank(name) or knob.default.strip())

    def features(self, name: str, knob: Knob, value: Any) -> Mapping[Hashable, float]:
        """The sentences, wherever they stand; a phrase of several sentences counts as one."""
        return {(name, value[place]): 1.0 for place in self._places(name, value)}

    def moves(self, name: str, knob: Knob, value: Any, rng: np.random.Generator) -> list[Any]:
        """One deletion, addition, replacement, or a sentence moved elsewhere."""
        places = self._places(name, value)
        present = {value[place] for place in places}
        texts = [_without(value, place) for place in places]
        for phrase in self.bank(name):
            if phrase in present:
                continue
            if len(places) < self.max_sentences:
                texts.append(_append(value, phrase))
            if places:
                place = places[int(rng.integers(len(places)))]
                texts.append(value[: place.start] + phrase + value[place.stop :])
        if len(places) > 1:
            texts.append(self._moved(name, value, places, rng))
        return _allowed(knob, name, value, texts)

    def _moved(self, name: str, text: str, places: Sequence[slice], rng: np.random.Generator) -> str:
        place = places[int(rng.integers(len(places)))]
        shorter = _without(text, place)
        target = self._places(name, shorter)[int(rng.integers(len(places) - 1))].start
        return f"{shorter[:target]}{text[place]} {shorter[target:]}"

    def _places(self, name: str, text: str) -> list[slice]:
        """Where the pieces of a text lie: phrases of the bank where they stand, else sentences."""
        matches = list(_SENTENCE.finditer(text))
        known = _several(self.bank(name))
        longest = max((len(phrase) for phrase in known), default=1)
        places, index = [], 0
        while index < len(matches):
            for length in range(min(longest, len(matches) - index), 0, -1):
                group = matches[index : index + length]
                if length == 1 or tuple(match.group() for match in group) in known:
                    break
            places.append(slice(group[0].start(), group[-1].end()))
            index += length
        return places


@functools.lru_cache(maxsize=256)
def _bank(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(phrase.strip() for phrase in phrases if phrase.strip()))


@functools.lru_cache(maxsize=256)
def _several(bank: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    """The phrases of more than one sentence, cut."""
    return frozenset(cut for cut in map(sentences, bank) if len(cut) > 1)


def _append(text: str, phrase: str) -> str:
    gap = "\n" if "\n" in text.strip() else " "
    return f"{text.rstrip()}{gap}{phrase}" if text.strip() else phrase


def _without(text: str, place: slice) -> str:
    left, right = text[: place.start], text[place.stop :].lstrip()
    return left + right if right else left.rstrip()


def _allowed(knob: Knob, name: str, value: str, texts: Sequence[str]) -> list[Any]:
    kept = []
    for text in dict.fromkeys(texts):
        try:
            canonical = knob.canonical(text, name)
        except OutOfBounds:
            continue
        if canonical != value:
            kept.append(canonical)
    return kept
