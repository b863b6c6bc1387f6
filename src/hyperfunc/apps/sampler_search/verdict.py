"""What a test on new prompts shows of a search's winner; the search and its report say the same."""

from __future__ import annotations

from enum import Enum

__all__ = ["LEVEL", "Verdict", "verdict"]

LEVEL = 0.05
"""Of all tests together, by Holm's correction."""


class Verdict(Enum):
    """How the winner of a search did on new prompts."""

    HELD = "better than the runner-up"
    OPEN = "not told apart from the runner-up"
    LOST = "worse than the runner-up"
    NEUTRAL = "worse than temperature 1 with nothing cut off"


def verdict(
    difference: float,
    p: float,
    interval: tuple[float, float] | None = None,
    gain: float | None = None,
    gain_p: float | None = None,
) -> Verdict:
    """A winner is one when the p-value and the interval of its difference say so.

    Args:
        difference: winner minus runner-up.
        p: of it, after Holm.
        interval: 95 % of it; where there is none the p-value alone decides.
        gain: winner minus the model's own distribution, if that was tested.
        gain_p: of it, after Holm.
    """
    if gain is not None and gain_p is not None and gain < 0 and gain_p <= LEVEL:
        return Verdict.NEUTRAL
    low, high = interval or (difference, difference)
    if p <= LEVEL and low > 0 < difference:
        return Verdict.HELD
    if p <= LEVEL and high < 0 > difference:
        return Verdict.LOST
    return Verdict.OPEN
