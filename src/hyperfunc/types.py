"""Frozen nouns that every floor shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Cell", "Exchange", "Failure", "JSON", "ScoreResult"]

JSON = Any
"""A value made of dict, list, str, int, float, bool and None."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What stands in the place of a prediction when the program failed on an example.

    Args:
        reason: one line, the exception's type and message.
        kind: ``"program"`` scores 0; ``"infrastructure"`` leaves the cell missing.
    """

    reason: str
    kind: str = "program"


@dataclass(frozen=True, slots=True)
class ScoreResult:
    """The judgement of one prediction.

    Args:
        score: higher is better; scorers of this package stay in [0, 1].
        feedback: what was wrong and what was expected, for people and for reflective optimizers.
        details: further values, JSON only.
    """

    score: float
    feedback: str = ""
    details: dict[str, JSON] = field(default_factory=dict)

    def __float__(self) -> float:
        return float(self.score)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call of a hyperfunction, as those see it who learn from it.

    Args:
        function: its name.
        inputs: what it was given, by parameter; learnt values are not among them.
        output: what it returned; ``None`` when it failed.
        failure: the reason when it failed, else ``None``.
    """

    function: str
    inputs: Mapping[str, Any]
    output: Any = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """The score of a lane: one candidate on one example, once.

    Args:
        candidate: content id of the candidate.
        example: content key of the example.
        repeat: which repetition, from 0.
        score: ``None`` when missing (infrastructure failed) or when only the set is scored.
        feedback: of the scorer.
        failure: the reason when the program failed, else ``None``.
        prediction: what the program returned, or a :class:`Failure`.
        reached: names of the hyperfunctions that the lane called.
        calls: model calls that the lane used, those that others shared or the ledger answered included.
        tokens: of these calls.
        dollars: of these calls; 0 where the price is unknown.
        details: of the scorer.
        exchanges: the calls of the lane when they are kept for somebody who learns from them.
        trace: the call graph of the lane when traces are collected, else ``None``.
    """

    candidate: str
    example: str
    repeat: int
    score: float | None
    feedback: str = ""
    failure: str | None = None
    prediction: Any = None
    reached: tuple[str, ...] = ()
    calls: int = 0
    tokens: int = 0
    dollars: float = 0.0
    details: Mapping[str, JSON] = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()
    trace: Any = field(default=None, compare=False, repr=False)
