"""Where candidates lie for a kernel: numbers on their scale, options as corners of a simplex."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.optimizers.sobol import even_points
from hyperfunc.spaces import Choice, Integer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.spaces import Knob, Space

__all__ = ["Encoding"]

_FEW_VALUES = 4096
_APART = 0.5
_LOOKS = 256


@dataclass(frozen=True, slots=True)
class Encoding:
    """Turns places of a space's unit cube into columns, and says which columns belong together.

    A number is one column. A choice of k options is k columns that put any two options at distance 1, so
    that none is nearer than another. A knob that matters only under a condition has one column more,
    which says whether it matters; while it does not, it lies at the same place whatever else is so.

    Args:
        space: of the candidates; what is no coordinate of its unit cube takes no part.
        knobs: that take part, U of them.
        is_choice_U: which of them are choices.
        conditional: places of those that have a condition.
        owners_F: to which knob each column belongs.
    """

    space: Space
    knobs: tuple[Knob, ...]
    is_choice_U: NDArray[np.bool_]
    conditional: frozenset[int]
    owners_F: NDArray[np.int64]

    @classmethod
    def of(cls, space: Space) -> Encoding:
        """The encoding of a space."""
        knobs = tuple(space[name] for name in space.unit_names)
        conditional = frozenset(
            place for place, name in enumerate(space.unit_names) if name in space.conditions.names
        )
        widths = [
            (len(knob.options) if isinstance(knob, Choice) else 1) + (place in conditional)
            for place, knob in enumerate(knobs)
        ]
        choices = np.array([isinstance(knob, Choice) for knob in knobs], bool)
        return cls(space, knobs, choices, conditional, np.repeat(np.arange(len(knobs)), widths))

    def at_once(self) -> int:
        """The most knobs that matter together, found on places that fill the cube evenly."""
        if not self.conditional:
            return len(self.knobs)
        places = even_points(len(self.knobs), _LOOKS, "at once")
        return int(self.space.active_units(places).sum(1).max())

    def settled(self, units_NU: NDArray[np.float64]) -> NDArray[np.float64]:
        """The places that candidates at these places really have: in the cube, and on allowed values."""
        units_NU = np.clip(units_NU, 0.0, 1.0)
        for place, knob in enumerate(self.knobs):
            if isinstance(knob, Choice):
                count = len(knob.options)
                units_NU[:, place] = (
                    np.minimum(count - 1, np.floor(units_NU[:, place] * count)) + 0.5
                ) / count
            elif isinstance(knob, Integer) and knob.high - knob.low < _FEW_VALUES:
                column = units_NU[:, place].tolist()
                units_NU[:, place] = [knob.to_unit(knob.from_unit(unit)) for unit in column]
        if self.conditional:
            off_NU = ~self.space.active_units(units_NU)
            home_U = np.array([knob.to_unit(knob.default) for knob in self.knobs])
            units_NU = np.where(off_NU, home_U, units_NU)
        return units_NU

    def columns(self, units_NU: NDArray[np.float64]) -> NDArray[np.float64]:
        """Columns [N, F] of settled places [N, U]."""
        active_NU = self.space.active_units(units_NU) if self.conditional else None
        parts = []
        for place, knob in enumerate(self.knobs):
            column = units_NU[:, place]
            if isinstance(knob, Choice):
                count = len(knob.options)
                option = np.minimum(count - 1, (column * count).astype(np.int64))
                part = np.eye(count)[option] / math.sqrt(2.0)
            else:
                part = column[:, None]
            if active_NU is not None and place in self.conditional:
                on_N1 = active_NU[:, place : place + 1].astype(np.float64)
                centre = 0.0 if isinstance(knob, Choice) else 0.5
                part = np.concatenate([on_N1 * (part - centre), _APART * on_N1], axis=1)
            parts.append(part)
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(units_NU), 0))

    def everything(self, limit: int) -> NDArray[np.float64] | None:
        """All places of a space without real numbers, [N, U]; ``None`` when there are more than ``limit``."""
        axes = []
        for knob in self.knobs:
            if isinstance(knob, Choice):
                count = len(knob.options)
                axes.append((np.arange(count) + 0.5) / count)
            elif isinstance(knob, Integer) and knob.high - knob.low < limit:
                axes.append(np.array([knob.to_unit(value) for value in range(knob.low, knob.high + 1)]))
            else:
                return None
        if not axes or math.prod(map(len, axes)) > limit:
            return None
        places = np.stack([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")], axis=1)
        return np.unique(self.settled(places), axis=0) if self.conditional else places
