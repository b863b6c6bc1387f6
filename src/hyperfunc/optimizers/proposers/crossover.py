"""Crossover: one text made of several that did well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import TYPE_CHECKING

from . import wording
from .asking import ModelProposer
from .base import ProposalRequest, Proposed
from .phrases import Pieces, cut, joined, placeholders
from .templates import filled

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Crossover"]

_Piece = tuple[str, str]
"""A piece of a text, and the space before it."""


@dataclass(frozen=True, repr=False)
class Crossover(ModelProposer):
    """Joins a text with those of other good candidates.

    With a model, the model is shown all of them and asked for one that has what is good in each. Without one,
    the text and one other are laid side by side, line by line or, where one of them is a single line,
    sentence by sentence; what they share stays, and where they differ a coin decides for each piece. A piece
    with placeholders is only exchanged for one with the same.

    Args:
        model: that writes the texts; ``None`` for crossover without a model.
        max_records: the most other texts that a model is shown.
        temperature: as in :class:`ModelProposer`, like what follows it there.

    Raises:
        ProposerError: a setting is out of range.

    Example::

        Crossover()                                # no model
        Crossover("openai/gpt-4.1-mini")

    Source: crossover by a model as in Guo et al., "Connecting large language models with evolutionary
    algorithms yields powerful prompt optimizers" (2023), arXiv:2309.08532; without one, uniform crossover
    after Syswerda (1989) on aligned pieces.
    """

    model: str | None = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.model is not None:
            super().__post_init__()

    @property
    def calls(self) -> int:
        """One request and its retries; none without a model."""
        return 0 if self.model is None else 1 + self.retries

    async def propose(self, request: ProposalRequest) -> Proposed:
        """One proposal with a text for each text knob of which others have another text."""
        if self.model is not None:
            return await self.rewrite(request, lambda name, _: self._messages(request, name))
        change = {}
        for name in request.of_kind("text"):
            others = _other_texts(request, name)
            if others:
                rng = request.rng("crossover", name)
                other = others[int(rng.integers(len(others)))]
                change[name] = uniform_crossover(request.values[name], other, rng)
        return Proposed((change,) if change else ())

    def _messages(self, request: ProposalRequest, name: str) -> wording.Messages | None:
        others = _other_texts(request, name)[: self.max_records]
        if not others:
            return None
        text = request.values[name]
        good = {f"other instruction {number}": other for number, other in enumerate(others, 1)}
        task = wording.purposes(request, (name,))
        shown = wording.data(task | good, self.max_chars)
        blocks = {
            "current": wording.text_block(text),
            "task": wording.task_block(task, shown),
            "records": "\n".join(shown.blocks[key] for key in good),
            "answer": wording.answer_fence(text, request.knobs.get(name)),
        }
        words = {"name": name.replace("`", "'")}
        return wording.messages(filled(wording.COMBINE, blocks, words), shown)


def uniform_crossover(one: str, other: str, rng: np.random.Generator) -> str:
    """A text of pieces of both: those that they share, and by a coin those of one or the other.

    Placeholders are those of ``one``. Wherever at least two places differ, something comes from each.
    """
    unit = "line" if all(len(cut(text, "line").phrases) > 1 for text in (one, other)) else "sentence"
    pieces, others = cut(one, unit), cut(other, unit)
    choices = _choices(_with_gaps(pieces), _with_gaps(others))
    free = [place for place, (a, b) in enumerate(choices) if a != b]
    takes_other = dict(zip(free, (rng.random(len(free)) < 0.5).tolist(), strict=True))
    if len(free) > 1 and len(set(takes_other.values())) == 1:
        flipped = free[int(rng.integers(len(free)))]
        takes_other[flipped] = not takes_other[flipped]
    kept = [(b if takes_other.get(place) else a) for place, (a, b) in enumerate(choices)]
    found = [piece for piece in kept if piece is not None]
    phrases, gaps = tuple(p for p, _ in found), tuple(gap for _, gap in found[1:])
    text = joined(Pieces(phrases, gaps, pieces.ends)) if found else one
    return text if sorted(placeholders(text)) == sorted(placeholders(one)) else one


def _choices(one: Sequence[_Piece], other: Sequence[_Piece]) -> list[tuple[_Piece | None, _Piece | None]]:
    """For each place the piece of both texts, ``None`` for no piece; equal where there is no choice."""
    matcher = SequenceMatcher(None, [p for p, _ in one], [p for p, _ in other], autojunk=False)
    choices: list[tuple[_Piece | None, _Piece | None]] = []
    for tag, a_low, a_high, b_low, b_high in matcher.get_opcodes():
        if tag == "equal":
            choices += [(piece, piece) for piece in one[a_low:a_high]]
            continue
        for a, b in zip_longest(one[a_low:a_high], other[b_low:b_high]):
            held = [sorted(placeholders(piece[0])) if piece else [] for piece in (a, b)]
            choices.append((a, b) if held[0] == held[1] else (a, a))
    return choices


def _with_gaps(pieces: Pieces) -> list[_Piece]:
    gaps = ("\n" if "\n" in "".join(pieces.gaps) else " ", *pieces.gaps)
    return list(zip(pieces.phrases, gaps, strict=False))


def _other_texts(request: ProposalRequest, name: str) -> list[str]:
    texts = [other[name] for other in request.others if name in other]
    return [text for text in dict.fromkeys(texts) if text != request.values[name]]
