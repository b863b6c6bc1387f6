"""Before a model can say anything: candidates that fill the space evenly, and how many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hyperfunc.optimizers.bayes.encoding import Encoding
from hyperfunc.optimizers.sobol import SOBOL_DIMS, Sobol
from hyperfunc.rng import generator

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate, Space

__all__ = ["MOST_FIRST", "evenly", "first_points", "without_score"]

MOST_FIRST = 20


def first_points(space: Space) -> int:
    """Three more than twice the number of knobs that matter at once, at most 20."""
    return min(MOST_FIRST, 2 * Encoding.of(space).at_once() + 3)


def evenly(
    problem: Problem,
    archive: Archive,
    place: tuple[int, int] | None,
    turn: int,
    count: int,
    known: frozenset[str],
) -> tuple[tuple[Candidate, ...], tuple[int, int] | None]:
    """The next evenly spread candidates, and where the sequence stands; random ones where it has no more.

    Args:
        problem: what is worked on.
        archive: every score so far.
        place: where the sequence stood, ``None`` at first.
        turn: how often the proposer was asked; random ones depend on it.
        count: how many are wanted.
        known: ids of candidates that were proposed before.
    """
    if problem.space.unit_dim <= SOBOL_DIMS:
        return Sobol().propose(problem, archive, place, count, known)
    units = generator(problem.seed, "bayes", "even", turn).random((2 * count, problem.space.unit_dim))
    found = {c.id: c for c in (problem.space.from_unit(u, problem.start) for u in units)}
    return tuple(c for name, c in found.items() if name not in known)[:count], place


def without_score(
    problem: Problem, archive: Archive, proposed: tuple[Candidate, ...]
) -> tuple[Candidate, ...]:
    """The start and those proposed, as far as no score of theirs is known."""
    return tuple(member for member in (problem.start, *proposed) if not archive.scores.get(member.id))
