"""The optimizer that fits a space, when nobody names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperfunc.optimizers.alternate import Alternate
from hyperfunc.optimizers.base import NoOp, Optimizer
from hyperfunc.optimizers.edits import EditSearch
from hyperfunc.optimizers.es import ES
from hyperfunc.optimizers.exemplars import ExemplarSearch
from hyperfunc.optimizers.joint import Joint
from hyperfunc.optimizers.number_search import NumberSearch
from hyperfunc.optimizers.snes import SNES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hyperfunc.spaces import Space

__all__ = ["automatic"]


def automatic(
    space: Space,
    *,
    text: Optimizer | None = None,
    numbers: Optimizer | None = None,
    calls_per_lane: float = 0.0,
    phrases: Mapping[str, Sequence[str]] | None = None,
) -> Optimizer:
    """Chooses by the kinds of knobs, and by whether an evaluation costs model calls.

    Args:
        space: the learnable knobs.
        text: what learns texts and exemplars; chosen when not given.
        numbers: what learns all other knobs; chosen when not given.
        calls_per_lane: model calls of one candidate on one example.
        phrases: what may enter texts, as in :class:`EditSearch`.

    Returns:
        :class:`ES` when there are matrices, :class:`SNES` for numbers that cost no model call,
        :class:`Joint` for everything else, and :class:`NoOp` when nothing can be varied. When one side
        is given, both take turns.

    Example::

        >>> from hyperfunc.spaces import Real, Space
        >>> type(automatic(Space({"x": Real(0, 1)}))).__name__
        'SNES'
    """
    if text is None and numbers is None:
        return _chosen(space, calls_per_lane, phrases or {})
    words, rest = space.partition(lambda _, knob: knob.kind in ("text", "exemplars"))
    return Alternate(
        words=text or _chosen(words, calls_per_lane, phrases or {}),
        numbers=numbers or _chosen(rest, calls_per_lane, {}),
    )


def _chosen(space: Space, calls_per_lane: float, phrases: Mapping[str, Sequence[str]]) -> Optimizer:
    parts = (EditSearch(phrases), ExemplarSearch(), NumberSearch())
    joint = any(part.handles(name, knob) for name, knob in space.items() for part in parts)
    kinds = {knob.kind for knob in space.values()}
    words = kinds & {"text", "exemplars"}
    if "matrix" in kinds:
        return Alternate(Joint(parts), ES()) if words else ES()
    if kinds and not words and not calls_per_lane:
        return SNES()
    return Joint(parts) if joint else NoOp()
