"""Metrics: what folds the predictions or scores of a dataset into the number that is maximised.

Two kinds are told apart by the names of the first two parameters: ``(preds, expected)`` judges the
whole set at once, ``(example, pred)`` and scorers judge one prediction. :func:`per_item` and
:func:`over_set` say it explicitly.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import HyperfuncError, MetricError
from hyperfunc.types import Failure, ScoreResult

from .dataset import Example
from .scorers import Scorer

__all__ = ["Metric", "as_metric", "over_set", "per_item"]

_SET_FIRST = {"preds", "predictions", "outputs", "predicted", "y_pred", "ys_pred", "results", "answers"}
_SET_SECOND = {"expected", "expecteds", "targets", "golds", "labels", "references", "y_true", "ys"}
_ITEM_FIRST = {"example", "ex", "item", "gold"}
_ITEM_SECOND = {"pred", "prediction", "output", "predicted", "answer", "result"}
_BOTH = "metric(preds, expected) -> float over the set, or metric(example, pred) -> score in [0, 1] per item"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its kind settled.

    Args:
        name: shown in reports.
        function: what the user gave.
        kind: ``"item"`` (``function(example, pred)``), ``"scorer"`` or ``"set"``.
    """

    name: str
    function: Any
    kind: str

    @property
    def per_item(self) -> bool:
        """Whether single predictions get scores."""
        return self.kind != "set"

    async def score(self, example: Example, prediction: Any) -> ScoreResult:
        """Judge one prediction.

        Raises:
            MetricError: the result is not a score.
        """
        if self.kind == "scorer":
            result = self.function.score(prediction, example.expected, example.inputs)
        else:
            result = self.function(example, prediction)
        if inspect.isawaitable(result):
            result = await result
        return _checked(result, self.name)

    async def fold(self, predictions: Sequence[Any], expected: Sequence[Any]) -> float:
        """Judge a whole set.

        Returns:
            The value; ``-inf`` when it is NaN, or when predictions that failed made the metric raise.

        Raises:
            MetricError: it raised an error, or the result is not a number.
        """
        try:
            result: Any = self.function(list(predictions), list(expected))
            if isinstance(result, Awaitable):
                result = await result
        except HyperfuncError:
            raise
        except Exception as error:
            failed = [p for p in predictions if isinstance(p, Failure)]
            if not failed:
                raise MetricError(
                    f"the metric {self.name} raised {type(error).__name__} on "
                    f"{len(predictions)} predictions: {error}"
                ) from error
            warnings.warn(
                f"{len(failed)} of {len(predictions)} predictions failed ({failed[0].reason}) and the metric "
                f"{self.name} cannot fold failures, so its value is -inf",
                stacklevel=2,
            )
            return -math.inf
        try:
            value = float(result)
        except (TypeError, ValueError):
            raise MetricError(
                f"metric {self.name} returned {_what(result)}; over a set it must return one number"
            ) from None
        if math.isnan(value):
            warnings.warn(f"the metric {self.name} returned NaN, which counts as -inf", stacklevel=2)
            return -math.inf
        return value


def as_metric(metric: Any) -> Metric:
    """Settle which kind of metric was given.

    Raises:
        MetricError: it is neither kind; the message shows both.
    """
    if isinstance(metric, Metric):
        return metric
    if inspect.isclass(metric):
        raise MetricError(f"the metric is the class {metric.__name__}; give an instance: {metric.__name__}()")
    if isinstance(metric, Scorer):
        return Metric(type(metric).__name__, metric, "scorer")
    if not callable(metric):
        raise MetricError(f"the metric is {_what(metric)}; use a scorer, {_BOTH}")
    name = getattr(metric, "__name__", type(metric).__name__)
    try:
        names = list(inspect.signature(metric).parameters)
    except (TypeError, ValueError):
        names = []
    first, second = [*names, "", ""][:2]
    if first in _SET_FIRST and (second in _SET_SECOND or second in _SET_FIRST):
        return Metric(name, metric, "set")
    if first in _ITEM_FIRST and second in _ITEM_SECOND:
        return Metric(name, metric, "item")
    raise MetricError(
        f"cannot tell what metric {name}({', '.join(names)}) judges; name its parameters as in "
        f"{_BOTH}, or wrap it in per_item(...) or over_set(...)"
    )


def per_item(function: Callable[..., Any]) -> Metric:
    """Say that ``function(example, pred)`` judges one prediction."""
    return Metric(getattr(function, "__name__", "metric"), function, "item")


def over_set(function: Callable[..., Any]) -> Metric:
    """Say that ``function(preds, expected)`` judges the whole set."""
    return Metric(getattr(function, "__name__", "metric"), function, "set")


def _checked(given: Any, name: str) -> ScoreResult:
    if isinstance(given, ScoreResult):
        result = given
    elif isinstance(given, bool | int | float):
        result = ScoreResult(float(given))
    else:
        score = getattr(given, "score", None)
        if not isinstance(score, int | float):
            raise MetricError(f"metric {name} returned {_what(given)}; return a score in [0, 1]")
        result = ScoreResult(float(score), str(getattr(given, "feedback", "")))
    if not math.isnan(result.score) and not -1e-9 <= result.score <= 1 + 1e-9:
        raise MetricError(
            f"metric {name} returned {result.score:g}; a score of one item lies in [0, 1] so that a "
            "failure can count as 0: rescale it, or judge the set with over_set(...)"
        )
    return result


def _what(value: Any) -> str:
    return "None" if value is None else f"{value!r:.60} ({type(value).__name__})"
