"""Racing: those still in the race meet the same examples under the same luck, and the worst drop out."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.evaluation.statistics import log_capitals
from hyperfunc.optimizers.base import Ask
from hyperfunc.optimizers.effects import posterior_means, posterior_order
from hyperfunc.optimizers.rungs import example_row
from hyperfunc.optimizers.search import Enter, Scheduler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["Racing"]

_BLOCK = 8
"""Examples of the first round when nothing limits the race."""


@dataclass(frozen=True, slots=True)
class _Own:
    """How a race stands.

    Args:
        alive: those in the race.
        entrants: how many there were.
        place: how far it has come in the endless row of examples.
        used: cells that were asked for.
        rounds: that were run.
        end: why it is over; empty while it is not.
    """

    alive: tuple[Candidate, ...] = ()
    entrants: int = 0
    place: int = 0
    used: int = 0
    rounds: int = 0
    end: str = ""


@dataclass(frozen=True, slots=True)
class Racing(Scheduler):
    """Lets candidates race on the same examples, and spends on those that may still win.

    Two rules take candidates out after every round. Evidence: one that cannot be better than the leader by
    more than ``epsilon`` leaves; over a whole race the best is lost to this rule with a chance of at most
    ``1 - level``, however often it looks. Money: with a limited budget rounds are of equal cost and the
    worse half leaves after each (sequential halving), by posterior mean, for a budget that is spread evenly
    over all tells nobody apart. The race ends when one is left, when the budget or the examples are used
    up, or when a round can no longer be paid.

    Args:
        entrants: at most so many are let in, at least 2; fewer when the budget could not give each
            ``fewest`` examples.
        level: of the evidence, in (0, 1).
        epsilon: differences that do not matter, in units of the score, at least 0.
        eta: by what factor the field shrinks from round to round when money is short, above 1.
        finalists: so many run the last round, at least 2.
        fewest: examples that each entrant shall get on average, at least 1.
        repeats: how often the examples may be gone through, each time under new luck; at least 1. More than
            1 helps only when the program's answers vary.
        lanes: cells the race may fill; ``None`` takes what the budget pays.

    Source: sequential halving: Karnin, Koren and Somekh, "Almost optimal exploration in multi-armed
    bandits" (2013), algorithm 1; for prompts, Shi et al., "Best arm identification for prompt learning
    under a limited budget" (2024). Evidence: tests by betting on paired differences, Waudby-Smith and
    Ramdas (2024), with the level divided among the rivals of the best.
    """

    entrants: int = 32
    level: float = 0.95
    epsilon: float = 0.0
    eta: float = 2.0
    finalists: int = 3
    fewest: int = 4
    repeats: int = 1
    lanes: int | None = None

    def __post_init__(self) -> None:
        if self.entrants < 2 or self.finalists < 2 or min(self.fewest, self.repeats) < 1 or self.eta <= 1:
            raise SpaceError(
                "a race needs entrants >= 2, finalists >= 2, fewest >= 1, repeats >= 1 and eta > 1, but got "
                f"{self.entrants}, {self.finalists}, {self.fewest}, {self.repeats} and {self.eta}"
            )
        if not (0 < self.level < 1 and 0 <= self.epsilon < 1):
            raise SpaceError(
                f"a race needs level in (0, 1) and epsilon in [0, 1), but got {self.level} and {self.epsilon}"
            )

    @property
    def decides(self) -> bool:
        """Those still in the race were told apart from the others on the same examples."""
        return True

    def begin(self, problem: Problem) -> _Own:
        """Before the start."""
        return _Own()

    def enter(self, own: _Own, members: tuple[Candidate, ...]) -> _Own:
        """Let them in; there is one wave of entrants."""
        return replace(own, alive=members, entrants=len(members))

    def next(self, problem: Problem, archive: Archive, own: _Own) -> tuple[Ask | Enter | None, _Own]:
        """The next round."""
        budget = self.lanes if self.lanes is not None else problem.lanes
        if not own.entrants:
            affordable = self.entrants if budget is None else budget // self.fewest
            return Enter(max(2, min(self.entrants, affordable))), own
        if own.rounds:
            own = self._reduced(problem, archive, own, budget)
        if not own.end:
            own, ask = self._round(problem, own, budget)
            if ask is not None:
                return ask, own
        return None, own

    def recommend(self, problem: Problem, archive: Archive, own: _Own) -> tuple[Candidate, ...]:
        """Those still in the race by posterior mean, then the others."""
        means = posterior_means(archive)
        alive = sorted((c for c in own.alive if c.id in means), key=lambda c: -means[c.id])
        rest = [c for c in posterior_order(archive) if c not in alive]
        return (*alive, *rest) or (problem.start,)

    def ended(self, own: _Own) -> str:
        """How the race ended."""
        return own.end

    def _reduced(self, problem: Problem, archive: Archive, own: _Own, budget: int | None) -> _Own:
        """Without those who have lost, and with the reason when that ends the race."""
        means = posterior_means(archive)
        ranked = sorted((c for c in own.alive if c.id in means), key=lambda c: -means[c.id])
        if not ranked:
            return replace(own, end="nobody in the race could be scored")
        # Beyond the first pass the examples are no longer new, and the evidence would count them twice.
        fresh = own.place <= problem.n_examples and problem.per_item
        alive = self._unbeaten(problem, archive, own, ranked) if fresh else ranked
        if len(alive) == 1:
            near = f" to within {self.epsilon:g}" if self.epsilon else ""
            end = f"the race is settled: its winner is the best{near}, at {self.level:.0%}"
            return replace(own, alive=tuple(alive), end=end)
        if self._is_short(problem, own, budget):
            kept = max(min(self.finalists, len(alive)), math.ceil(len(ranked) / self.eta))
            alive = alive[:kept]
        return replace(own, alive=tuple(alive))

    def _unbeaten(
        self, problem: Problem, archive: Archive, own: _Own, ranked: list[Candidate]
    ) -> list[Candidate]:
        """The leader, and all of which the evidence does not say that they are no better."""
        leader, rivals = ranked[0], ranked[1:]
        alpha = (1 - self.level) / max(1, own.entrants - 1)
        row = self._row(problem, 0)[: own.place]
        kept = [leader]
        for rival in rivals:
            units = (1 + _by_group(archive, rival, leader, row, problem)) / 2
            _, down = log_capitals(units, (1 + self.epsilon) / 2, level=1 - alpha)
            if down.max(initial=0.0) < -math.log(alpha):
                kept.append(rival)
        return kept

    def _is_short(self, problem: Problem, own: _Own, budget: int | None) -> bool:
        """Whether the budget cannot give all entrants all examples."""
        return budget is not None and budget < own.entrants * problem.n_examples * self.repeats

    def _round(self, problem: Problem, own: _Own, budget: int | None) -> tuple[_Own, Ask | None]:
        """The next round, or why there is none."""
        total = problem.n_examples * self.repeats
        field = len(own.alive)
        if field < 2 and own.rounds:
            return replace(own, end="one candidate is left"), None
        if own.place >= total:
            end = f"all examples are used up, and {field} candidates are not told apart"
            return replace(own, end=end), None
        if self._is_short(problem, own, budget):
            assert budget is not None
            left = budget - own.used
            share = left // max(1, self._rounds(own.entrants) - own.rounds)
            size = max(1, share // field)
            if left < field:
                return replace(own, end=f"the race has used its budget; {field} candidates are left"), None
            size = min(size, left // field)
        else:
            size = max(_BLOCK, own.place)
        passes, at = divmod(own.place, problem.n_examples)
        size = min(size, problem.n_examples - at)
        row = self._row(problem, passes)[at : at + size]
        note = f"race, round {own.rounds + 1}: {field} of {own.entrants}"
        ask = Ask(own.alive, tuple(sorted(row)), passes, note)
        return replace(own, place=own.place + size, used=own.used + field * size, rounds=own.rounds + 1), ask

    def _rounds(self, entrants: int) -> int:
        """How many rounds it takes to get from all entrants to the finalists, with the last one."""
        return 1 + max(0, math.ceil(math.log(max(1.0, entrants / self.finalists), self.eta)))

    def _row(self, problem: Problem, passes: int) -> list[int]:
        """The examples in the order of one pass; those of a group follow each other."""
        return example_row(problem, passes)


def _by_group(
    archive: Archive, one: Candidate, other: Candidate, row: list[int], problem: Problem
) -> NDArray[np.float64]:
    """Mean differences of the groups that were met as a whole, in the order they were met."""
    mine, theirs = archive.scores.get(one.id, {}), archive.scores.get(other.id, {})
    groups = problem.groups or tuple(map(str, range(problem.n_examples)))
    sizes, met = Counter(groups), Counter(groups[n] for n in row)
    found: dict[str, list[float]] = {}
    for n in row:
        block = ((n,), 0)
        if block in mine and block in theirs and met[groups[n]] == sizes[groups[n]]:
            found.setdefault(groups[n], []).append(mine[block] - theirs[block])
    return np.array([sum(values) / len(values) for values in found.values()])
