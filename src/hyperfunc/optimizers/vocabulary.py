"""Features of candidates as columns of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from hyperfunc.optimizers.parts import Part
    from hyperfunc.spaces import Candidate, Space

__all__ = ["Vocabulary"]


class Vocabulary:
    """Numbers features in the order they are met, and remembers what each value is made of.

    Lives within one call of an optimizer. Column 0 is the constant 1.

    Args:
        space: names and knobs.
        parts: for each name that is varied, the part that knows its kind.
    """

    def __init__(self, space: Space, parts: Mapping[str, Part]) -> None:
        self._space = space
        self._parts = parts
        self._columns: dict[Hashable, int] = {"level": 0}
        self._values: dict[tuple[str, Any], list[tuple[int, float]]] = {}

    def __len__(self) -> int:
        return len(self._columns)

    def encode(self, name: str, value: Any) -> list[tuple[int, float]]:
        """Columns and amounts of one value."""
        known = self._values.get((name, value))
        if known is None:
            amounts = self._parts[name].features(name, self._space[name], value)
            known = [(self._columns.setdefault(key, len(self)), amount) for key, amount in amounts.items()]
            self._values[name, value] = known
        return known

    def learn(self, name: str, values: Iterable[Any]) -> None:
        """Give the features of some values their columns."""
        for value in values:
            self.encode(name, value)

    def worth(self, name: str, values: Iterable[Any], weights_F: Sequence[float]) -> list[float]:
        """What each value adds to the score under some weights."""
        return [
            sum(weights_F[column] * amount for column, amount in self.encode(name, value)) for value in values
        ]

    def matrix(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """Features [C, F]; values that were not met before become known first."""
        cells = [
            (row, column, amount)
            for row, candidate in enumerate(candidates)
            for name in self._parts
            for column, amount in self.encode(name, candidate[name])
        ]
        features_CF = np.zeros((len(candidates), len(self)))
        features_CF[:, 0] = 1.0
        if cells:
            rows, columns, amounts = zip(*cells, strict=True)
            features_CF[list(rows), list(columns)] = amounts
        return features_CF
