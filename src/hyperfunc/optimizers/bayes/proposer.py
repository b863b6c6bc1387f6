"""Bayesian search: try what a Gaussian process expects to improve most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.bayes.acquisition import log_worth
from hyperfunc.optimizers.bayes.opening import MOST_FIRST, evenly, first_points, without_score
from hyperfunc.optimizers.bayes.places import ALL_PLACES, best_new, searched
from hyperfunc.optimizers.bayes.surrogate import Surrogate
from hyperfunc.optimizers.search import Proposer, Search
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Optimizer, Problem
    from hyperfunc.optimizers.bayes.process import Posterior
    from hyperfunc.spaces import Candidate

    Worth = Callable[[NDArray[np.float64]], NDArray[np.float64]]

__all__ = ["Bayesian"]


@dataclass(frozen=True, slots=True)
class _Own:
    """What it proposed, how often it was asked, where its first points stand, and the latest parameters."""

    proposed: tuple[Candidate, ...] = ()
    turn: int = 0
    first: tuple[int, int] | None = None
    theta: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Bayesian(Proposer):
    """Models the scores over numbers, whole numbers and choices, and proposes what may improve most.

    The model is a Gaussian process that knows how noisy scores are: from examples and repeats where
    there are some, else from how rough the scores look. What counts as best so far is the best posterior
    mean, never the luckiest score, and a place is worth less where a noisy look teaches little. Within a
    batch, and for candidates whose scores are still missing, the model believes its own expectation, so
    that places do not crowd. Texts and matrices stay as they are.

    Args:
        n: how many in all, at least 1; ``None`` never ends.
        first: that fill the space evenly before the model is used, at least 1; ``None`` takes three more
            than twice the number of knobs that matter at once, at most 20.
        pool: random places that compete in every choice, at least 16.

    Raises:
        SpaceError: a count out of its range.

    Example::

        Search(Bayesian(), Hyperband())

    Source: Jones, Schonlau and Welch, "Efficient global optimization" (1998); the acquisition of Ament et al.
    (2023), with that of Huang et al. (2006) for noise.
    """

    n: int | None = None
    first: int | None = None
    pool: int = 512

    def __post_init__(self) -> None:
        if min(self.n or 1, 1 if self.first is None else self.first) < 1 or self.n == 0 or self.pool < 16:
            raise SpaceError(
                f"n is {self.n}, first is {self.first} and pool is {self.pool}; give at least 1, 1 and 16"
            )

    def inner(self) -> Optimizer:
        """A search over all examples, four candidates at a time."""
        from hyperfunc.optimizers.fixed import Fixed

        return Search(self, Fixed(batch=4))

    def propose(
        self, problem: Problem, archive: Archive, own: _Own | None, count: int, known: frozenset[str]
    ) -> tuple[tuple[Candidate, ...], _Own]:
        """Evenly spread candidates at first, then those of the model."""
        own = own or _Own()
        made = len(own.proposed)
        if self.n is not None:
            count = min(count, self.n - made)
        if count < 1 or not problem.space.unit_dim:
            return (), own
        even = self.first or (first_points(problem.space) if made < MOST_FIRST else 0)
        fresh: tuple[Candidate, ...] = ()
        own = replace(own, turn=own.turn + 1)
        if (wanted := min(count, even - made)) > 0:
            fresh, place = evenly(problem, archive, own.first, own.turn, wanted, known)
            own = replace(own, first=place)
        if len(fresh) < count:
            taken = known | {member.id for member in fresh}
            surrogate = Surrogate.of(problem.space, archive, own.theta)
            if surrogate is None:
                more, place = evenly(problem, archive, own.first, own.turn, count - len(fresh), taken)
                own = replace(own, first=place)
            else:
                pending = without_score(problem, archive, (*own.proposed, *fresh))
                more = self._modelled(problem, own, surrogate, pending, count - len(fresh), taken)
                own = replace(own, theta=surrogate.theta)
            fresh += more
        return fresh, replace(own, proposed=own.proposed + fresh)

    def order(self, problem: Problem, archive: Archive) -> tuple[Candidate, ...]:
        """The measured candidates by the model's mean less half a standard deviation."""
        surrogate = Surrogate.of(problem.space, archive)
        return () if surrogate is None else surrogate.ranked()

    def _modelled(
        self,
        problem: Problem,
        own: _Own,
        surrogate: Surrogate,
        pending: tuple[Candidate, ...],
        count: int,
        known: frozenset[str],
    ) -> tuple[Candidate, ...]:
        """The candidates of highest expected improvement, one after the other."""
        encoding, space = surrogate.encoding, problem.space
        waiting = np.array([space.to_unit(member) for member in pending]).reshape(-1, space.unit_dim)
        posterior = surrogate.posterior.believing(encoding.columns(waiting))
        everything = encoding.everything(ALL_PLACES)
        fresh: dict[str, Candidate] = {}
        for place in range(count):
            rng = generator(problem.seed, "bayes", own.turn, place)
            # With what is believed of those on their way, or a place that promises more than any row would
            # be chosen again and again.
            best = float(posterior.at(posterior.columns_NF)[0].max())
            worth = _worth(surrogate, posterior, best)
            if everything is None:
                means_R, _ = posterior.at(surrogate.posterior.columns_NF)
                found = searched(encoding, surrogate.units_RU, means_R, worth, self.pool, rng)
            else:
                found = everything, worth(everything)
            member = best_new(problem, *found, known | fresh.keys())
            if member is None:
                break
            fresh[member.id] = member
            posterior = posterior.believing(encoding.columns(space.to_unit(member)[None]))
        return tuple(fresh.values())


def _worth(surrogate: Surrogate, posterior: Posterior, best: float) -> Worth:
    """The log expected improvement of settled places."""
    look, columns = surrogate.look, surrogate.encoding.columns
    return lambda units_NU: log_worth(*posterior.at(columns(units_NU)), best, look)
