"""The optimizer that fits a space, when nobody names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperfunc.optimizers.base import NoOp, Optimizer
from hyperfunc.optimizers.edits import EditSearch
from hyperfunc.optimizers.eggroll import Eggroll
from hyperfunc.optimizers.exemplars import ExemplarSearch
from hyperfunc.optimizers.joint import Joint
from hyperfunc.optimizers.number_search import NumberSearch
from hyperfunc.optimizers.slots import WORDS, Slots
from hyperfunc.optimizers.snes import SNES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hyperfunc.spaces import Space

__all__ = ["automatic"]


def automatic(
    space: Space,
    *,
    calls_per_lane: float = 0.0,
    phrases: Mapping[str, Sequence[str]] | None = None,
) -> Optimizer:
    """Chooses by the kinds of knobs, and by whether an evaluation costs model calls.

    Args:
        space: the learnable knobs.
        calls_per_lane: model calls of one candidate on one example.
        phrases: what may enter texts, as in :class:`EditSearch`.

    Returns:
        :class:`Eggroll` when there are matrices, :class:`SNES` for numbers that cost no model call,
        :class:`Joint` for everything else, both in :class:`Slots` when there are words and matrices, and
        :class:`NoOp` when nothing can be varied.

    Example::

        >>> from hyperfunc.spaces import Real, Space
        >>> type(automatic(Space({"x": Real(0, 1)}))).__name__
        'SNES'
    """
    parts = (EditSearch(phrases or {}), ExemplarSearch(), NumberSearch())
    joint = any(part.handles(name, knob) for name, knob in space.items() for part in parts)
    kinds = {knob.kind for knob in space.values()}
    words = kinds & WORDS
    if "matrix" in kinds:
        return Slots(Joint(parts), Eggroll()) if words else Eggroll()
    if kinds and not words and not calls_per_lane:
        return SNES()
    return Joint(parts) if joint else NoOp()
