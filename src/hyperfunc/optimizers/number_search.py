"""Numbers, whole numbers and choices, one step at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.parts import Part
from hyperfunc.spaces import Choice, Integer, Knob, Real

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    import numpy as np

__all__ = ["NumberSearch"]


@dataclass(frozen=True, slots=True)
class NumberSearch(Part):
    """Tries a few fixed places and two random steps for numbers, and every option of a choice.

    A number is described by where it lies and by the square of that, both from its default, so that
    a best place in the middle can be found.

    Args:
        levels: places in [0, 1] that are always tried.
        step: size of the smaller random step in the unit cube; the other is three times as large.
    """

    levels: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    step: float = 0.1

    def handles(self, name: str, knob: Knob) -> bool:
        """Every knob with a place in the unit cube."""
        return knob.in_unit_cube

    def features(self, name: str, knob: Knob, value: Any) -> Mapping[Hashable, float]:
        """Distance from the default and its square; for a choice the option."""
        if isinstance(knob, Choice):
            return {(name, knob.to_unit(value)): 1.0}
        away = knob.to_unit(value) - knob.to_unit(knob.default)
        return {(name, "distance"): 2.0 * away, (name, "square"): 2.0 * away * away}

    def moves(self, name: str, knob: Knob, value: Any, rng: np.random.Generator) -> list[Any]:
        """The levels and two random steps, or the other options."""
        if isinstance(knob, Choice):
            return [option for option in knob.options if knob.to_unit(option) != knob.to_unit(value)]
        assert isinstance(knob, Real | Integer)
        here = knob.to_unit(value)
        steps = self.step * rng.normal(size=2) * (1.0, 3.0)
        places = dict.fromkeys(knob.from_unit(place) for place in (*self.levels, *(here + steps)))
        return [place for place in places if place != value]
