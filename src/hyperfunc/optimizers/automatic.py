"""The optimizer that fits a space, when nobody names one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.optimizers.base import NoOp, Optimizer
from hyperfunc.optimizers.edits import EditSearch
from hyperfunc.optimizers.eggroll import Eggroll
from hyperfunc.optimizers.exemplars import ExemplarSearch
from hyperfunc.optimizers.for_calls import for_calls
from hyperfunc.optimizers.joint import Joint
from hyperfunc.optimizers.number_search import NumberSearch
from hyperfunc.optimizers.slots import WORDS, Slots
from hyperfunc.optimizers.surrogate_es import SurrogateES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hyperfunc.spaces import Space

__all__ = ["Chosen", "automatic", "chosen", "for_numbers"]


@dataclass(frozen=True, slots=True)
class Chosen:
    """An optimizer, and why it is this one in a few words."""

    optimizer: Optimizer
    why: str


def automatic(
    space: Space,
    *,
    calls_per_lane: float = 0.0,
    lanes: int | None = None,
    per_item: bool = True,
    phrases: Mapping[str, Sequence[str]] | None = None,
) -> Optimizer:
    """Chooses by the kinds and the number of knobs, by the budget, and by what an evaluation costs.

    Args:
        space: the learnable knobs.
        calls_per_lane: model calls of one candidate on one example.
        lanes: evaluations of one candidate on one example that the budget pays; ``None`` for no limit.
        per_item: whether examples are scored one by one.
        phrases: what may enter texts, as in :class:`EditSearch`.

    Returns:
        :class:`Eggroll` when there are matrices, :class:`SurrogateES` for numbers that cost no model call,
        what :func:`for_calls` says for a few numbers and choices that cost some, :class:`Joint` for
        everything else, both in :class:`Slots` when there are words and matrices, and :class:`NoOp` when
        nothing can be varied.

    Example::

        >>> from hyperfunc.spaces import Real, Space
        >>> type(automatic(Space({"x": Real(0, 1)}))).__name__
        'SurrogateES'
    """
    return chosen(
        space, calls_per_lane=calls_per_lane, lanes=lanes, per_item=per_item, phrases=phrases
    ).optimizer


def chosen(
    space: Space,
    *,
    calls_per_lane: float = 0.0,
    lanes: int | None = None,
    per_item: bool = True,
    phrases: Mapping[str, Sequence[str]] | None = None,
) -> Chosen:
    """As :func:`automatic`, with the reason."""
    parts = (EditSearch(phrases or {}), ExemplarSearch(), NumberSearch())
    joint = any(part.handles(name, knob) for name, knob in space.items() for part in parts)
    kinds = {knob.kind for knob in space.values()}
    words = kinds & WORDS
    if "matrix" in kinds:
        if words:
            return Chosen(Slots(Joint(parts), Eggroll()), "words and matrices: each has a search of its own")
        return Chosen(Eggroll(), "matrices: an evolution strategy with low-rank noise")
    if kinds and not words and not calls_per_lane:
        return Chosen(for_numbers(), "numbers that cost no model call: an evolution strategy")
    if calls_per_lane and (found := for_calls(space, lanes, per_item)) is not None:
        return Chosen(*found)
    if joint:
        return Chosen(Joint(parts), "words, or many kinds of knobs: one search over all of them")
    return Chosen(NoOp(), "nothing can be varied")


def for_numbers() -> Optimizer:
    """What fits numbers whose evaluation costs no model call, at every dimension, noise and budget."""
    return SurrogateES()
