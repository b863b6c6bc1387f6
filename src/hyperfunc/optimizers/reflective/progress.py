"""What reflective evolution keeps: its pool, the trials under way, and what it has learnt about trying."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from hyperfunc.optimizers.proposers.base import Rejected

if TYPE_CHECKING:
    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.spaces import Candidate

__all__ = ["Cell", "Pool", "Progress", "Trial", "item_scores"]

Cell = tuple[str, int, int]
"""Candidate id, example, repeat."""

_REMEMBERED = 8


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt at something better.

    Args:
        number: tells it from the others of the run.
        parent: what the child is compared with.
        batch: examples that the proposer is shown, and the first that the child is tried on.
        fresh: those of them that were not chosen for how the parent did.
        names: of the knobs that are rewritten.
        stage: ``"look"`` until the parent is scored on the batch, ``"write"`` while the proposer works,
            ``"try"`` while the child is scored.
        child: that is tried, once there is one.
        validated: how many validation examples it has been tried on by now.
        parts: accepted children (with their parents) that it unites, for a merge.
    """

    number: int
    parent: Candidate
    batch: tuple[int, ...]
    fresh: frozenset[int] = frozenset()
    names: tuple[str, ...] = ()
    stage: Literal["look", "write", "try"] = "look"
    child: Candidate | None = None
    validated: int = 0
    parts: tuple[tuple[Candidate, Candidate], ...] = ()

    @property
    def scored(self) -> tuple[Candidate, ...]:
        """Whose scores the trial needs: of the parent, and of the child once there is one."""
        return (self.parent,) if self.child is None else (self.child, self.parent)


@dataclass(slots=True)
class Progress:
    """Everything that reflective evolution knows beside the archive.

    A method of the optimizer works on a copy of its own, so that states that were given out never change.

    Args:
        best: the head of the lineage of accepted candidates.
        members: accepted candidates by id, the start first; parents are chosen from them.
        trials: under way, by number.
        waiting: children that were accepted against a parent that is not the best, with that parent.
        in_flight: cells that were asked for and not answered.
        void: cells that were answered without a score.
        fair: by candidate, the examples it was scored on that were not chosen for how it or its parent did.
        tried: ids of all children.
        rejected: by knob, what was not taken and why; the newest last.
        gains: of all trials that are over, as far as they are known.
        squares: sum of squared paired differences, and how many there were.
        credits: by knob, the sum of the gains of children that changed it, and how many there were.
        turns: by candidate, how many proposals were made from it and its forebears.
        objectives: by candidate and example, further scores by name.
        drawn: fresh examples that were drawn so far.
        number: of the next trial.
        consulted: consultations so far.
        fruitless: consultations in a row that brought nothing to try.
        refusal: why the last consultation's proposals were not used; empty when none was refused.
        idle: batches in a row in which nothing was left to improve.
    """

    best: Candidate
    members: dict[str, Candidate]
    trials: dict[int, Trial] = field(default_factory=dict)
    waiting: tuple[tuple[Candidate, Candidate], ...] = ()
    in_flight: frozenset[Cell] = frozenset()
    void: frozenset[Cell] = frozenset()
    fair: dict[str, frozenset[int]] = field(default_factory=dict)
    tried: frozenset[str] = frozenset()
    rejected: dict[str, tuple[Rejected, ...]] = field(default_factory=dict)
    gains: tuple[float, ...] = ()
    squares: tuple[float, float] = (0.0, 0.0)
    credits: dict[str, tuple[float, int]] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    objectives: dict[str, dict[int, Mapping[str, float]]] = field(default_factory=dict)
    drawn: int = 0
    number: int = 0
    consulted: int = 0
    fruitless: int = 0
    refusal: str = ""
    idle: int = 0

    def copy(self) -> Progress:
        """One that can be changed."""
        return replace(
            self, members=dict(self.members), trials=dict(self.trials), fair=dict(self.fair),
            rejected=dict(self.rejected), credits=dict(self.credits), turns=dict(self.turns),
            objectives=dict(self.objectives),
        )  # fmt: skip

    def remember(self, name: str, rejected: Rejected) -> None:
        """Keep what was not taken; only the last few, for a proposer reads them all."""
        self.rejected[name] = (*self.rejected.get(name, ()), rejected)[-_REMEMBERED:]


@dataclass(frozen=True, slots=True)
class Pool:
    """What those see who choose parents.

    Args:
        best: the head of the lineage of accepted candidates.
        members: accepted candidates, the start first.
        scores: by id, the score on each example, averaged over repeats.
        objectives: by id and example, further scores by name; empty for most metrics.
    """

    best: Candidate
    members: tuple[Candidate, ...]
    scores: Mapping[str, Mapping[int, float]]
    objectives: Mapping[str, Mapping[int, Mapping[str, float]]]

    @classmethod
    def of(cls, progress: Progress, archive: Archive) -> Pool:
        """The pool as it is now."""
        scores = {name: item_scores(archive, name) for name in progress.members}
        return cls(progress.best, tuple(progress.members.values()), scores, progress.objectives)

    def mean(self, candidate: Candidate) -> float:
        """Mean over the examples that a candidate was scored on; 0 when there are none."""
        scores = self.scores[candidate.id]
        return sum(scores.values()) / len(scores) if scores else 0.0


def item_scores(archive: Archive, candidate: str, items: Iterable[int] | None = None) -> dict[int, float]:
    """By example, a candidate's score averaged over repeats.

    Args:
        archive: of the run.
        candidate: its id.
        items: those that are wanted; all by default.
    """
    wanted = None if items is None else frozenset(items)
    sums: dict[int, tuple[float, int]] = {}
    for (examples, _), score in archive.scores.get(candidate, {}).items():
        item = examples[0]
        if wanted is None or item in wanted:
            total, count = sums.get(item, (0.0, 0))
            sums[item] = (total + score, count + 1)
    return {item: total / count for item, (total, count) in sums.items()}
