"""Successive halving and Hyperband: many candidates on a few examples, the better ones on more."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask
from hyperfunc.optimizers.effects import posterior_means
from hyperfunc.optimizers.rungs import Bracket, Plan, planned, to_rung
from hyperfunc.optimizers.search import Enter, Scheduler

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["Hyperband", "SuccessiveHalving"]


@dataclass(frozen=True, slots=True)
class _Own:
    """Where it stands.

    Args:
        plan: all brackets.
        number: brackets that are over.
        entered: those who entered the bracket.
        members: those on its rung.
        rung: on which they are.
        fresh: those who entered and wait for their first ask.
        queue: asks that are still to be made.
        over: the proposer has no more candidates.
        end: why it is over; empty while it is not.
    """

    plan: Plan
    number: int = 0
    entered: int = 0
    members: tuple[Candidate, ...] = ()
    rung: int = 0
    fresh: tuple[Candidate, ...] = ()
    queue: tuple[Ask, ...] = ()
    over: bool = False
    end: str = ""

    @property
    def bracket(self) -> Bracket:
        """The one under way."""
        return self.plan.brackets[self.number % len(self.plan.brackets)]


@dataclass(frozen=True, slots=True)
class Hyperband(Scheduler):
    """Brackets of equal cost, from many candidates on few examples to few candidates on all.

    Within a bracket the best of ``eta`` are promoted to a rung with ``eta`` times the examples, by
    posterior mean. The examples of a rung are a prefix of those of the next, in one shuffled order that all
    candidates share, so that comparisons are paired and a promoted candidate runs only what it lacks. With
    a budget its brackets are as large as it pays, and never larger.

    Args:
        eta: one of so many is promoted, above 1.
        fewest: examples of the lowest rung, at least 1.
        repeats: how often the examples may be gone through, each time under new luck, at least 1; a rung
            beyond the number of examples takes repeats.
        sweeps: how often all brackets are gone through at most; ``None`` as often as the budget pays.
        batch: candidates that enter at once, at least 1; a proposer with a model learns in between.
        lanes: cells it may fill; ``None`` takes what the budget pays.

    Raises:
        SpaceError: a setting out of its range.

    Example::

        Search(Bayesian(), Hyperband())

    Source: Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization" (2018);
    over the examples of prompts: Schneider et al., "Hyperband-based Bayesian optimization for black-box
    prompt selection" (2025).
    """

    eta: float = 3.0
    fewest: int = 4
    repeats: int = 1
    sweeps: int | None = None
    batch: int = 4
    lanes: int | None = None

    def __post_init__(self) -> None:
        _check(self.eta, self.fewest, self.repeats, self.sweeps, self.batch, self.lanes)

    def begin(self, problem: Problem) -> _Own:
        """The brackets are planned."""
        return _Own(self.plan(problem))

    def plan(self, problem: Problem) -> Plan:
        """The brackets for a problem: who enters, and how many examples each rung has."""
        budget = self.lanes if self.lanes is not None else problem.lanes
        plan = planned(problem.n_examples * self.repeats, budget, self.eta, self.fewest)
        sweeps = [each for each in (plan.sweeps, self.sweeps) if each is not None]
        return replace(plan, sweeps=min(sweeps, default=None))

    def next(self, problem: Problem, archive: Archive, own: _Own) -> tuple[Ask | Enter | None, _Own]:
        """What waits, then those who enter, then those who are promoted."""
        while not own.end:
            if own.queue:
                return own.queue[0], replace(own, queue=own.queue[1:])
            if own.fresh:
                own = self._asked(problem, archive, replace(own, fresh=()), own.fresh)
            elif own.rung == 0 and not own.over and own.entered < own.bracket.entrants:
                return Enter(min(self.batch, own.bracket.entrants - own.entered)), own
            elif own.members and own.rung + 1 < len(own.bracket.rungs):
                own = self._promoted(problem, archive, own)
            else:
                own = self._closed(own)
        return None, own

    def enter(self, own: _Own, members: tuple[Candidate, ...]) -> _Own:
        """They wait for the lowest rung."""
        if not members:
            return replace(own, over=True)
        all_members = own.members + members
        return replace(own, entered=own.entered + len(members), members=all_members, fresh=members)

    def ended(self, own: _Own) -> str:
        """How it ended."""
        return own.end

    def _promoted(self, problem: Problem, archive: Archive, own: _Own) -> _Own:
        """The best of a rung, on the next one."""
        means = posterior_means(archive)
        ranked = sorted((c for c in own.members if c.id in means), key=lambda c: -means[c.id])
        kept = tuple(ranked[: own.bracket.field(own.rung + 1, own.entered)])
        return self._asked(problem, archive, replace(own, members=kept, rung=own.rung + 1), kept)

    def _asked(self, problem: Problem, archive: Archive, own: _Own, members: tuple[Candidate, ...]) -> _Own:
        """With the asks that bring members to the present rung."""
        place = f"bracket {own.number + 1}, " if len(own.plan.brackets) > 1 else ""
        rungs = own.bracket.rungs
        note = f"{place}rung {own.rung + 1} of {len(rungs)}: {len(members)} on {rungs[own.rung]}"
        first = rungs[own.rung - 1] if own.rung else 0
        return replace(own, queue=to_rung(problem, archive, members, first, rungs[own.rung], note))

    def _closed(self, own: _Own) -> _Own:
        """The bracket is over."""
        done, sweeps = own.number + 1, own.plan.sweeps
        end = ""
        if own.over:
            end = "everything was tried"
        elif sweeps is not None and done >= sweeps * len(own.plan.brackets):
            end = f"all {done} brackets are over" if done > 1 else "the bracket is over"
        return _Own(own.plan, done, over=own.over, end=end)


@dataclass(frozen=True, slots=True)
class SuccessiveHalving(Hyperband):
    """One bracket: all candidates on a few examples, and the best of ``eta`` on ``eta`` times as many.

    It bets on differences that few examples show; :class:`Hyperband` hedges that bet.

    Args:
        entrants: how many begin, at least 2; ``None`` as many as the budget pays, 27 without one.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter
    optimization" (2016), algorithm 1.
    """

    entrants: int | None = None

    def __post_init__(self) -> None:
        _check(self.eta, self.fewest, self.repeats, self.sweeps, self.batch, self.lanes)
        if self.entrants is not None and self.entrants < 2:
            raise SpaceError(f"entrants is {self.entrants}; give at least 2, or None")

    def plan(self, problem: Problem) -> Plan:
        """The one bracket that cuts most."""
        budget = self.lanes if self.lanes is not None else problem.lanes
        most = problem.n_examples * self.repeats
        wanted = self.entrants or (27 if budget is None else None)
        if wanted is not None:
            halvings = math.floor(math.log(wanted, self.eta) + 1e-9)
            fewest = max(self.fewest, math.ceil(most / self.eta**halvings))
            rungs = planned(most, None, self.eta, fewest).brackets[0].rungs
            bracket = Bracket(wanted, rungs, self.eta)
            if budget is None or bracket.cost <= budget:
                return Plan((bracket,), 1)
        assert budget is not None
        brackets = planned(most, budget, self.eta, self.fewest).brackets
        rungs = brackets[0].rungs
        bracket = Bracket(2, rungs, self.eta)
        while Bracket(bracket.entrants + 1, rungs, self.eta).cost <= budget:
            bracket = replace(bracket, entrants=bracket.entrants + 1)
        if wanted is not None:
            bracket = replace(bracket, entrants=min(wanted, bracket.entrants))
        return Plan((bracket,) if bracket.cost <= budget else brackets[:1], 1)


def _check(eta: float, fewest: int, repeats: int, sweeps: int | None, batch: int, lanes: int | None) -> None:
    counts = (fewest, repeats, batch, 1 if sweeps is None else sweeps, 1 if lanes is None else lanes)
    if not eta > 1 or min(counts) < 1:
        raise SpaceError(
            f"halving needs eta > 1 and fewest, repeats, batch, sweeps and lanes >= 1, but got {eta}, "
            f"{fewest}, {repeats}, {batch}, {sweeps} and {lanes}"
        )
