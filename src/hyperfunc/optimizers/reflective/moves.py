"""The steps of reflective evolution: what to ask next, and what answers bring."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hyperfunc.optimizers.base import Ask, Consult
from hyperfunc.optimizers.proposers.base import Proposed, Rejected

from .judging import Judging
from .progress import Pool, Trial
from .view import View

if TYPE_CHECKING:
    import numpy as np

    from hyperfunc.optimizers.base import Told
    from hyperfunc.spaces import Candidate

__all__ = ["Moves"]

# Work that waits for each worker, in cells, beyond which no proposal begins.
_AHEAD = 3.0
# Up to so many proposals under way at once, nothing else begins while children are tried.
_SETTLES = 12


class Moves:
    """One step.

    A trial goes from ``"look"`` (its parent is scored on a batch) over ``"write"`` (a proposer is consulted)
    to ``"try"`` (its child is scored until it is accepted or given up). A merge begins with ``"try"``.

    Args:
        view: of what is known; its progress is changed in place.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.progress = view.progress
        self.settings = view.settings
        self.judging = Judging(view)

    # What to do next

    def next(self, load: float) -> Ask | None:
        """The next ask; ``None`` while answers are awaited, or at the end."""
        for trial in list(self.progress.trials.values()):
            if (ask := self._advance(trial)) is not None:
                return ask
        while (begun := self._begin(load)) is not None:
            if (ask := self._advance(begun)) is not None:
                return ask
        return None

    def _begin(self, load: float) -> Trial | None:
        """A further trial, if there is room for one."""
        progress = self.progress
        merging = [trial for trial in progress.trials.values() if trial.parts]
        under_way = len(progress.trials) - len(merging)
        pace = self.settings.pace.proposals(progress.gains, self.settings.workers)
        tried = [trial for trial in progress.trials.values() if trial.stage == "try"]
        # Few at a time settle before anything is built on them: one merge for all, and no stale parents.
        settles = pace <= _SETTLES
        while progress.waiting and not merging and not (settles and tried):
            if (merge := self._merge()) is not None:
                return merge
        if settles and tried:
            return None
        if under_way >= pace or load >= _AHEAD or self.is_exhausted:
            return None
        return self._propose()

    @property
    def is_exhausted(self) -> bool:
        """Whether no further proposal is to be made: none is allowed, or they have long brought nothing."""
        progress, most = self.progress, self.settings.max_proposals
        looking = sum(trial.stage == "look" for trial in progress.trials.values())
        if most is not None and progress.consulted + looking >= most:
            return True
        return max(progress.fruitless, progress.idle) >= self.settings.patience

    def _propose(self) -> Trial:
        """A trial of a proposal."""
        progress, settings = self.progress, self.settings
        rng = self.view.rng("trial")
        parent = settings.parents.choose(Pool.of(progress, self.view.archive), rng)
        turn = progress.turns.get(parent.id, 0)
        progress.turns[parent.id] = turn + 1
        learnable = settings.names_of(self.view.problem.space)
        names = settings.components.choose(learnable, turn, progress.credits, rng)
        batch, fresh = self._batch(parent, rng)
        return self._open(parent, batch, fresh, names)

    def _merge(self) -> Trial | None:
        """A trial of the best candidate with what others found; ``None`` when that is nothing new."""
        progress, merging = self.progress, self.settings.merging
        rng, best = self.view.rng("merge"), progress.best
        together = 1 if merging is None else len(progress.waiting)
        parts, progress.waiting = progress.waiting[:together], progress.waiting[together:]
        child = parts[-1][1] if merging is None else merging.merge(best, parts, rng)
        if child == best or (merging is not None and child.id in progress.tried):
            return None
        progress.tried |= {child.id}
        batch, fresh = self._batch(best, rng)
        trial = self._open(best, batch, fresh, tuple(change.name for change in best.diff(child)))
        progress.trials[trial.number] = replace(trial, stage="try", child=child, parts=parts)
        return progress.trials[trial.number]

    def _open(
        self, parent: Candidate, batch: tuple[int, ...], fresh: frozenset[int], names: tuple[str, ...]
    ) -> Trial:
        progress = self.progress
        trial = Trial(progress.number, parent, batch, fresh, names)
        progress.number += 1
        progress.trials[trial.number] = trial
        self.view.add_fair(parent, fresh)
        return trial

    def _batch(self, parent: Candidate, rng: np.random.Generator) -> tuple[tuple[int, ...], frozenset[int]]:
        train = self.view.train
        scores = self.view.scores(parent, train)
        failing = {item: score for item, score in scores.items() if score < self.settings.perfect}
        seed = self.view.problem.seed
        batch = self.settings.batches.draw(train, failing, self.progress.drawn, seed, rng)
        self.progress.drawn = batch.drawn
        return batch.items, batch.fresh

    # How trials go on

    def _advance(self, trial: Trial) -> Ask | None:
        """What a trial wants; ``None`` while it waits, and when it is over."""
        while trial.number in self.progress.trials:
            trial = self.progress.trials[trial.number]
            if trial.stage == "write":
                return None
            if (ask := self._missing(trial)) is not None:
                return ask
            if self._awaits(trial):
                return None
            if trial.child is None:
                return self._consult(trial)
            self.judging.judge(trial, trial.child)
        return None

    def _settle(self, trial: Trial) -> None:
        """Judge a child as long as all that its trial is about is known."""
        while trial.child is not None and not self._awaits(trial) and not self._wanted(trial):
            self.judging.judge(trial, trial.child)
            if trial.number not in self.progress.trials:
                return
            trial = self.progress.trials[trial.number]

    def _awaits(self, trial: Trial) -> bool:
        """Whether scores that a trial needs are under way."""
        return self.view.awaits(trial.scored, self.view.items(trial))

    def _wanted(self, trial: Trial) -> tuple[Candidate, int, tuple[int, ...]] | None:
        """Scores that a trial needs and that nobody has asked for: of whom, the repeat, and the examples."""
        items = self.view.items(trial)
        for candidate in trial.scored:
            for repeat in range(self.settings.repeats):
                if absent := self.view.absent(candidate, items, repeat):
                    return candidate, repeat, absent
        return None

    def _missing(self, trial: Trial) -> Ask | None:
        """An ask for scores that nobody has asked for."""
        if (wanted := self._wanted(trial)) is None:
            return None
        candidate, repeat, items = wanted
        self.progress.in_flight |= {(candidate.id, item, repeat) for item in items}
        note = "look" if trial.child is None else "merge" if trial.parts else "try"
        return Ask((candidate,), items, repeat, note=note, tag=trial.number)

    def _consult(self, trial: Trial) -> Ask | None:
        """The wish for a child; none when the parent leaves nothing to improve on the batch."""
        progress, settings = self.progress, self.settings
        scores = self.view.scores(trial.parent, trial.batch)
        if all(score >= settings.perfect for score in scores.values()):
            del progress.trials[trial.number]
            progress.idle += 1
            return None
        progress.idle = 0
        number = progress.consulted
        progress.consulted += 1
        progress.trials[trial.number] = replace(trial, stage="write")
        others = [member for member in progress.members.values() if member != trial.parent]
        consult = Consult(
            proposer=settings.writer,
            parents=(trial.parent, *others[max(0, len(others) - settings.others) :]),
            names=trial.names,
            examples=tuple(sorted(scores, key=lambda item: (scores[item], item))),
            rejected={name: progress.rejected[name] for name in trial.names if name in progress.rejected},
            number=number,
            share=settings.share,
            perfect=settings.perfect,
            screen=settings.screen,
        )
        return Ask((), trial.batch, note="write", consult=consult, tag=trial.number)

    # What answers bring

    def told(self, ask: Ask, told: Told) -> None:
        """Take an answer in that is in the archive already."""
        progress = self.progress
        if ask.consult is not None:
            self._written(progress.trials[ask.tag], told.proposed or Proposed())
            return
        assert told.scores_KN is not None
        (candidate,) = ask.population
        cells = [(candidate.id, item, ask.repeat) for item in ask.examples]
        progress.in_flight -= frozenset(cells)
        scores = zip(cells, told.scores_KN[0].tolist(), strict=True)
        progress.void |= {cell for cell, score in scores if math.isnan(score)}
        for place, item in enumerate(ask.examples):
            if objectives := _objectives(told.details(0, place)):
                rows = progress.objectives.get(candidate.id, {})
                progress.objectives[candidate.id] = {**rows, item: objectives}
        # At once, and not when the next ask is due: after the last answer there is none.
        for trial in list(progress.trials.values()):
            self._settle(trial)

    def _written(self, trial: Trial, proposed: Proposed) -> None:
        """Children come out of a consultation: the first goes on with its trial, the others get their own."""
        progress = self.progress
        del progress.trials[trial.number]
        for reason in proposed.refused:
            name, _, why = reason.partition(": ")
            if name in trial.names:
                # What a screen has refused is not shown to a model again; why it was refused is.
                progress.remember(name, Rejected("(not shown)", trial.parent[name], why))
        children = dict.fromkeys(trial.parent.replace(changes) for changes in proposed.changes)
        fresh = [c for c in children if c != trial.parent and c.id not in progress.tried]
        for place, child in enumerate(fresh):
            number = trial.number
            if place:
                number, progress.number = progress.number, progress.number + 1
            progress.trials[number] = replace(trial, number=number, stage="try", child=child)
        progress.tried |= {child.id for child in fresh}
        progress.fruitless = 0 if fresh else progress.fruitless + 1
        progress.refusal = proposed.refused[-1] if proposed.refused else ""


def _objectives(details: Mapping[str, Any]) -> Mapping[str, float]:
    """Finite scores by name, from the details of a metric."""
    given = details.get("objectives", details.get("objective_scores"))
    if not isinstance(given, Mapping):
        return {}
    numbers = {str(name): value for name, value in given.items() if isinstance(value, int | float)}
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}
