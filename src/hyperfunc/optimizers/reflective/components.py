"""Which components of a program a proposal rewrites."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hyperfunc.errors import SpaceError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["All", "ByCredit", "Components", "RoundRobin"]


class Components(Protocol):
    """Chooses knobs."""

    def choose(
        self, names: tuple[str, ...], turn: int, credit: Mapping[str, tuple[float, int]],
        rng: np.random.Generator,
    ) -> tuple[str, ...]:  # fmt: skip
        """At least one of the names.

        Args:
            names: of all knobs that may be rewritten.
            turn: proposals that were made from this parent and its forebears before.
            credit: by knob, the sum of the gains of children that changed it, and how many there were.
            rng: of this choice.
        """
        ...


@dataclass(frozen=True, slots=True)
class All:
    """Rewrites all components at once."""

    def choose(
        self, names: tuple[str, ...], turn: int, credit: Mapping[str, tuple[float, int]],
        rng: np.random.Generator,
    ) -> tuple[str, ...]:  # fmt: skip
        """All of them."""
        return names


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """Rewrites one component after the other along each lineage.

    Source: Agrawal et al., GEPA, arXiv:2507.19457, section 3.
    """

    def choose(
        self, names: tuple[str, ...], turn: int, credit: Mapping[str, tuple[float, int]],
        rng: np.random.Generator,
    ) -> tuple[str, ...]:  # fmt: skip
        """The one whose turn it is."""
        return (names[turn % len(names)],)


@dataclass(frozen=True, slots=True)
class ByCredit:
    """Rewrites the component that has brought the most so far, or one of which little is known.

    Draws each component's worth from a normal posterior and takes the highest.

    Args:
        prior: standard deviation of gains before anything is known, in units of the score, above 0.

    Raises:
        SpaceError: a setting is out of its range.

    Source: Thompson, "On the likelihood that one unknown probability exceeds another" (1933).
    """

    prior: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.prior < math.inf:
            raise SpaceError(f"ByCredit needs prior > 0, but got {self.prior}")

    def choose(
        self, names: tuple[str, ...], turn: int, credit: Mapping[str, tuple[float, int]],
        rng: np.random.Generator,
    ) -> tuple[str, ...]:  # fmt: skip
        """The one with the highest draw."""

        def draw(name: str) -> float:
            total, count = credit.get(name, (0.0, 0))
            return float(rng.normal(total / (count + 1), self.prior / (count + 1) ** 0.5))

        return (max(names, key=draw),)
