"""Rungs over examples: nested prefixes of one shuffled row, and what brackets of them cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.optimizers.base import Ask
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

__all__ = ["Bracket", "Plan", "example_row", "planned", "to_rung"]


def example_row(problem: Problem, passes: int) -> list[int]:
    """The examples in the order of one pass; those of a group follow each other."""
    rng = generator(problem.seed, "race", passes)
    groups = problem.groups
    if groups is None:
        return [int(n) for n in rng.permutation(problem.n_examples)]
    names = sorted(set(groups))
    places = {names[int(n)]: place for place, n in enumerate(rng.permutation(len(names)))}
    return sorted(range(problem.n_examples), key=lambda n: (places[groups[n]], n))


@dataclass(frozen=True, slots=True)
class Bracket:
    """Successive halving once.

    Args:
        entrants: how many begin.
        rungs: examples behind a candidate after each rung, increasing.
        eta: one of so many is promoted.
    """

    entrants: int
    rungs: tuple[int, ...]
    eta: float

    def field(self, rung: int, entrants: int | None = None) -> int:
        """How many run a rung; at least one."""
        return max(1, math.floor((self.entrants if entrants is None else entrants) / self.eta**rung + 1e-9))

    @property
    def cost(self) -> int:
        """Cells of the whole bracket; a promoted candidate keeps those it has."""
        steps = zip((0, *self.rungs), self.rungs, strict=False)
        return sum(self.field(rung) * (last - first) for rung, (first, last) in enumerate(steps))


@dataclass(frozen=True, slots=True)
class Plan:
    """Brackets of about equal cost, and how often to go through them; ``None`` is without end."""

    brackets: tuple[Bracket, ...]
    sweeps: int | None


def planned(most: int, budget: int | None, eta: float, fewest: int) -> Plan:
    """Hyperband's brackets, the one that cuts most first.

    A budget is split evenly over the brackets. When it could not give ``eta`` candidates the most examples
    in every bracket, there are fewer brackets, and in them fewer examples at the top.

    Args:
        most: examples that a candidate can have, repeats included, at least 1.
        budget: cells in all; ``None`` for no limit.
        eta: one of so many is promoted, above 1.
        fewest: examples of the lowest rung, at least 1.

    Source: Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization" (2018),
    algorithm 1.
    """
    halvings = max(0, math.floor(math.log(max(1.0, most / fewest), eta) + 1e-9))
    if budget is None:
        brackets = tuple(
            Bracket(math.ceil((halvings + 1) / (s + 1) * eta**s - 1e-9), _rungs(most, s, eta), eta)
            for s in range(halvings, -1, -1)
        )
        return Plan(brackets, None)
    top = max(1, min(most, fewest, budget // 2))
    for s in range(halvings, -1, -1):
        affordable = min(most, math.floor(budget / (s + 1) / eta))
        if affordable >= fewest * eta**s:
            halvings, top = s, affordable
            break
    else:
        halvings = 0
    count = halvings + 1
    sweeps = max(1, budget // (count * count * top)) if count > 1 else 1
    share = budget // (count * sweeps)
    brackets = tuple(_filled(_rungs(top, s, eta), eta, share) for s in range(halvings, -1, -1))
    return Plan(brackets, sweeps)


def _rungs(top: int, halvings: int, eta: float) -> tuple[int, ...]:
    sizes = [max(1, round(top / eta ** (halvings - rung))) for rung in range(halvings + 1)]
    return tuple(dict.fromkeys(sizes))


def _filled(rungs: tuple[int, ...], eta: float, share: int) -> Bracket:
    """The bracket with the most entrants that a share of the budget pays."""
    low, high = 1, max(1, share // rungs[0])
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if Bracket(middle, rungs, eta).cost <= share else (low, middle - 1)
    while len(rungs) > 1 and Bracket(low, rungs, eta).cost > share:
        rungs = rungs[:-1]
    return Bracket(low, rungs, eta)


def to_rung(
    problem: Problem, archive: Archive, members: Sequence[Candidate], first: int, last: int, note: str
) -> tuple[Ask, ...]:
    """Asks for what members lack of the places ``first`` to ``last`` of the endless row of examples.

    Args:
        problem: whose examples they are; each pass through them is a repeat.
        archive: cells that are known already are not asked for again.
        members: candidates of the rung.
        first: place before the rung.
        last: place after it.
        note: for the history.
    """
    asks: list[Ask] = []
    while first < last:
        repeat, at = divmod(first, problem.n_examples)
        size = min(last - first, problem.n_examples - at)
        examples = tuple(sorted(example_row(problem, repeat)[at : at + size]))
        wanting: dict[tuple[int, ...], list[Candidate]] = {}
        for member in members:
            known = archive.scores.get(member.id, {})
            lacks = tuple(n for n in examples if ((n,), repeat) not in known)
            if (examples, repeat) not in known and lacks:
                wanting.setdefault(lacks, []).append(member)
        asks += [Ask(tuple(those), lacks, repeat, note) for lacks, those in wanting.items()]
        first += size
    return tuple(asks)
