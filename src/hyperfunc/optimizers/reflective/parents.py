"""Whose values the next proposal rewrites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hyperfunc.errors import SpaceError

from .fronts import Front, shares
from .progress import Pool

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.spaces import Candidate

__all__ = ["CurrentBest", "EpsilonGreedy", "Parents", "Pareto", "TopK"]

_FRONTS = ("instance", "objective", "hybrid", "cartesian")


class Parents(Protocol):
    """Chooses a parent."""

    def choose(self, pool: Pool, rng: np.random.Generator) -> Candidate:
        """One of the pool's members."""
        ...


@dataclass(frozen=True, slots=True)
class CurrentBest:
    """Always the best candidate so far."""

    def choose(self, pool: Pool, rng: np.random.Generator) -> Candidate:
        """The best."""
        return pool.best


@dataclass(frozen=True, slots=True)
class Pareto:
    """A member of the Pareto frontier, as often as it is best at something.

    Keeps different strategies alive that a greedy search would lose; costs calls where there is one hill.

    Args:
        front: what one can be best at: single examples (``"instance"``), the mean of an objective
            (``"objective"``), both (``"hybrid"``), or an objective on an example (``"cartesian"``). All but
            the first need a metric that returns ``details={"objectives": {name: score}}``.
        best: probability of taking the best candidate instead, in [0, 1).

    Source: Agrawal et al., GEPA, arXiv:2507.19457, algorithm 2.
    """

    front: Front = "instance"
    best: float = 0.5

    def __post_init__(self) -> None:
        if self.front not in _FRONTS:
            raise SpaceError(f"there is no front {self.front!r}; choose one of {', '.join(_FRONTS)}")
        if not 0 <= self.best < 1:
            raise SpaceError(f"Pareto needs 0 <= best < 1, but got {self.best}")

    def choose(self, pool: Pool, rng: np.random.Generator) -> Candidate:
        """Drawn by shares of the frontier."""
        if rng.random() < self.best:
            return pool.best
        chances = shares(pool, self.front)
        if not chances:
            return pool.best
        name = str(rng.choice(list(chances), p=list(chances.values())))
        return next(member for member in pool.members if member.id == name)


@dataclass(frozen=True, slots=True)
class EpsilonGreedy:
    """The best candidate, and now and then any member of the pool.

    Args:
        epsilon: probability of drawing from all members evenly, in [0, 1].
    """

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.epsilon <= 1:
            raise SpaceError(f"epsilon is a probability, but got {self.epsilon}")

    def choose(self, pool: Pool, rng: np.random.Generator) -> Candidate:
        """Mostly the best."""
        if rng.random() < self.epsilon:
            return pool.members[int(rng.integers(len(pool.members)))]
        return pool.best


@dataclass(frozen=True, slots=True)
class TopK:
    """The best candidate, or one of those with the highest mean scores; each with even chances.

    Args:
        k: how many, at least 1.
    """

    k: int = 5

    def __post_init__(self) -> None:
        if self.k < 1:
            raise SpaceError(f"top-k needs k >= 1, but got {self.k}")

    def choose(self, pool: Pool, rng: np.random.Generator) -> Candidate:
        """One of the top k; the best candidate is always among them."""
        rest = [member for member in pool.members if member != pool.best]
        top = [pool.best, *sorted(rest, key=lambda member: -pool.mean(member))[: self.k - 1]]
        return top[int(rng.integers(len(top)))]
