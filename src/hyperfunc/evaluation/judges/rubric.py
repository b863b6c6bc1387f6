"""Rubrics: what a judge is asked, on which whole numbers it answers, and what they add up to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scorers.base import clean, shown
from hyperfunc.types import JSON

__all__ = [
    "Criterion", "Mark", "Rubric", "feedback_of", "marks_of", "schema_of_marks", "value_of", "value_on",
    "weights_of",
]  # fmt: skip

_WIDEST = 100
_SUM_TOLERANCE = 1e-9
_MOST_REASON = 600
_WEAK = 0.75
"""Marks below this share of their scale are weak."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a judge looks at.

    Args:
        name: an identifier, the key of the judge's answer.
        asks: what the judge shall look at, in a sentence or two.
        weight: share of the whole, in [0, 1]; ``None`` in all criteria of a rubric for equal shares.
        scale: the least and the highest whole number, at most 100 apart.
        reverse: the lowest number is best, as for faults.
        anchors: what some of the numbers mean, as pairs ``(number, words)``.

    Raises:
        MetricError: one of these is wrong.

    Example::

        Criterion("clichés", "How much is worn or expected?", scale=(0, 5), reverse=True)
    """

    name: str
    asks: str
    weight: float | None = None
    scale: tuple[int, int] = (1, 10)
    reverse: bool = False
    anchors: Sequence[tuple[int, str]] = ()

    def __post_init__(self) -> None:
        name: object = self.name
        asks: object = self.asks
        if not isinstance(name, str) or not name.isidentifier():
            raise MetricError(f"the name of a criterion is {shown(name)}; give one word, such as 'prose'")
        if not isinstance(asks, str) or not asks.strip():
            raise MetricError(f"the criterion {name!r} asks nothing; say what the judge shall look at")
        object.__setattr__(self, "scale", _checked_scale(self.scale, self.name))
        anchors = tuple(sorted((number, words) for number, words in self.anchors))
        low, high = self.scale
        if off := [number for number, _ in anchors if not low <= number <= high]:
            raise MetricError(
                f"the criterion {self.name!r} explains the number {off[0]!r}, which is not on its scale of "
                f"{low} to {high}"
            )
        object.__setattr__(self, "anchors", anchors)


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a judge is asked about a text.

    Args:
        criteria: at least one; their weights sum to 1, or none has one and they count equally.
        task: what the text is, in a sentence, such as ``"The text is a summary of the document."``

    Raises:
        MetricError: no criteria, two of one name, or weights that do not sum to 1.

    Example::

        Rubric([Criterion("prose", "How well is it written?"), Criterion("plot", "Does the story hold?")])
    """

    criteria: Sequence[Criterion]
    task: str = ""

    def __post_init__(self) -> None:
        criteria: Any = self.criteria
        made = tuple(criteria) if isinstance(criteria, Iterable) and not isinstance(criteria, str) else ()
        object.__setattr__(self, "criteria", made)
        if not made or not all(isinstance(c, Criterion) for c in made):
            raise MetricError(f"the criteria of a rubric are {shown(criteria)}; give a list of Criterion")
        names = [c.name for c in made]
        if twice := [name for name in names if names.count(name) > 1]:
            raise MetricError(f"two criteria of a rubric are named {twice[0]!r}; name them apart")
        _check_weights([c.weight for c in made])

    @classmethod
    def of(cls, criterion: str, scale: tuple[int, int] = (1, 5)) -> Rubric:
        """A rubric of one criterion, from what it asks."""
        return cls([Criterion("score", criterion, scale=scale)])

    @property
    def weights(self) -> tuple[float, ...]:
        """The share of each criterion."""
        return weights_of(self)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a judge said on one criterion.

    Args:
        name: of the criterion.
        score: the number on its scale.
        value: the share of the scale, in [0, 1]; 1 is best, for reversed criteria, too.
        weight: share of the whole.
        reason: the judge's words.
    """

    name: str
    score: int
    value: float
    weight: float
    reason: str

    def as_json(self) -> dict[str, JSON]:
        """All but the name, for details."""
        return {"score": self.score, "value": self.value, "weight": self.weight, "reason": self.reason}


# What follows makes the score out of an answer. These are functions, so that the ledger, which knows a judge
# by the code that its scoring names, sees a change of any of them.


def weights_of(rubric: Rubric) -> tuple[float, ...]:
    """The share of each criterion."""
    return tuple(1 / len(rubric.criteria) if c.weight is None else c.weight for c in rubric.criteria)


def value_on(criterion: Criterion, number: int) -> float:
    """A number of a criterion's scale as a share of it, in [0, 1]; 1 is best."""
    low, high = criterion.scale
    share = (number - low) / (high - low)
    return 1.0 - share if criterion.reverse else share


def schema_of_marks(rubric: Rubric) -> dict[str, JSON]:
    """The JSON schema of the judge's answer: for each criterion a reason, then a number."""
    # An enumeration is what every server that enforces schemas understands; reasons first, so that the
    # number follows from them.
    properties = {
        c.name: _object({
            "reason": {"type": "string"},
            "score": {"type": "integer", "enum": list(range(c.scale[0], c.scale[1] + 1))},
        })
        for c in rubric.criteria
    }  # fmt: skip
    return _object(properties)


def marks_of(rubric: Rubric, answer: Mapping[str, JSON]) -> tuple[Mark, ...]:
    """The marks in an answer that fits the schema."""
    marks = []
    for criterion, weight in zip(rubric.criteria, weights_of(rubric), strict=True):
        said = answer[criterion.name]
        number = int(said["score"])
        reason = clean(" ".join(said["reason"].split()), _MOST_REASON)
        marks.append(Mark(criterion.name, number, value_on(criterion, number), weight, reason))
    return tuple(marks)


def value_of(marks: Iterable[Mark]) -> float:
    """The weighted mean of marks, in [0, 1]."""
    return min(1.0, max(0.0, math.fsum(mark.weight * mark.value for mark in marks)))


def feedback_of(rubric: Rubric, marks: Sequence[Mark]) -> str:
    """The reasons of what was weak, what costs most first; of the weakest when nothing was."""
    loss = sorted(marks, key=lambda mark: mark.weight * (mark.value - 1))
    told = [mark for mark in loss if mark.value < _WEAK] or [mark for mark in loss[:1] if mark.value < 1]
    scales = {c.name: c for c in rubric.criteria}
    if not told:
        return "nothing was found wanting"
    return "\n".join(
        f"{m.name} {_of(m.score, scales[m.name])}: {m.reason or 'no reason given'}" for m in told
    )


def _of(score: int, criterion: Criterion) -> str:
    low, high = criterion.scale
    return f"{score} ({low} is best, {high} worst)" if criterion.reverse else f"{score} of {high}"


def _object(properties: dict[str, JSON]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _checked_scale(scale: Any, name: str) -> tuple[int, int]:
    pair = tuple(scale) if isinstance(scale, Sequence) and not isinstance(scale, str) else ()
    whole = all(isinstance(end, int) and not isinstance(end, bool) for end in pair)
    if len(pair) != 2 or not whole or not 1 <= pair[1] - pair[0] <= _WIDEST:
        raise MetricError(
            f"the scale of {name!r} is {shown(scale)}; give two whole numbers, the least and the highest, at "
            f"most {_WIDEST} apart"
        )
    return pair[0], pair[1]


def _check_weights(weights: Sequence[Any]) -> None:
    if all(weight is None for weight in weights):
        return
    for weight in weights:
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight <= 1:
            raise MetricError(
                f"a criterion has the weight {shown(weight)}; give each a number in [0, 1], or none of them"
            )
    total = math.fsum(weights)
    if abs(total - 1) > _SUM_TOLERANCE:
        raise MetricError(
            f"the weights of a rubric sum to {total:g}, not 1; divide each by their sum, or give none"
        )
