"""Metrics in DSPy's conventions as metrics of ours, with feedback for single predictors."""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric, per_item
from hyperfunc.interop.fingerprints import code_of
from hyperfunc.interop.names import component_name, part_name
from hyperfunc.program.policy import run_thread
from hyperfunc.types import ScoreResult

from .examples import as_dspy_example, as_prediction
from .library import library
from .metering import metered
from .threads import settings_for_lane

__all__ = ["from_dspy_metric"]

_REMEMBERED = 10_000


def from_dspy_metric(
    metric: Callable[..., Any], predictors: Mapping[str, Any], *, warn_on_score_mismatch: bool = True
) -> Metric:
    """A metric of DSPy or of GEPA as one of ours.

    Args:
        metric: ``metric(example, pred, trace=None)`` or
            ``metric(gold, pred, trace, pred_name, pred_trace)``; returns a bool, a number in [0, 1], or
            something with ``score`` and ``feedback``, such as a ``dspy.Prediction``. While a program is
            scored, ``trace`` is ``None``, as in ``dspy.Evaluate``. It runs in a thread.
        predictors: of the program, by DSPy's names.
        warn_on_score_mismatch: warn once if it scores differently when asked about a single predictor.

    Raises:
        MetricError: it takes other arguments.
    """
    form = _form(metric)
    judging = _Judging(metric, form, predictors, warn_on_score_mismatch)
    # What it does is part of what it is kept under; a closure alone would not say it.
    code = code_of(metric)

    async def judge(example: Example, pred: Any) -> ScoreResult:
        return await judging.score(example, pred, code)

    async def judge_parts(
        example: Example, pred: Any, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None
    ) -> ScoreResult:
        if pred_name is None:
            return await judging.score(example, pred, code)
        return await judging.about(example, pred, trace, pred_name, pred_trace)

    chosen: Callable[..., Any] = judge_parts if form == 5 else judge
    chosen.__name__ = getattr(metric, "__name__", type(metric).__name__)
    return per_item(chosen)


@dataclass
class _Judging:
    """Calls a metric in the way it expects."""

    metric: Callable[..., Any]
    form: int
    predictors: Mapping[str, Any]
    warns: bool

    def __post_init__(self) -> None:
        self._scores: OrderedDict[Any, float] = OrderedDict()

    async def score(self, example: Example, outcome: Any, _code: str) -> ScoreResult:
        """The whole program's score."""
        gold, pred = as_dspy_example(example), as_prediction(outcome)
        result = _result(await self._call(gold, pred, *[None] * (self.form - 2)), self.metric)
        if self.form == 5 and self.warns:
            self._scores[_key(example, outcome)] = result.score
            if len(self._scores) > _REMEMBERED:
                self._scores.popitem(last=False)
        return result

    async def about(self, example: Example, outcome: Any, trace: Any, name: str, calls: Any) -> ScoreResult:
        """What it says about one predictor."""
        predictor = part_name(name)
        if predictor not in self.predictors:
            known = ", ".join(self.predictors)
            raise MetricError(f"the program has no predictor {predictor!r}; it has {known}")
        whole = self._trace(trace)
        own = self._trace(calls) if calls is not None else whole
        part = [step for step in own if step[0] is self.predictors[predictor]]
        gold, pred = as_dspy_example(example), as_prediction(outcome)
        result = _result(await self._call(gold, pred, whole, predictor, part), self.metric)
        self._compare(example, outcome, predictor, result.score)
        return result

    async def _call(self, *arguments: Any) -> Any:
        dspy = library()

        def call() -> Any:
            with settings_for_lane(lm=metered(dspy.settings.lm), trace=[]):
                return self.metric(*arguments)

        result = await run_thread(call)
        return await result if inspect.isawaitable(result) else result

    def _trace(self, calls: Any) -> list[tuple[Any, dict[str, Any], Any]]:
        """Calls as DSPy's trace has them: predictor, inputs, prediction."""
        made: Iterable[Any] = getattr(calls, "calls", calls) or ()
        by_name = {component_name(name): predictor for name, predictor in self.predictors.items()}
        steps = []
        for call in made:
            name = getattr(call, "function", None) or getattr(call, "name", "")
            failed = getattr(call, "failure", None) or getattr(call, "error", None)
            if name in by_name and not failed:
                steps.append((by_name[name], dict(call.inputs), as_prediction(call.output)))
        return steps

    def _compare(self, example: Example, outcome: Any, predictor: str, score: float) -> None:
        before = self._scores.get(_key(example, outcome)) if self.warns else None
        if before is not None and before != score:
            self.warns = False
            warnings.warn(
                f"the metric gave {score:g} when it was asked about {predictor} and {before:g} for the whole "
                "program; the score of the whole counts, so return that one for each predictor",
                stacklevel=2,
            )


def _form(metric: Callable[..., Any]) -> int:
    """How many arguments it takes: 5, 3 or 2."""
    try:
        signature = inspect.signature(metric)
    except (TypeError, ValueError):
        return 3
    for count in (5, 3, 2):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        return count
    raise MetricError(
        f"the metric takes {signature}; give metric(example, pred, trace=None) or "
        "metric(gold, pred, trace, pred_name, pred_trace)"
    )


def _result(given: Any, metric: Callable[..., Any]) -> ScoreResult:
    """What a metric returned, as a score with feedback and details."""
    if isinstance(given, bool | int | float):
        return ScoreResult(float(given))
    if isinstance(given, ScoreResult):
        return given
    fields = dict(given.items()) if hasattr(given, "items") else getattr(given, "__dict__", {})
    score = fields.get("score")
    if not isinstance(score, bool | int | float):
        name = getattr(metric, "__name__", type(metric).__name__)
        raise MetricError(
            f"the metric {name} returned {given!r:.60}; return a score in [0, 1] or "
            "dspy.Prediction(score=..., feedback=...)"
        )
    feedback = fields.get("feedback")
    parts = fields.get("objective_scores")
    details = {"objective_scores": {str(k): float(v) for k, v in parts.items()}} if parts else {}
    return ScoreResult(float(score), "" if feedback is None else str(feedback), details)


def _key(example: Example, outcome: Any) -> str:
    return f"{example.key} {outcome!r}"
