"""Bayesian search by BoTorch: batches that are chosen together, in a trust region if wanted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.bayes.opening import evenly, first_points, without_score
from hyperfunc.optimizers.bayes.places import ALL_PLACES, best_new, searched
from hyperfunc.optimizers.botorch_gp.model import Model
from hyperfunc.optimizers.botorch_gp.region import Box, Region, TrustRegion
from hyperfunc.optimizers.extras import needs_extra
from hyperfunc.optimizers.search import Proposer, Search
from hyperfunc.rng import generator, seed_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Optimizer, Problem
    from hyperfunc.spaces import Candidate

__all__ = ["BoTorch"]


@dataclass(frozen=True, slots=True)
class _Own:
    """What it proposed, how often it was asked, where its even points stand, and its trust region.

    ``even`` is how many evenly spread candidates are still to come before the model is asked.
    """

    even: int
    proposed: tuple[Candidate, ...] = ()
    turn: int = 0
    first: tuple[int, int] | None = None
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class BoTorch(Proposer):
    """Proposes by BoTorch's Gaussian process the batch that is expected to improve most.

    The model is BoTorch's, with the noise of every row as examples and repeats show it. A batch grows by
    the candidate that adds most to the expected improvement of all of it together with the candidates that
    are under way, so that places neither crowd nor repeat. Options of a choice, whole numbers and knobs that
    matter only sometimes are searched at values they can really have. Texts and matrices stay as they are.
    The same seed gives the same proposals; torch's own generator is left as it was. Needs the extra
    ``botorch``.

    Args:
        n: how many in all, at least 1; ``None`` never ends.
        first: that fill the space evenly before the model is used, at least 1; ``None`` takes three more
            than twice the number of knobs that matter at once, at most 20.
        trust_region: keeps the search near its best place; ``None`` searches the whole space.
        pool: random places that compete in every choice, at least 16.

    Raises:
        SpaceError: a count out of its range, or the extra is missing.

    Example::

        Search(BoTorch(), Fixed(examples=6, batch=8))

    Source: Balandat et al., "BoTorch: a framework for efficient Monte-Carlo Bayesian optimization" (2020);
    the acquisition of Ament et al. (2023).
    """

    n: int | None = None
    first: int | None = None
    trust_region: TrustRegion | None = None
    pool: int = 512

    def __post_init__(self) -> None:
        if any(count is not None and count < 1 for count in (self.n, self.first)) or self.pool < 16:
            raise SpaceError(
                f"n is {self.n}, first is {self.first} and pool is {self.pool}; give at least 1, 1 and 16"
            )
        needs_extra("BoTorch", "botorch")

    def inner(self) -> Optimizer:
        """A search over all examples, four candidates at a time."""
        from hyperfunc.optimizers.fixed import Fixed

        return Search(self, Fixed(batch=4))

    def propose(
        self, problem: Problem, archive: Archive, own: _Own | None, count: int, known: frozenset[str]
    ) -> tuple[tuple[Candidate, ...], _Own]:
        """Evenly spread candidates at first, then a batch of the model."""
        own = own or self._begin(problem)
        if self.n is not None:
            count = min(count, self.n - len(own.proposed))
        if count < 1 or not problem.space.unit_dim:
            return (), own
        own = replace(own, turn=own.turn + 1)
        model = None
        if own.even < count:
            model = Model.of(problem.space, archive)
            if model is not None and own.region is not None:
                own = self._judged(problem, own, model)
        # All are evenly spread while there is nothing to model.
        wanted = count if model is None else min(count, own.even)
        fresh, place = (
            evenly(problem, archive, own.first, own.turn, wanted, known) if wanted else ((), own.first)
        )
        own = replace(own, first=place, even=max(0, own.even - len(fresh)))
        if own.region is not None:
            own = replace(own, region=own.region.opened(member.id for member in fresh))
        if model is not None and len(fresh) < count:
            pending = without_score(problem, archive, (*own.proposed, *fresh))
            taken = known | {member.id for member in fresh}
            more = self._modelled(problem, own, model, pending, count - len(fresh), taken)
            if own.region is not None:
                own = replace(own, region=own.region.sent(member.id for member in more))
            fresh += more
        return fresh, replace(own, proposed=own.proposed + fresh)

    def order(self, problem: Problem, archive: Archive) -> tuple[Candidate, ...]:
        """The measured candidates by the model's mean less half a standard deviation."""
        model = Model.of(problem.space, archive)
        return () if model is None else model.ranked()

    def _begin(self, problem: Problem) -> _Own:
        even = self.first or first_points(problem.space)
        rule = self.trust_region
        return _Own(even, region=None if rule is None else rule.begin(problem.start.id))

    def _judged(self, problem: Problem, own: _Own, model: Model) -> _Own:
        """With its region as the scores so far want it; a new one begins with evenly spread candidates."""
        assert self.trust_region is not None
        assert own.region is not None
        means_R, _ = model.at(model.units_RU)
        worth = {c.id: mean for c, mean in zip(model.rows.candidates, means_R.tolist(), strict=True)}
        region = self.trust_region.judged(own.region, worth, model.encoding.at_once())
        anew = region.restarts > own.region.restarts
        return replace(own, region=region, even=self._begin(problem).even if anew else own.even)

    def _modelled(
        self,
        problem: Problem,
        own: _Own,
        model: Model,
        pending: tuple[Candidate, ...],
        count: int,
        known: frozenset[str],
    ) -> tuple[Candidate, ...]:
        """The batch, grown by what adds most to it."""
        space = problem.space
        local_RU, box = _local(own.region, model)
        waiting_NU = np.array([space.to_unit(member) for member in pending]).reshape(-1, space.unit_dim)
        everything = model.encoding.everything(ALL_PLACES)
        fresh: dict[str, Candidate] = {}
        for place in range(count):
            rng = generator(problem.seed, "botorch", own.turn, place)
            draws = seed_of(problem.seed, "botorch", own.turn, place, "draws")
            worth = model.worth(local_RU, waiting_NU, draws)
            if everything is None:
                means_R, _ = model.at(local_RU)
                units_NU, worth_N = searched(model.encoding, local_RU, means_R, worth, self.pool, rng, box)
            else:
                units_NU, worth_N = everything, worth(everything)
                if box is not None:
                    # What lies outside comes after everything inside.
                    worth_N = np.where(box.allows(everything), worth_N, worth_N - 1e6)
            member = best_new(problem, units_NU, worth_N, known | fresh.keys())
            if member is None:
                break
            fresh[member.id] = member
            waiting_NU = np.concatenate([waiting_NU, space.to_unit(member)[None]])
        return tuple(fresh.values())


def _local(region: Region | None, model: Model) -> tuple[NDArray[np.float64], Box | None]:
    """Where the rows lie that are to be surpassed, and the box to search; all and none without a region."""
    if region is None:
        return model.units_RU, None
    inside = np.array([candidate.id in region.members for candidate in model.rows.candidates])
    if not inside.any():
        return model.units_RU, None
    local_RU = model.units_RU[inside]
    means_R, _ = model.at(local_RU)
    return local_RU, Box.of(model.encoding, region.length, local_RU[means_R.argmax()], model.lengths)
