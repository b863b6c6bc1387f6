"""Features of candidates as columns of a matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from hyperfunc.optimizers.parts import Part
    from hyperfunc.spaces import Candidate, Space

__all__ = ["Neighborhood", "Vocabulary", "neighborhood"]

LEVEL = "level"
"""The feature of column 0, which every candidate has once."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Features in the order they were met, and what each candidate is made of.

    Args:
        columns: feature to column.
        rows: candidate id to its features' amounts by column.
    """

    columns: Mapping[Hashable, int] = field(default_factory=lambda: {LEVEL: 0})
    rows: Mapping[str, Mapping[int, float]] = field(default_factory=dict)

    def extended(
        self, candidates: Iterable[Candidate], space: Space, parts: Mapping[str, Part]
    ) -> Vocabulary:
        """A vocabulary that knows these candidates, too."""
        columns, rows = dict(self.columns), dict(self.rows)
        for candidate in candidates:
            if candidate.id not in rows:
                row = {0: 1.0}
                for name in parts:
                    row |= _encode(columns, parts[name].features(name, space[name], candidate[name]))
                rows[candidate.id] = row
        return Vocabulary(columns, rows)

    def matrix(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """Features [C, F] of known candidates."""
        return _dense([self.rows[name] for name in ids], len(self.columns))


@dataclass(frozen=True, slots=True)
class Neighborhood:
    """A candidate and the values that each of its knobs may take next.

    Args:
        center: the candidate.
        values: knob name to M values.
        changes_MF: knob name to how each value changes the features, [M, F].
        width: F, at least the number of columns of the vocabulary; new features come last.
    """

    center: Candidate
    values: Mapping[str, Sequence[Any]]
    changes_MF: Mapping[str, NDArray[np.float64]]
    width: int

    def functions(self) -> list[list[str]]:
        """Knobs by the function they belong to: the first part of their names."""
        groups: dict[str, list[str]] = {}
        for name in self.values:
            groups.setdefault(name.split(".")[0], []).append(name)
        return list(groups.values())


def neighborhood(
    center: Candidate,
    space: Space,
    parts: Mapping[str, Part],
    vocabulary: Vocabulary,
    rng: np.random.Generator,
) -> Neighborhood:
    """What the parts propose for each knob of a candidate; knobs without any proposal are left out."""
    columns = dict(vocabulary.columns)
    values: dict[str, Sequence[Any]] = {}
    encoded: dict[str, tuple[dict[int, float], list[dict[int, float]]]] = {}
    for name, part in parts.items():
        knob = space[name]
        moves = part.moves(name, knob, center[name], rng)
        if moves:
            here = _encode(columns, part.features(name, knob, center[name]))
            values[name] = moves
            encoded[name] = here, [_encode(columns, part.features(name, knob, move)) for move in moves]
    width = len(columns)
    changes = {name: _dense(rows, width) - _dense([here], width) for name, (here, rows) in encoded.items()}
    return Neighborhood(center, values, changes, width)


def _encode(columns: dict[Hashable, int], amounts: Mapping[Hashable, float]) -> dict[int, float]:
    return {columns.setdefault(feature, len(columns)): amount for feature, amount in amounts.items()}


def _dense(rows: Sequence[Mapping[int, float]], width: int) -> NDArray[np.float64]:
    dense = np.zeros((len(rows), width))
    for place, row in enumerate(rows):
        dense[place, list(row)] = list(row.values())
    return dense
