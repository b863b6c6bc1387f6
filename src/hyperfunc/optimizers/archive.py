"""What an optimizer has seen: scores of candidates, and fair comparisons between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.spaces import Candidate

__all__ = ["Archive", "Block", "Table"]

Block = tuple[tuple[int, ...], int]
"""What one score is about: example indices (one, or the whole set of a set metric) and the repeat."""


@dataclass(frozen=True, slots=True)
class Table:
    """An archive as arrays.

    Args:
        ids: candidates, [C], in the order they were first seen.
        blocks: what the columns are about, [B].
        scores_CB: NaN where nothing was measured.
        weights_B: examples behind each column.
    """

    ids: tuple[str, ...]
    blocks: tuple[Block, ...]
    scores_CB: NDArray[np.float64]
    weights_B: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Archive:
    """Candidates and their scores. Adding returns a new archive; NaN never gets in.

    Args:
        candidates: by id, in the order they were first seen.
        scores: per candidate id, the score of each block.
    """

    candidates: Mapping[str, Candidate] = field(default_factory=dict)
    scores: Mapping[str, Mapping[Block, float]] = field(default_factory=dict)

    def add(
        self, members: Sequence[Candidate], blocks: Sequence[Block], scores_KB: NDArray[np.float64]
    ) -> Archive:
        """An archive that has these scores, too; a cell that is measured again is overwritten.

        Args:
            members: [K] candidates.
            blocks: [B] what the columns are about.
            scores_KB: NaN where missing.
        """
        candidates, scores = dict(self.candidates), dict(self.scores)
        for member, scores_B in zip(members, scores_KB, strict=True):
            pairs = zip(blocks, scores_B.tolist(), strict=True)
            seen = {block: score for block, score in pairs if np.isfinite(score)}
            candidates.setdefault(member.id, member)
            scores[member.id] = {**scores.get(member.id, {}), **seen}
        return Archive(MappingProxyType(candidates), MappingProxyType(scores))

    def count(self, candidate_id: str) -> int:
        """How many examples a candidate was scored on, repeats included."""
        return sum(len(examples) for examples, _ in self.scores.get(candidate_id, {}))

    def differences(self, one: str, other: str) -> NDArray[np.float64]:
        """Score of ``one`` minus score of ``other`` on every block that both have."""
        mine, theirs = self.scores.get(one, {}), self.scores.get(other, {})
        return np.array([score - theirs[block] for block, score in mine.items() if block in theirs])

    def table(self) -> Table:
        """Everything as arrays."""
        ids = tuple(self.candidates)
        places: dict[Block, int] = {}
        for scores in self.scores.values():
            for block in scores:
                places.setdefault(block, len(places))
        scores_CB = np.full((len(ids), len(places)), np.nan)
        for row, candidate_id in enumerate(ids):
            for block, score in self.scores[candidate_id].items():
                scores_CB[row, places[block]] = score
        weights_B = np.array([float(len(examples)) for examples, _ in places])
        return Table(ids, tuple(places), scores_CB, weights_B)

    def __len__(self) -> int:
        return len(self.candidates)
