"""The plainest schedule: everything on the same examples, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.base import Ask
from hyperfunc.optimizers.generations import minibatch
from hyperfunc.optimizers.search import Enter, Scheduler

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["Fixed"]


@dataclass(frozen=True, slots=True)
class _Own:
    """Those that wait for their turn, how many had it, and whether more will come."""

    waiting: tuple[Candidate, ...] = ()
    tried: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class Fixed(Scheduler):
    """Tries every candidate on the same examples.

    Args:
        examples: how many of them; ``None`` takes all.
        batch: candidates of an ask, at least 1.
    """

    examples: int | None = None
    batch: int = 16

    def __post_init__(self) -> None:
        if self.batch < 1 or (self.examples is not None and self.examples < 1):
            raise SpaceError(f"batch is {self.batch} and examples {self.examples}; give at least 1 each")

    def begin(self, problem: Problem) -> _Own:
        """Nobody has entered."""
        return _Own()

    def next(self, problem: Problem, archive: Archive, own: _Own) -> tuple[Ask | Enter | None, _Own]:
        """Those who wait, or new ones."""
        if not own.waiting:
            return (None if own.over else Enter(self.batch)), own
        first, last = own.tried, own.tried + len(own.waiting)
        note = f"candidates {first} to {last - 1}" if first else "the start"
        ask = Ask(own.waiting, minibatch(problem, self.examples, "fixed"), 0, note)
        return ask, _Own((), last)

    def enter(self, own: _Own, members: tuple[Candidate, ...]) -> _Own:
        """They wait for the next ask."""
        return _Own(members, own.tried, not members)
