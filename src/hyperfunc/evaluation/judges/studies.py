"""Studies of judges: the same texts by several judges, and by one judge several times."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scorers import Scorer
from hyperfunc.evaluation.statistics import krippendorff_alpha
from hyperfunc.program.loops import finish
from hyperfunc.types import ScoreResult

from .asking import all_of
from .panel import judgement, names_of, reseeded

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Judgements", "Retest", "Sample", "ajudge_texts", "aretest", "judge_texts", "retest", "samples_of"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A text to be judged, with what it is about.

    Args:
        text: the output.
        inputs: of the task.
        expected: what the example expects, or ``None``.
        group: what it belongs to, such as its prompt; samples of one group are not independent.
    """

    text: Any
    inputs: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    group: Hashable = None


@dataclass(frozen=True, slots=True, eq=False)
class Judgements:
    """What J judges said about N texts.

    Args:
        judges: their names.
        results_JN: a result for each judge and text, ``None`` where it is missing.
        scores_JN: the scores of these, NaN where missing.
        problems: why judgements are missing, each reason once.
    """

    judges: tuple[str, ...]
    results_JN: tuple[tuple[ScoreResult | None, ...], ...]
    scores_JN: NDArray[np.float64]
    problems: tuple[str, ...]

    @property
    def missing(self) -> dict[str, int]:
        """How many judgements each judge did not give."""
        return {name: row.count(None) for name, row in zip(self.judges, self.results_JN, strict=True)}

    def means(self) -> NDArray[np.float64]:
        """The mean score of each of the N texts over those who judged it, NaN where nobody did."""
        there_JN = ~np.isnan(self.scores_JN)
        count_N = there_JN.sum(0)
        sums_N = np.where(there_JN, self.scores_JN, 0.0).sum(0)
        return np.where(count_N > 0, sums_N / np.maximum(count_N, 1), math.nan)

    def marks(self, criterion: str) -> NDArray[np.float64]:
        """The numbers ``[J, N]`` that judges gave on one criterion of their rubric, NaN where missing.

        Raises:
            MetricError: a judge's rubric has no such criterion.
        """
        return np.array([[_mark(r, criterion) for r in row] for row in self.results_JN])

    def alpha(self, level: str = "interval", *, criterion: str | None = None) -> float:
        """Krippendorff's alpha of the scores, or of the numbers on one criterion.

        Args:
            level: as in :func:`hyperfunc.evaluation.statistics.krippendorff_alpha`.
            criterion: of the rubric.

        Raises:
            MetricError: nothing to compare, or no such criterion.
        """
        values_JN = self.scores_JN if criterion is None else self.marks(criterion)
        return krippendorff_alpha(values_JN.tolist(), level)


@dataclass(frozen=True, slots=True, eq=False)
class Retest:
    """How far one judge agrees with itself.

    Args:
        scores_TN: of each draw of the judge and each text, NaN where missing.
        problems: why judgements are missing, each reason once.
    """

    scores_TN: NDArray[np.float64]
    problems: tuple[str, ...]

    @property
    def spread(self) -> float:
        """The standard deviation of a judgement around the judge's own mean of the same text.

        Raises:
            MetricError: no text was judged twice.
        """
        squares, freedom = 0.0, 0
        for column in self.scores_TN.T:
            known = column[~np.isnan(column)]
            if len(known) > 1:
                squares += float(np.sum((known - known.mean()) ** 2))
                freedom += len(known) - 1
        if not freedom:
            raise MetricError("no text was judged twice, so there is no spread to tell")
        return math.sqrt(squares / freedom)

    @property
    def alpha(self) -> float:
        """Krippendorff's alpha between the draws: the share of the spread that the texts explain.

        Raises:
            MetricError: no text was judged twice, or all scores are equal.
        """
        return krippendorff_alpha(self.scores_TN.tolist())

    @property
    def missing(self) -> int:
        """How many judgements the judge did not give."""
        return int(np.isnan(self.scores_TN).sum())


def judge_texts(judges: Scorer | Sequence[Scorer], samples: Iterable[Any]) -> Judgements:
    """Let judges judge the same texts.

    Args:
        judges: one or several.
        samples: texts, or :class:`Sample` for texts with inputs and expectations.

    Returns:
        All judgements; those that could not be had are missing and counted.

    Raises:
        MetricError: there are no texts or no judges.
        JudgeFailed: there is not one judgement.

    Example::

        table = judge_texts([judge, other], texts)
        print(table.alpha(), table.means(), table.missing)
    """
    return finish(ajudge_texts(judges, samples))


async def ajudge_texts(judges: Scorer | Sequence[Scorer], samples: Iterable[Any]) -> Judgements:
    """:func:`judge_texts`, for code that owns an event loop."""
    asked = [judges] if isinstance(judges, Scorer) else list(judges)
    texts = samples_of(samples)
    if not asked or not texts:
        raise MetricError(f"{len(asked)} judges and {len(texts)} texts were given; give at least one of each")
    found = await all_of(judgement(j, s.text, s.expected, s.inputs) for j in asked for s in texts)
    problems = [r for r in found if isinstance(r, Exception)]
    if len(problems) == len(found):
        raise problems[0]
    results = [None if isinstance(r, Exception) else r for r in found]
    rows = tuple(tuple(results[at : at + len(texts)]) for at in range(0, len(results), len(texts)))
    scores = np.array([[math.nan if r is None else r.score for r in row] for row in rows])
    return Judgements(tuple(names_of(asked)), rows, scores, tuple(dict.fromkeys(map(str, problems))))


def retest(judge: Any, samples: Iterable[Any], *, times: int = 3) -> Retest:
    """Let one judge judge the same texts again and again, with a seed of its own each time.

    At temperature 0 a server that computes exactly gives one judgement again and again: the spread is then
    that of the server. To see the judge's own, give it a temperature.

    Args:
        judge: an :class:`LLMJudge`, or a panel of them.
        samples: texts, or :class:`Sample`.
        times: how often, at least 2.

    Raises:
        MetricError: ``times`` is below 2, there are no texts, or the judge has no seed.
        JudgeFailed: there is not one judgement.
    """
    return finish(aretest(judge, samples, times=times))


async def aretest(judge: Any, samples: Iterable[Any], *, times: int = 3) -> Retest:
    """:func:`retest`, for code that owns an event loop."""
    if times < 2:
        raise MetricError(f"times is {times!r}; a judge is tested again from 2 on")
    draws = [reseeded(judge, 1_000 * (draw + 1)) for draw in range(times)]
    found = await ajudge_texts(draws, samples)
    return Retest(found.scores_JN, found.problems)


def samples_of(samples: Iterable[Any]) -> list[Sample]:
    """Samples, from texts or samples."""
    if isinstance(samples, str):
        raise MetricError("the texts to judge are one text; give a list of them")
    return [sample if isinstance(sample, Sample) else Sample(sample) for sample in samples]


def _mark(result: ScoreResult | None, criterion: str) -> float:
    if result is None:
        return math.nan
    if result.details.get("malformed"):
        return math.nan
    marks = result.details.get("criteria", {})
    if criterion not in marks:
        raise MetricError(f"there is no criterion {criterion!r}; there are {', '.join(marks) or 'none'}")
    return float(marks[criterion]["score"])
