"""Calibration: whether a judge tells known-good texts from known-bad ones, before it is believed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import JudgeNotTrusted, MetricError
from hyperfunc.evaluation.scorers import Scorer
from hyperfunc.evaluation.statistics import Interval, auc_interval
from hyperfunc.program.loops import finish

from .panel import names_of
from .studies import Sample, ajudge_texts, samples_of

__all__ = ["Calibration", "acalibrate", "calibrate"]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well a judge tells known-good texts from known-bad ones.

    Args:
        judge: its name.
        auc: how often a good text scores higher than a bad one, ties as halves, with its interval: 1 is
            perfect, 0.5 is chance.
        good, bad: scores in the order of the texts; ``None`` where missing.
        problems: why judgements are missing, each reason once.
    """

    judge: str
    auc: Interval
    good: tuple[float | None, ...]
    bad: tuple[float | None, ...]
    problems: tuple[str, ...] = ()

    @property
    def missing(self) -> float:
        """The share of texts that the judge gave no judgement of; of the worse of both sides."""
        return max(side.count(None) / len(side) for side in (self.good, self.bad))

    def trusted(self, auc: float = 0.8, *, low: float = 0.5, missing: float = 0.1) -> bool:
        """Whether :meth:`require` would let the judge pass."""
        return self._doubt(auc, low, missing) is None

    def require(self, auc: float = 0.8, *, low: float = 0.5, missing: float = 0.1) -> Calibration:
        """Refuse a judge that does not tell good from bad.

        Args:
            auc: the least area, in [0, 1].
            low: what the lower end of the area's interval must be above; 0.5 asks that chance is ruled out.
            missing: the largest share of texts, good or bad, that it may leave without a judgement.

        Returns:
            This calibration.

        Raises:
            JudgeNotTrusted: it falls short; the message says of what, and what to do.
        """
        doubt = self._doubt(auc, low, missing)
        if doubt is not None:
            raise JudgeNotTrusted(doubt)
        return self

    def _doubt(self, auc: float, low: float, missing: float) -> str | None:
        if self.missing > missing:
            return (
                f"the judge {self.judge} gave no judgement of {self.missing:.0%} of known texts and at most "
                f"{missing:.0%} may be missing: {'; '.join(self.problems)[:300]}"
            )
        found = self.auc.estimate
        if found < auc:
            return (
                f"the judge {self.judge} tells known-good texts from known-bad ones with an AUC of "
                f"{found:.2f} and {auc:.2f} is asked for; sharpen its rubric or take another model"
            )
        if self.auc.low <= low:
            return (
                f"the judge {self.judge} has an AUC of {found:.2f} on {len(self.good)} good and "
                f"{len(self.bad)} bad texts, whose interval begins at {self.auc.low:.2f} and must be above "
                f"{low:.2f}; give more known texts"
            )
        return None


def calibrate(judge: Scorer, good: Iterable[Any], bad: Iterable[Any], *, level: float = 0.95) -> Calibration:
    """Let a judge judge texts that are known to be good and known to be bad.

    Bad texts are easily made: drawn at a temperature of 2, cut off, shuffled, written for another prompt.

    Args:
        judge: a scorer, such as an :class:`LLMJudge` or a panel.
        good, bad: texts, or :class:`Sample` for texts with inputs, expectations and groups. Several texts
            of one group count as one when it comes to how sure the result is.
        level: of the interval, in (0, 1).

    Returns:
        The result; ``calibrate(...).require(auc=0.8)`` stops a program whose judge cannot be trusted.

    Raises:
        MetricError: one of the sides has no texts.
        JudgeFailed: one of the sides has not one judgement.

    Example::

        calibrate(judge, good=stories, bad=[shuffled(story) for story in stories]).require(auc=0.8)
    """
    return finish(acalibrate(judge, good, bad, level=level))


async def acalibrate(
    judge: Scorer, good: Iterable[Any], bad: Iterable[Any], *, level: float = 0.95
) -> Calibration:
    """:func:`calibrate`, for code that owns an event loop."""
    sides = [samples_of(good), samples_of(bad)]
    if not all(sides):
        raise MetricError(
            f"{len(sides[0])} good and {len(sides[1])} bad texts were given; give some of both, ten or more"
        )
    tables = [await ajudge_texts(judge, side) for side in sides]
    scores = [tuple(None if r is None else r.score for r in table.results_JN[0]) for table in tables]
    (good_scores, good_groups), (bad_scores, bad_groups) = (
        _known(row, side) for row, side in zip(scores, sides, strict=True)
    )
    auc = auc_interval(good_scores, bad_scores, groups_N=good_groups, groups_M=bad_groups, level=level)
    problems = tuple(dict.fromkeys(problem for table in tables for problem in table.problems))
    return Calibration(names_of([judge])[0], auc, scores[0], scores[1], problems)


def _known(row: tuple[float | None, ...], side: list[Sample]) -> tuple[list[float], list[Hashable]]:
    """Scores that are there, and the group of each; a sample without one is its own."""
    known = [(score, sample, place) for place, (score, sample) in enumerate(zip(row, side, strict=True))]
    there = [(score, sample, place) for score, sample, place in known if score is not None]
    return [s for s, _, _ in there], [
        ("alone", place) if sample.group is None else ("group", sample.group) for _, sample, place in there
    ]
