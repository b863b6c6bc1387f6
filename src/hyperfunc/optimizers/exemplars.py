"""Worked examples, chosen from a pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.parts import Part
from hyperfunc.spaces import Exemplars, Knob

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import numpy as np

__all__ = ["ExemplarSearch"]


@dataclass(frozen=True, slots=True)
class ExemplarSearch(Part):
    """Adds, drops, swaps and moves exemplars; new ones come from each knob's pool.

    Args:
        max_items: never shows more than this many, nor more than the knob allows.
    """

    max_items: int = 8

    def handles(self, name: str, knob: Knob) -> bool:
        """Every exemplar knob that has a pool or something to drop."""
        return isinstance(knob, Exemplars) and bool(knob.pool or knob.default)

    def features(self, name: str, knob: Knob, value: Any) -> Mapping[Hashable, float]:
        """Which exemplars are shown, in any order, and whether any is."""
        amounts: dict[Hashable, float] = {(name, item): 1.0 for item in value}
        amounts[name, "any"] = float(bool(value))
        return amounts

    def moves(self, name: str, knob: Knob, value: Any, rng: np.random.Generator) -> list[Any]:
        """One drop, addition, swap, or an exemplar moved elsewhere."""
        assert isinstance(knob, Exemplars)
        limit = min(self.max_items, knob.max_items)
        edits = [value[:place] + value[place + 1 :] for place in range(len(value))]
        for item in knob.pool:
            if item in value:
                continue
            if len(value) < limit:
                edits.append((*value, item))
            if value:
                place = int(rng.integers(len(value)))
                edits.append((*value[:place], item, *value[place + 1 :]))
        if len(value) > 1:
            moved = list(value)
            item = moved.pop(int(rng.integers(len(value))))
            moved.insert(int(rng.integers(len(value))), item)
            edits.append(tuple(moved))
        return [edit for edit in dict.fromkeys(edits) if edit != value]
