"""Metrics: what folds the predictions or scores of a dataset into the number that is maximised.

Two kinds are told apart by the names of the first two parameters: ``(preds, expected)`` judges the
whole set at once, ``(example, pred)`` and scorers judge one prediction. A metric of one prediction may
also take ``trace``, ``pred_name`` and ``pred_trace``, and then says what one component did wrong.

A metric that requires ``trace``, or a scorer whose ``score`` does, gets the calls of each lane as a
:class:`~hyperfunc.CallGraph`. A ``trace`` with a default keeps it in an evaluation: metrics of DSPy have one,
and judge otherwise when they are given a trace.

:func:`per_item` and :func:`over_set` say the kind explicitly, and :func:`batched_metric` marks one that
judges many candidates.
"""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import HyperfuncError, MetricError
from hyperfunc.types import Failure, ScoreResult

from .dataset import Example
from .scorers import Scorer
from .scorers.composite import takes_trace
from .scores import checked_score, described
from .stacks import Unstackable, is_tensor, stack

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Metric", "as_metric", "batched_metric", "checked_score", "checked_values", "over_set", "per_item"]

_SET_FIRST = {"preds", "predictions", "outputs", "predicted", "y_pred", "ys_pred", "results", "answers"}
_SET_SECOND = {"expected", "expecteds", "targets", "golds", "labels", "references", "y_true", "ys"}
_ITEM_FIRST = {"example", "ex", "item", "gold"}
_ITEM_SECOND = {"pred", "prediction", "output", "predicted", "answer", "result"}
_TRACED = ("trace", "pred_name", "pred_trace", "program_trace")
_BOTH = "metric(preds, expected) -> float over the set, or metric(example, pred) -> score in [0, 1] per item"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its kind settled.

    Args:
        name: shown in reports.
        function: what the user gave.
        kind: ``"item"`` (``function(example, pred)``), ``"scorer"``, ``"set"`` or ``"batch"``.
        takes: which of ``trace``, ``pred_name``, ``pred_trace`` and ``program_trace`` the function of one
            prediction accepts by name; without them it scores the whole program.
        traced: it needs the calls, so that every lane that it judges is traced.
    """

    name: str
    function: Any
    kind: str
    takes: tuple[str, ...] = ()
    traced: bool = False

    def __call__(self, *args: Any) -> Any:
        """The plain function."""
        return self.function(*args)

    @property
    def per_item(self) -> bool:
        """Whether single predictions get scores."""
        return self.kind in ("item", "scorer")

    @property
    def per_component(self) -> bool:
        """Whether it can say what a single component of the program did wrong."""
        return "pred_name" in self.takes

    async def score(
        self, example: Example, prediction: Any, *, trace: Any = None, pred_name: str | None = None,
        pred_trace: Any = None,
    ) -> ScoreResult:  # fmt: skip
        """Judge one prediction.

        Args:
            example: with what is expected.
            prediction: what the program returned.
            trace: the calls of the program, for metrics that take it.
            pred_name: the component that the feedback shall be about; ``None`` for the whole program.
            pred_trace: the calls of that component.

        Raises:
            MetricError: the result is not a score, or a scorer needs a trace and there is none.
        """
        if self.kind == "scorer" and self.traced:
            if trace is None:
                raise MetricError(f"{self.name} judges the calls of a run, and no trace was given")
            result = self.function.score(prediction, example.expected, example.inputs, trace=trace)
        elif self.kind == "scorer":
            result = self.function.score(prediction, example.expected, example.inputs)
        elif self.takes:
            known = {
                "trace": trace, "pred_name": pred_name, "pred_trace": pred_trace, "program_trace": trace,
            }  # fmt: skip
            given = {name: known[name] for name in self.takes if known[name] is not None}
            result = self.function(example, prediction, **given)
        else:
            result = self.function(example, prediction)
        if inspect.isawaitable(result):
            result = await result
        return checked_score(result, self.name)

    async def fold(self, predictions: Sequence[Any], expected: Sequence[Any]) -> float:
        """Judge a whole set.

        Returns:
            The value; ``-inf`` when it is NaN, or when predictions that failed made the metric raise.

        Raises:
            MetricError: it raised an error, or the result is not a number.
        """
        try:
            if self.kind == "batch":
                result = self._of_one(predictions, expected)
            else:
                result = self.function(list(predictions), list(expected))
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
                f"metric {self.name} returned {described(result)}; over a set it must return one number"
            ) from None
        if math.isnan(value):
            warnings.warn(f"the metric {self.name} returned NaN, which counts as -inf", stacklevel=2)
            return -math.inf
        return value

    def _of_one(self, predictions: Sequence[Any], expected: Sequence[Any]) -> Any:
        """A batched metric on one candidate."""
        if any(isinstance(p, Failure) for p in predictions):
            raise MetricFailure
        try:
            stacked, targets = stack(predictions), stack(expected)
        except Unstackable as error:
            raise MetricError(
                f"the batched metric {self.name} takes stacked predictions, and {error}; "
                "use metric(preds, expected) for predictions that differ in shape"
            ) from error
        return checked_values(self.function(stack([stacked]), targets), 1, self.name)[0]


class MetricFailure(Exception):
    """A metric over stacked predictions cannot take a failed one."""


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
        traced = takes_trace(metric)
        return Metric(type(metric).__name__, metric, "scorer", ("trace",) if traced else (), traced)
    if not callable(metric):
        raise MetricError(f"the metric is {described(metric)}; use a scorer, {_BOTH}")
    name = getattr(metric, "__name__", type(metric).__name__)
    names = list(_parameters(metric))
    first, second, third = [*names, "", "", ""][:3]
    if first in _SET_FIRST and (second in _SET_SECOND or second in _SET_FIRST):
        return Metric(name, metric, "set")
    if (first in _ITEM_FIRST and second in _ITEM_SECOND) or third == "trace":
        return _of_item(metric, name)
    raise MetricError(
        f"cannot tell what metric {name}({', '.join(names)}) judges; name its parameters as in "
        f"{_BOTH}, or wrap it in per_item(...) or over_set(...)"
    )


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}


def _of_item(function: Any, name: str) -> Metric:
    """A metric of one prediction, callable with the example and the prediction alone.

    Source of the further parameters: Agrawal et al., GEPA, arXiv:2507.19457, and the metrics of DSPy.
    """
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    more = [p for p in list(_parameters(function).values())[2:] if p.kind in by_name]
    takes = tuple(p.name for p in more if p.name in _TRACED)
    required = [p.name for p in more if p.default is p.empty]
    if unknown := [n for n in required if n not in _TRACED]:
        raise MetricError(
            f"metric {name} needs the argument {unknown[0]!r}, which nothing gives; a metric of one "
            f"prediction gets the example and the prediction, and {', '.join(_TRACED)} by name"
        )
    if required:
        function = functools.partial(function, **dict.fromkeys(required))
    traced = any(n in required for n in ("trace", "program_trace"))
    return Metric(name, function, "item", takes, traced)


def per_item(function: Callable[..., Any]) -> Metric:
    """Say that ``function(example, pred)`` judges one prediction; with ``trace`` it judges the calls, too."""
    return _of_item(function, getattr(function, "__name__", "metric"))


def over_set(function: Callable[..., Any]) -> Metric:
    """Say that ``function(preds, expected)`` judges the whole set."""
    return Metric(getattr(function, "__name__", "metric"), function, "set")


def batched_metric(function: Callable[..., Any]) -> Metric:
    """Mark a metric that judges many candidates at once; use it as a decorator.

    Args:
        function: gets predictions stacked [K, N, …] (K candidates, N examples; a tree of arrays when the
            program returns one) and what is expected stacked [N, …]; returns values [K], higher is
            better. Tensors are stacked as tensors, everything else as numpy arrays.

    Example::

        @batched_metric
        def closeness(preds, expected):
            return -((preds - expected) ** 2).mean(dim=(1, 2))
    """
    return Metric(getattr(function, "__name__", "metric"), function, "batch")


def checked_values(given: Any, count: int, name: str) -> NDArray[np.float64]:
    """What a batched metric returned for so many candidates, as float64 [count].

    Raises:
        MetricError: it is not one number per candidate.
    """
    if inspect.iscoroutine(given):
        given.close()
        raise MetricError(f"the batched metric {name} is async; write it as a plain function")
    try:
        values = np.asarray(given.detach().cpu().double() if is_tensor(given) else given, np.float64)
    except (TypeError, ValueError):
        values = None
    if values is None or values.shape != (count,):
        raise MetricError(
            f"the batched metric {name} returned {described(given)} for {count} "
            f"candidate{'s' * (count > 1)}; return one value per candidate, shape [{count}]"
        )
    return values
