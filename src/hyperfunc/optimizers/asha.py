"""Asynchronous successive halving: a candidate is promoted as soon as it is among the best of its rung."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask
from hyperfunc.optimizers.effects import posterior_means
from hyperfunc.optimizers.rungs import to_rung
from hyperfunc.optimizers.search import Enter, Scheduler

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["ASHA"]


@dataclass(frozen=True, slots=True)
class _Own:
    """Where it stands.

    Args:
        reached: by id, the rung that a candidate has finished, or -1.
        going: by id, the rung that it is on its way to, and how many answers are missing.
        members: by id.
        waiting: those who entered and were not asked about yet.
        queue: asks that are still to be made.
        used: cells that were asked for.
        over: the proposer has no more candidates.
        end: why nothing new begins; empty while something may.
    """

    reached: Mapping[str, int] = field(default_factory=dict)
    going: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    members: Mapping[str, Candidate] = field(default_factory=dict)
    waiting: tuple[Candidate, ...] = ()
    queue: tuple[Ask, ...] = ()
    used: int = 0
    over: bool = False
    end: str = ""


@dataclass(frozen=True, slots=True)
class ASHA(Scheduler):
    """Promotes without waiting for a rung to fill, so that no worker is idle behind a slow candidate.

    A candidate that is among the best of ``eta`` of those who finished its rung goes on to ``eta`` times
    the examples; when there is none, a new candidate enters. Where answers come one at a time it does the
    same, one after the other.

    Args:
        eta: one of so many is promoted, above 1.
        fewest: examples of the lowest rung, at least 1.
        repeats: how often the examples may be gone through, each time under new luck, at least 1.
        width: candidates under way at once, at least 1.
        lanes: cells it may fill; ``None`` takes what the budget pays.

    Raises:
        SpaceError: a setting out of its range.

    Example::

        Search(Random(), ASHA())

    Source: Li et al., "A system for massively parallel hyperparameter tuning" (2020), algorithm 2.
    """

    eta: float = 3.0
    fewest: int = 4
    repeats: int = 1
    width: int = 8
    lanes: int | None = None

    def __post_init__(self) -> None:
        if not self.eta > 1 or min(self.fewest, self.repeats, self.width, self.lanes or 1) < 1:
            raise SpaceError(
                f"ASHA needs eta > 1 and fewest, repeats, width and lanes >= 1, but got {self.eta}, "
                f"{self.fewest}, {self.repeats}, {self.width} and {self.lanes}"
            )

    @property
    def pipelined(self) -> bool:
        """It need not wait for answers."""
        return True

    def begin(self, problem: Problem) -> _Own:
        """Nobody has entered."""
        return _Own()

    def rungs(self, problem: Problem) -> tuple[int, ...]:
        """Examples behind a candidate after each rung."""
        most = problem.n_examples * self.repeats
        budget = self.lanes if self.lanes is not None else problem.lanes
        if budget is not None:
            most = max(1, min(most, max(min(most, self.fewest), math.floor(budget / (2 * self.eta)))))
        rungs = [min(most, self.fewest)]
        while rungs[-1] < most:
            size = rungs[-1] * self.eta
            # A last step that adds little is no rung of its own.
            rungs.append(most if size * self.eta**0.5 > most else math.floor(size))
        return tuple(rungs)

    def next(self, problem: Problem, archive: Archive, own: _Own) -> tuple[Ask | Enter | None, _Own]:
        """What waits, then who may be promoted, then somebody new."""
        if own.queue:
            return own.queue[0], replace(own, queue=own.queue[1:])
        if own.end or len(own.going) >= self.width:
            return None, own
        if own.waiting:
            member, own = own.waiting[0], replace(own, waiting=own.waiting[1:])
            return self._start(problem, archive, own, member, 0)
        rungs = self.rungs(problem)
        found = self._promotable(archive, own, len(rungs))
        if found is not None:
            return self._start(problem, archive, own, found, own.reached[found.id] + 1)
        return (None if own.over else Enter(1)), own

    def enter(self, own: _Own, members: tuple[Candidate, ...]) -> _Own:
        """They wait for their first ask."""
        known = {**own.members, **{member.id: member for member in members}}
        return replace(own, members=known, waiting=own.waiting + members, over=not members)

    def told(self, own: _Own, ask: Ask) -> _Own:
        """A candidate may have finished a rung."""
        reached, going = dict(own.reached), dict(own.going)
        for member in ask.population:
            rung, missing = going.pop(member.id)
            if missing > 1:
                going[member.id] = rung, missing - 1
            else:
                reached[member.id] = rung
        return replace(own, reached=reached, going=going)

    def ended(self, own: _Own) -> str:
        """How it ended."""
        return own.end or "everything was tried"

    def _promotable(self, archive: Archive, own: _Own, rungs: int) -> Candidate | None:
        """The best of the highest rung that has somebody to promote."""
        means = posterior_means(archive) if own.reached else {}
        for rung in range(rungs - 2, -1, -1):
            done = [name for name, reached in own.reached.items() if reached >= rung and name in means]
            best = sorted(done, key=lambda name: -means[name])[: math.floor(len(done) / self.eta)]
            for name in best:
                if own.reached[name] == rung and name not in own.going:
                    return own.members[name]
        return None

    def _start(
        self, problem: Problem, archive: Archive, own: _Own, member: Candidate, rung: int
    ) -> tuple[Ask | Enter | None, _Own]:
        """A candidate on its way to a rung."""
        rungs = self.rungs(problem)
        note = f"rung {rung + 1} of {len(rungs)}: a candidate on {rungs[rung]}"
        asks = to_rung(problem, archive, (member,), rungs[rung - 1] if rung else 0, rungs[rung], note)
        cells = sum(len(ask.examples) for ask in asks)
        budget = self.lanes if self.lanes is not None else problem.lanes
        if budget is not None and own.used + cells > budget:
            return None, replace(own, end="its budget is used up")
        if not asks:
            return self.next(problem, archive, replace(own, reached={**own.reached, member.id: rung}))
        going = {**own.going, member.id: (rung, len(asks))}
        return asks[0], replace(own, going=going, queue=asks[1:], used=own.used + cells)
