"""How many proposals are under way at once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from hyperfunc.errors import SpaceError

__all__ = ["ByGain", "Constant", "Pace"]


class Pace(Protocol):
    """Says how many proposals may be under way."""

    def proposals(self, gains: tuple[float, ...], workers: int) -> int:
        """At least 1.

        Args:
            gains: of all trials that are over, those that were rejected too; the newest at the end.
            workers: that wait for work.
        """
        ...


@dataclass(frozen=True, slots=True)
class ByGain:
    """Few while each proposal brings much, many when it brings little.

    Proposals that are written side by side build on the same parent. While gains are large that wastes
    most of them, for the next parent would have been much better; late in a run nothing is lost by it.

    Args:
        first: proposals at the start, at least 1.
        every: trials after which one more is allowed, above 0.
        scale: mean gain of a trial at which one proposal at a time is right, in units of the score, above 0.
        power: how fast their number grows as gains fall, at least 0.
        window: so many of the last gains are averaged, at least 1.
        least: fewest at any time, at least 1.
    """

    first: float = 6.0
    every: float = 4.0
    scale: float = 0.3
    power: float = 2.0
    window: int = 12
    least: int = 3

    def __post_init__(self) -> None:
        if min(self.first, self.window, self.least) < 1 or self.every <= 0:
            raise SpaceError(
                "a pace needs first >= 1, every > 0, window >= 1 and least >= 1, but got "
                f"{self.first}, {self.every}, {self.window} and {self.least}"
            )
        if self.scale <= 0 or self.power < 0:
            raise SpaceError(f"a pace needs scale > 0 and power >= 0, but got {self.scale} and {self.power}")

    def proposals(self, gains: tuple[float, ...], workers: int) -> int:
        """Between ``least`` and three for each worker."""
        recent = gains[-self.window :]
        mean = max(1e-3, sum(recent) / max(1, len(recent)))
        most = min(3.0 * workers, self.first + len(gains) / self.every)
        # Compared as logarithms: a large power of a small gain is beyond any float.
        wanted = self.power * math.log(self.scale / mean)
        return max(self.least, int(most if wanted >= math.log(most) else math.exp(wanted)))


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same number."""

    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 1:
            raise SpaceError(f"a pace needs count >= 1, but got {self.count}")

    def proposals(self, gains: tuple[float, ...], workers: int) -> int:
        """The number that was given."""
        return self.count
