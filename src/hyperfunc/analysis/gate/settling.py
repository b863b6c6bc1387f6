"""How many more examples would settle on which side of a bound a gain lies."""

from __future__ import annotations

import math

from hyperfunc.analysis.comparison import Difference
from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import needed_examples

__all__ = ["more_examples"]


def more_examples(difference: Difference, examples: int, groups: int, bound: float) -> int | None:
    """Further examples that would move the interval to one side of a bound.

    Args:
        difference: whose interval lies on both sides now.
        examples: how many it rests on.
        groups: of these.
        bound: to be settled.

    Returns:
        The number that does so four times in five when the true gain is the measured one and further
        examples scatter and cluster like these; ``None`` when the measured gain is the bound itself, when
        there is but one group, or when it would take over a billion.

    Source: :func:`~hyperfunc.evaluation.statistics.needed_examples` on the distance to the bound.
    """
    gap = abs(difference.gain.estimate - bound)
    if groups < 2 or gap < 1e-12 or not math.isfinite(difference.standard_error):
        return None
    size = max(1, round(examples / groups))
    if difference.standard_error < 1e-12:
        needed = _without_spread(difference, gap, bound) * size
    else:
        try:
            # The standard error has in it what clusters cost, so no correlation is added to it.
            spread = difference.standard_error * math.sqrt(examples)
            needed = needed_examples(gap, deviation=spread, cluster_size=size)
        except MetricError:
            return None
    return max(needed - examples, size)


def _without_spread(difference: Difference, gap: float, bound: float) -> int:
    """Groups until unseen ones, which may be as far off as scores can be, no longer reach the bound.

    With G groups that all agree, at most ``1 - (alpha / 2)^(1 / G)`` of all groups differ at the level.
    """
    estimate, tail = difference.gain.estimate, (1 - difference.gain.level) / 2
    room = estimate + 1 if estimate > bound else 1 - estimate
    share = min(gap / room, 1 - 1e-9) if room > 0 else 1 - 1e-9
    return math.ceil(math.log(tail) / math.log1p(-share))
