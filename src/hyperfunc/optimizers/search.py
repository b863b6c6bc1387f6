"""A search in three parts: what to try, which cells to fill, and what to recommend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.base import Ask, Delegate, Optimizer
from hyperfunc.optimizers.effects import posterior_order

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem, State, Told
    from hyperfunc.spaces import Candidate

__all__ = ["Enter", "Proposer", "Scheduler", "Search"]


@dataclass(frozen=True, slots=True)
class Enter:
    """A scheduler's wish for new candidates.

    Args:
        count: how many, at least 1; it may get fewer, and none when the proposer has no more.
    """

    count: int


class Proposer(Delegate):
    """Says what to try next. On its own it is a search that tries everything on the same examples.

    Like an optimizer it is a frozen record of settings, and its methods are functions of their arguments.
    """

    @abstractmethod
    def propose(
        self, problem: Problem, archive: Archive, own: Any, count: int, known: frozenset[str]
    ) -> tuple[tuple[Candidate, ...], Any]:
        """New candidates, and what the proposer keeps.

        Args:
            problem: what it works on.
            archive: every score so far.
            own: what it kept, ``None`` at first.
            count: how many are wanted, at least 1.
            known: ids of candidates that were proposed before, whether they are scored by now or not.

        Returns:
            at most ``count`` candidates that are all different and not known; none when there are no more.
        """

    def order(self, problem: Problem, archive: Archive) -> tuple[Candidate, ...]:
        """Measured candidates best first, by a model of the scores; empty for a proposer without one."""
        return ()

    def inner(self) -> Optimizer:
        """A search over all examples."""
        from hyperfunc.optimizers.fixed import Fixed

        return Search(self, Fixed())


class Scheduler(ABC):
    """Says which cells to fill, and when enough is known."""

    @property
    def decides(self) -> bool:
        """Whether its own comparisons say what to recommend, even where the proposer has a model."""
        return False

    @property
    def pipelined(self) -> bool:
        """Whether it may be asked again before earlier asks are answered."""
        return False

    def told(self, own: Any, ask: Ask) -> Any:
        """What it keeps when an ask was answered."""
        return own

    @abstractmethod
    def begin(self, problem: Problem) -> Any:
        """What it keeps before the first ask."""

    @abstractmethod
    def next(self, problem: Problem, archive: Archive, own: Any) -> tuple[Ask | Enter | None, Any]:
        """Cells to fill, a wish for new candidates, or ``None`` at the end; and what it keeps."""

    @abstractmethod
    def enter(self, own: Any, members: tuple[Candidate, ...]) -> Any:
        """What it keeps when its wish was met; ``members`` is empty when there are no more candidates."""

    def recommend(self, problem: Problem, archive: Archive, own: Any) -> tuple[Candidate, ...]:
        """Best first, by posterior mean less half a standard deviation."""
        return posterior_order(archive) or (problem.start,)

    def ended(self, own: Any) -> str:
        """Why :meth:`next` gave ``None``."""
        return "everything was tried"


@dataclass(frozen=True, slots=True)
class _Own:
    """What both parts keep, and which candidates there are."""

    schedule: Any
    proposals: Any = None
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Search(Optimizer):
    """A proposer and a scheduler as one optimizer; every proposer works with every scheduler.

    The start is the first to be tried.

    Args:
        proposer: says what to try.
        scheduler: says which cells to fill.

    Example::

        Search(Random(64), Racing())
    """

    proposer: Proposer
    scheduler: Scheduler

    @property
    def pipelined(self) -> bool:
        """As the scheduler."""
        return self.scheduler.pipelined

    def _init(self, problem: Problem) -> _Own:
        return _Own(self.scheduler.begin(problem))

    def _ask(self, state: State) -> tuple[Ask | None, _Own]:
        problem, archive, own = state.problem, state.archive, state.own
        while True:
            move, schedule = self.scheduler.next(problem, archive, own.schedule)
            own = replace(own, schedule=schedule)
            if not isinstance(move, Enter):
                return move, own
            members: tuple[Candidate, ...] = () if own.known else (problem.start,)
            proposals, known = own.proposals, own.known | {member.id for member in members}
            if (left := move.count - len(members)) > 0:
                fresh, proposals = self.proposer.propose(problem, archive, proposals, left, known)
                members += fresh
            own = _Own(self.scheduler.enter(schedule, members), proposals, known | {m.id for m in members})

    def _tell(self, state: State, ask: Ask, told: Told) -> _Own:
        own: _Own = state.own
        return replace(own, schedule=self.scheduler.told(own.schedule, ask))

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        if not self.scheduler.decides and (best := self.proposer.order(state.problem, state.archive)):
            return best
        return self.scheduler.recommend(state.problem, state.archive, state.own.schedule)

    def ended(self, state: State) -> str:
        """What the scheduler says."""
        return self.scheduler.ended(state.own.schedule)
