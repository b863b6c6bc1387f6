"""CMA-ES of the package ``cmaes`` as a proposer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.bayes.rows import rows_of
from hyperfunc.optimizers.extras import needs_extra
from hyperfunc.optimizers.search import Proposer
from hyperfunc.rng import seed_of

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["CMAES"]


@dataclass(frozen=True, slots=True)
class _Own:
    """What every generation so far was worth, and the members of the present one: all, and those that wait.

    The distribution follows from these and the seed alone, so that a continued run has the same one.
    """

    worth: tuple[tuple[float, ...], ...] = ()
    waiting: tuple[Candidate, ...] = ()
    members: tuple[Candidate, ...] = ()
    made: int = 0


@dataclass(frozen=True, slots=True)
class CMAES(Proposer):
    """Proposes members of a normal distribution whose covariance is learnt, in the unit cube.

    Good for many numbers that depend on each other when evaluations are cheap; options of a choice are bins
    of equal width. A member that equals one that was tried is not proposed again. When a generation has
    been proposed, the distribution moves by the scores there are; members without one count as the worst.
    Needs the extra ``cmaes``.

    Args:
        n: how many in all, at least 1; ``None`` never ends.
        population: members of a generation, at least 4; ``None`` takes 4 + 3 log(knobs).
        sigma: first width, as a share of every knob's range, above 0.

    Raises:
        SpaceError: a setting out of its range, the extra is missing, or a space of one knob.

    Example::

        Search(CMAES(), Fixed(batch=16))

    Source: Hansen, "The CMA evolution strategy: a tutorial" (2016).
    """

    n: int | None = None
    population: int | None = None
    sigma: float = 0.25

    def __post_init__(self) -> None:
        if (self.n is not None and self.n < 1) or not self.sigma > 0 or (self.population or 4) < 4:
            raise SpaceError(
                f"CMA-ES needs n >= 1, population >= 4 and sigma > 0, but got {self.n}, {self.population} "
                f"and {self.sigma}"
            )
        needs_extra("CMAES", "cmaes")

    def propose(
        self, problem: Problem, archive: Archive, own: _Own | None, count: int, known: frozenset[str]
    ) -> tuple[tuple[Candidate, ...], _Own]:
        """The members of this generation that wait, and those of the next when there are too few."""
        own = own or _Own()
        if self.n is not None:
            count = min(count, self.n - own.made)
        fresh: dict[str, Candidate] = {}
        generations = 0
        while problem.space.unit_dim and len(fresh) < count and generations < 64:
            if not own.waiting:
                # What was proposed just now has no score yet, and cannot move anything.
                if any(member.id in fresh for member in own.members):
                    break
                own = self._next(problem, archive, own)
                generations += 1
            member, own = own.waiting[0], replace(own, waiting=own.waiting[1:])
            if member.id not in known:
                fresh[member.id] = member
        return tuple(fresh.values()), replace(own, made=own.made + len(fresh))

    def _next(self, problem: Problem, archive: Archive, own: _Own) -> _Own:
        """The next generation."""
        worth = own.worth
        if own.members:
            rows = rows_of(archive)
            scores = dict(zip((c.id for c in rows.candidates), rows.means_R.tolist(), strict=True))
            worst = min((scores[m.id] for m in own.members if m.id in scores), default=0.0)
            worth = (*worth, tuple(scores.get(member.id, worst) for member in own.members))
        strategy = self._strategy(problem)
        for values in worth:
            points = [strategy.ask() for _ in values]
            # It minimises, and minds the order alone.
            strategy.tell([(point, -value) for point, value in zip(points, values, strict=True)])
        drawn = [strategy.ask() for _ in range(strategy.population_size)]
        members = tuple(problem.space.from_unit(point, problem.start) for point in drawn)
        return replace(own, worth=worth, waiting=members, members=members)

    def _strategy(self, problem: Problem) -> Any:
        dim = problem.space.unit_dim
        if dim < 2:
            raise SpaceError("CMA-ES needs at least two numbers or choices; use Bayesian for one")
        return _cmaes().CMA(
            mean=problem.space.to_unit(problem.start),
            sigma=self.sigma,
            bounds=np.tile([0.0, 1.0], (dim, 1)),
            seed=seed_of(problem.seed, "cmaes") % 2**32,
            population_size=self.population,
        )


def _cmaes() -> ModuleType:
    import cmaes

    module: ModuleType = cmaes
    return module
