"""What to use for a few numbers and choices when every evaluation costs model calls."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hyperfunc.optimizers.bayes import Bayesian
from hyperfunc.optimizers.fixed import Fixed
from hyperfunc.optimizers.points import Grid
from hyperfunc.optimizers.racing import Racing
from hyperfunc.optimizers.search import Search
from hyperfunc.spaces import Choice, Integer

if TYPE_CHECKING:
    from hyperfunc.optimizers.base import Optimizer
    from hyperfunc.spaces import Knob, Space

__all__ = ["MOST_KNOBS", "for_calls"]

MOST_KNOBS = 16
"""Beyond so many knobs a Gaussian process learns too little from what a usual budget pays."""

_FEW_SETTINGS = 24
_FEWEST_EACH = 8
_CANDIDATES = 100
_EXAMPLES = (4, 32)


def for_calls(space: Space, lanes: int | None = None, per_item: bool = True) -> tuple[Optimizer, str] | None:
    """A search for numbers and choices that spends few evaluations, and why it is this one.

    Args:
        space: the learnable knobs.
        lanes: evaluations of one candidate on one example that the budget pays; ``None`` for no limit.
        per_item: whether examples are scored one by one.

    Returns:
        A race of all settings when there are few and each can meet some examples; a Bayesian search
        otherwise; ``None`` when there are knobs that are neither numbers nor choices, or too many.

    Example::

        >>> from hyperfunc.spaces import Real, Space
        >>> for_calls(Space({"temperature": Real(0, 2)}), lanes=600)[1]
        '1 knob and model calls to pay: a Gaussian process, about 100 candidates on 6 examples each'
    """
    dim = space.unit_dim
    if not dim or dim < len(space) or dim > MOST_KNOBS:
        return None
    settings = math.prod(_values(knob) for knob in space.values())
    if settings <= _FEW_SETTINGS and per_item and (lanes is None or lanes >= _FEWEST_EACH * settings):
        return (
            Search(Grid(_FEW_SETTINGS), Racing(entrants=max(2, int(settings)))),
            f"{int(settings)} settings in all: they race on the same examples",
        )
    knobs = f"{dim} knob{'s' if dim > 1 else ''} and model calls to pay: a Gaussian process"
    if lanes is None or not per_item:
        return Search(Bayesian(), Fixed(batch=4)), f"{knobs}, each candidate on all examples"
    examples = min(_EXAMPLES[1], max(_EXAMPLES[0], lanes // _CANDIDATES))
    return (
        Search(Bayesian(), Fixed(examples, batch=4)),
        f"{knobs}, about {max(1, lanes // examples)} candidates on {examples} examples each",
    )


def _values(knob: Knob) -> float:
    if isinstance(knob, Choice):
        return len(knob.options)
    return knob.high - knob.low + 1 if isinstance(knob, Integer) else math.inf
