"""Edits: phrases of a text are deleted, swapped, added and moved. No model takes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.errors import ProposerError, SpaceError

from .base import ProposalRequest, Proposed, TextProposer
from .phrases import Pieces, cut, joined, placeholders

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.spaces import Knob

__all__ = ["Edits"]

_UNITS = ("line", "sentence", "phrase")
_TRIES = 8
"""Draws for each proposal before it is given up: some edits change nothing, or are not allowed."""


@dataclass(frozen=True)
class Edits(TextProposer):
    """Edits texts phrase by phrase, at random.

    An edit deletes a phrase, swaps two, adds one from the bank, or moves one elsewhere. The bank holds the
    phrases given here and those of other good candidates. Phrases with placeholders are moved, but never
    deleted or added, so a text keeps its placeholders.

    Args:
        bank: phrases that may be added.
        n: proposals of one consultation, at least 1.
        edits: edits that make up a proposal, at least 1.
        unit: what is edited: ``"phrase"`` (up to each mark of punctuation), ``"sentence"`` or ``"line"``.

    Raises:
        ProposerError: one of these is wrong.

    Example::

        Edits(bank=["Think step by step.", "Answer with one word."], edits=2)

    Source: Prasad et al., "GrIPS: Gradient-free, edit-based instruction search" (2022), arXiv:2203.07281,
    section 3; phrases are cut at punctuation instead of by a parser, and the bank takes the place of its
    paraphrases and of the phrases it deleted before.
    """

    bank: Sequence[str] = ()
    n: int = 4
    edits: int = 1
    unit: str = "phrase"

    def __post_init__(self) -> None:
        if isinstance(self.bank, str) or not all(isinstance(phrase, str) for phrase in self.bank):
            raise ProposerError(f"the bank of Edits is a list of texts, but got {self.bank!r:.80}")
        object.__setattr__(self, "bank", tuple(self.bank))
        for name in ("n", "edits"):
            value: object = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ProposerError(f"{name} of Edits is {value!r}; give a whole number from 1 up")
        if self.unit not in _UNITS:
            raise ProposerError(f"the unit of Edits is {self.unit!r}; give one of {', '.join(_UNITS)}")

    async def propose(self, request: ProposalRequest) -> Proposed:
        """At most ``n`` proposals, each with another text for every text knob that can be edited."""
        changes: list[dict[str, str]] = [{} for _ in range(self.n)]
        for name in request.of_kind("text"):
            for change, text in zip(changes, self._texts(request, name), strict=False):
                change[name] = text
        return Proposed(tuple(change for change in changes if change))

    def _texts(self, request: ProposalRequest, name: str) -> list[str]:
        """Different texts, at most ``n``."""
        text, knob = request.values[name], request.knobs[name]
        bank = self._bank(request, name)
        rng = request.rng("edits", name)
        found: dict[str, None] = {}
        for _ in range(self.n * _TRIES):
            edited = self._edited(text, bank, rng)
            if edited != text and _is_allowed(edited, text, knob, name):
                found[edited] = None
            if len(found) == self.n:
                break
        return list(found)

    def _edited(self, text: str, bank: Sequence[str], rng: np.random.Generator) -> str:
        pieces = cut(text, self.unit)
        for _ in range(self.edits):
            pieces = _edit(pieces, bank, rng)
        return joined(pieces)

    def _bank(self, request: ProposalRequest, name: str) -> list[str]:
        """Phrases without placeholders that the text does not have."""
        texts = [other[name] for other in request.others if name in other]
        phrases = [*self.bank, *(phrase for text in texts for phrase in cut(text, self.unit).phrases)]
        known = {*cut(request.values[name], self.unit).phrases, ""}
        bare = (phrase.strip() for phrase in phrases)
        return [p for p in dict.fromkeys(bare) if p not in known and not placeholders(p)]


def _edit(pieces: Pieces, bank: Sequence[str], rng: np.random.Generator) -> Pieces:
    """One edit of those that are possible; none where none is."""
    count = len(pieces.phrases)
    free = [place for place, phrase in enumerate(pieces.phrases) if not placeholders(phrase)]
    kinds = [
        *(["delete"] if free and count > 1 else []),
        *(["swap"] if count > 1 else []),
        *(["add"] if bank else []),
        *(["move"] if count > 2 else []),  # of two, it would be a swap
    ]
    if not kinds:
        return pieces
    kind = kinds[int(rng.integers(len(kinds)))]
    if kind == "delete":
        return _without(pieces, free[int(rng.integers(len(free)))])
    if kind == "add":
        return _with(pieces, int(rng.integers(count + 1)), bank[int(rng.integers(len(bank)))])
    one, other = (int(place) for place in rng.choice(count, 2, replace=False))
    phrases = list(pieces.phrases)
    if kind == "swap":
        phrases[one], phrases[other] = phrases[other], phrases[one]
    else:
        phrases.insert(other, phrases.pop(one))
    return Pieces(tuple(phrases), pieces.gaps, pieces.ends)


def _without(pieces: Pieces, place: int) -> Pieces:
    gap = min(place, len(pieces.gaps) - 1)
    return Pieces(_dropped(pieces.phrases, place), _dropped(pieces.gaps, gap), pieces.ends)


def _with(pieces: Pieces, place: int, phrase: str) -> Pieces:
    phrases = (*pieces.phrases[:place], phrase, *pieces.phrases[place:])
    if not pieces.phrases:
        return Pieces(phrases, (), pieces.ends)
    gap = "\n" if pieces.gaps and all("\n" in gap for gap in pieces.gaps) else " "
    return Pieces(phrases, (*pieces.gaps[:place], gap, *pieces.gaps[place:]), pieces.ends)


def _dropped(items: tuple[str, ...], place: int) -> tuple[str, ...]:
    return items[:place] + items[place + 1 :]


def _is_allowed(edited: str, text: str, knob: Knob, name: str) -> bool:
    """Whether the knob takes the text, and all placeholders are whole; pieces may have formed a new one."""
    try:
        knob.canonical(edited, name)
    except SpaceError:
        return False
    return sorted(placeholders(edited)) == sorted(placeholders(text))
