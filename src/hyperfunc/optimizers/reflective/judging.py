"""What becomes of a child whose scores are there: it is accepted, given up, or tried on more examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hyperfunc.optimizers.proposers.base import Rejected

from .acceptance import Evidence
from .progress import Trial
from .view import View

if TYPE_CHECKING:
    from hyperfunc.spaces import Candidate

__all__ = ["Judging"]

# Before differences were seen, so many of them are taken to have this variance; later the last many count.
_FIRST_VARIANCE, _FIRST_WEIGHT, _MOST_WEIGHT = 0.15, 4.0, 200.0


class Judging:
    """Compares children with their parents.

    Args:
        view: of what is known; its progress is changed in place.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.progress = view.progress

    def judge(self, trial: Trial, child: Candidate) -> None:
        """End a trial, or let it go on with more validation examples."""
        view, progress = self.view, self.progress
        pairs = self._pairs(trial, child)
        evidence = self._evidence(trial, pairs)
        verdict = view.settings.acceptance.judge(evidence)
        more = min(verdict.more, evidence.left) if verdict.word == "more" else 0
        if more > 0:
            longer = replace(trial, validated=trial.validated + more)
            progress.trials[trial.number] = longer
            view.add_fair(trial.parent, view.validation(trial)[: longer.validated])
            return
        del progress.trials[trial.number]
        self._learn_variance([difference**2 for _, difference in pairs])
        self._credit(trial, child, verdict.gain)
        progress.gains = (*progress.gains, verdict.gain)
        if verdict.word == "accept":
            self._accept(trial, child)
        else:
            self._reject(trial, child, verdict.gain, len(pairs))

    def _pairs(self, trial: Trial, child: Candidate) -> list[tuple[float, float]]:
        """For each example that both have: the parent's score, and the difference under the same luck."""
        scores = self.view.archive.scores
        mine, theirs = scores.get(child.id, {}), scores.get(trial.parent.id, {})
        items = self.view.items(trial)
        levels = self.view.scores(trial.parent, items)
        pairs = []
        for item in items:
            blocks = [((item,), repeat) for repeat in range(self.view.settings.repeats)]
            differences = [mine[b] - theirs[b] for b in blocks if b in mine and b in theirs]
            if differences:
                pairs.append((levels[item], sum(differences) / len(differences)))
        return pairs

    def _evidence(self, trial: Trial, pairs: list[tuple[float, float]]) -> Evidence:
        view, perfect = self.view, self.view.settings.perfect
        fair = view.scores(trial.parent, self.progress.fair.get(trial.parent.id, frozenset()))
        failed = sum(score < perfect for score in fair.values())
        total, count = self.progress.squares
        return Evidence(
            failing=tuple(difference for score, difference in pairs if score < perfect),
            passing=tuple(difference for score, difference in pairs if score >= perfect),
            failing_share=(failed + 1) / (len(fair) + 2),
            variance=(_FIRST_VARIANCE * _FIRST_WEIGHT + total) / (_FIRST_WEIGHT + count),
            validated=trial.validated,
            left=len(view.validation(trial)) - trial.validated,
        )

    def _accept(self, trial: Trial, child: Candidate) -> None:
        progress = self.progress
        progress.members[child.id] = child
        progress.turns[child.id] = progress.turns.get(trial.parent.id, 0)
        self.view.add_fair(child, (*trial.fresh, *self.view.validation(trial)[: trial.validated]))
        if trial.parent == progress.best:
            progress.best = child
        else:
            progress.waiting = (*progress.waiting, (trial.parent, child))

    def _reject(self, trial: Trial, child: Candidate, gain: float, count: int) -> None:
        if trial.parts:
            # One of several may have spoilt the others; those that were accepted first get another chance.
            self.progress.waiting = (*self.progress.waiting, *trial.parts[: len(trial.parts) // 2])
            return
        reason = f"on {count} examples it changed the score by about {gain:+.3f}"
        for change in trial.parent.diff(child):
            self.progress.remember(change.name, Rejected(change.after, change.before, reason))

    def _credit(self, trial: Trial, child: Candidate, gain: float) -> None:
        for change in trial.parent.diff(child):
            total, count = self.progress.credits.get(change.name, (0.0, 0))
            self.progress.credits[change.name] = (total + gain, count + 1)

    def _learn_variance(self, squares: list[float]) -> None:
        total, count = self.progress.squares
        total, count = total + sum(squares), count + len(squares)
        if count > _MOST_WEIGHT:
            total, count = total * _MOST_WEIGHT / count, _MOST_WEIGHT
        self.progress.squares = (total, count)
