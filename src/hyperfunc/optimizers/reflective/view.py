"""What a step of reflective evolution reads: scores, cells, and the examples that a trial is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hyperfunc.rng import generator

from .batches import shuffled
from .progress import Progress, Trial, item_scores

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.optimizers.archive import Archive
    from hyperfunc.optimizers.base import Problem
    from hyperfunc.spaces import Candidate

    from .reflective import Reflective

__all__ = ["View"]


@dataclass(frozen=True, slots=True)
class View:
    """All that is known at a step.

    Args:
        settings: the optimizer.
        problem: what it works on.
        archive: every score so far.
        progress: what it keeps beside; those who hold a view may change it.
    """

    settings: Reflective
    problem: Problem
    archive: Archive
    progress: Progress

    @property
    def train(self) -> tuple[int, ...]:
        """Examples that a proposer may be shown."""
        held = frozenset(self.problem.validation)
        return tuple(item for item in range(self.problem.n_examples) if item not in held)

    def validation(self, trial: Trial) -> tuple[int, ...]:
        """Examples that a trial may be validated on, in an order of its own."""
        held = self.problem.validation or self.train
        order = shuffled(len(held), self.problem.seed, "reflective", "validation", trial.number)
        return tuple(held[place] for place in order if held[place] not in trial.batch)

    def items(self, trial: Trial) -> tuple[int, ...]:
        """Examples that a trial is about by now."""
        return (*trial.batch, *self.validation(trial)[: trial.validated])

    def scores(self, candidate: Candidate, items: Iterable[int]) -> dict[int, float]:
        """By example, the score averaged over repeats; without those that have none."""
        return item_scores(self.archive, candidate.id, items)

    def absent(self, candidate: Candidate, items: tuple[int, ...], repeat: int) -> tuple[int, ...]:
        """Examples on which a candidate has no score and never was asked for one."""
        known = self.archive.scores.get(candidate.id, {})
        in_flight, void = self.progress.in_flight, self.progress.void
        cells = ((candidate.id, i, repeat) for i in items if ((i,), repeat) not in known)
        return tuple(cell[1] for cell in cells if cell not in in_flight and cell not in void)

    def awaits(self, candidates: tuple[Candidate, ...], items: tuple[int, ...]) -> bool:
        """Whether cells of theirs are under way."""
        repeats = range(self.settings.repeats)
        cells = ((c.id, item, repeat) for c in candidates for item in items for repeat in repeats)
        return any(cell in self.progress.in_flight for cell in cells)

    def rng(self, what: str) -> np.random.Generator:
        """Luck of the next trial."""
        return generator(self.problem.seed, "reflective", what, self.progress.number)

    def add_fair(self, candidate: Candidate, items: Iterable[int]) -> None:
        """Examples on which a candidate is or will be scored, not chosen for how it or its parent did."""
        fair = self.progress.fair
        fair[candidate.id] = fair.get(candidate.id, frozenset()) | frozenset(items)
