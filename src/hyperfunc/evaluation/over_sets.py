"""Metrics over a whole set: means of scorers, pass@k, and the agreement of labels.

Each is a metric ``(preds, expected)`` that :meth:`HyperSystem.evaluate` and ``optimize`` take. A failed
prediction counts as wrong. Such a metric sees predictions and expectations only: scorers inside get no
inputs, and those that judge calls are refused.
"""

from __future__ import annotations

import inspect
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import Failure, ScoreResult

from .metrics import Metric
from .scorers import Scorer
from .scorers.base import plain, shown
from .scorers.composite import takes_trace
from .scorers.labels import label_of
from .scores import checked_score

__all__ = ["f1", "kappa", "mean", "pass_at_k", "weighted_mean"]


def mean(scorer: Scorer) -> Metric:
    """The mean score of a scorer over the set, in [0, 1].

    Example::

        >>> mean(ExactMatch())(["a", "b"], ["a", "c"])
        0.5
    """
    return _folded(scorer, f"mean of {_name(scorer)}", lambda expected: 1.0)


def weighted_mean(scorer: Scorer, weight: Callable[[Any], float]) -> Metric:
    """The weighted mean score of a scorer over the set, in [0, 1].

    Args:
        scorer: judges each prediction.
        weight: of an example, from what it expects; at least 0.

    Raises:
        MetricError: when it is used, for a weight that is negative or not finite, or when all are 0.

    Example::

        weighted_mean(ExactMatch(), {"urgent": 5.0, "other": 1.0}.__getitem__)
    """
    return _folded(scorer, f"weighted mean of {_name(scorer)}", weight)


def pass_at_k(scorer: Scorer, k: int, *, threshold: float = 1.0) -> Metric:
    """The chance that at least one of k samples is right, estimated without bias, as a mean over the set.

    Each prediction is a list of n samples of one example, n at least k. With c of them right the estimate
    is ``1 - C(n - c, k) / C(n, k)``. A prediction that is no list of at least k samples counts as 0.

    Args:
        scorer: judges each sample.
        k: how many samples one may draw, at least 1.
        threshold: the score from which on a sample is right, in (0, 1].

    Raises:
        MetricError: it is no scorer of predictions, or k or the threshold is out of range.

    Example::

        >>> pass_at_k(ExactMatch(), 2)([["a", "b", "c"]], ["a"])
        0.6666666666666667

    Source: Chen et al., Evaluating large language models trained on code, 2021, arXiv:2107.03374,
    equation 1.
    """
    checked_draws(k, threshold)
    name = f"pass@{k}"
    _check_scorer(scorer)

    def passed(preds: Sequence[Any], expected: Sequence[Any]) -> Any:
        samples = [_samples(p) for p in preds]
        rows = [
            _scores(scorer, s, [want] * len(s)) if len(s) >= k else []
            for s, want in zip(samples, expected, strict=True)
        ]

        def fold(given: list[list[ScoreResult]]) -> float:
            if not given:
                raise MetricError(f"{name} needs at least one prediction")
            right = [(len(row), sum(r.score >= threshold - 1e-9 for r in row)) for row in given]
            return math.fsum(chance(n, c, k) if n else 0.0 for n, c in right) / len(right)

        if any(inspect.isawaitable(r) for row in rows for r in row):
            return _awaited_rows(rows, name, fold)
        return fold([[checked_score(r, name) for r in row] for row in rows])

    return Metric(name, passed, "set")


def f1(
    average: str = "macro", *, positive: Any = None, labels: Sequence[Any] = (), case_sensitive: bool = False
) -> Metric:
    """F1 of labels over the set, in [0, 1].

    A class without right, wrong or missed predictions has an F1 of 0.

    Args:
        average: ``"macro"`` is the mean of the F1 of each class, ``"micro"`` the F1 of the counts of all
            classes, ``"binary"`` the F1 of one class.
        positive: that class, for ``"binary"``.
        labels: the classes that count; by default all that are expected or predicted.
        case_sensitive: whether ``A`` and ``a`` differ.

    Raises:
        MetricError: ``average`` is none of these, or ``positive`` and ``average`` do not fit.

    Source: van Rijsbergen, Information Retrieval, 1979, chapter 7; Sebastiani, Machine learning in
    automated text categorization, ACM Computing Surveys 34(1), 2002, table 4 (averages).
    """
    if average not in ("macro", "micro", "binary"):
        raise MetricError(f"average of f1 is {average!r}; use 'macro', 'micro' or 'binary'")
    if (average == "binary") != (positive is not None):
        raise MetricError("f1 takes positive with average='binary', and only there; name the positive class")
    chosen = _classes([positive] if positive is not None else labels, case_sensitive)

    def folded(preds: Sequence[Any], expected: Sequence[Any]) -> float:
        got, want = _labels(preds, expected, case_sensitive, "f1")
        classes = chosen or list(dict.fromkeys(label for label in (*want, *got) if label is not None))
        right = Counter(g for g, w in zip(got, want, strict=True) if g == w)
        predicted, wanted = Counter(got), Counter(want)
        if average == "micro":
            totals = [sum(c[x] for x in classes) for c in (right, predicted, wanted)]
            return _f1(*totals)
        return math.fsum(_f1(right[x], predicted[x], wanted[x]) for x in classes) / len(classes)

    return Metric(f"{average} F1", folded, "set")


def kappa(*, case_sensitive: bool = False) -> Metric:
    """Cohen's kappa between predicted and expected labels over the set, in [-1, 1].

    It is ``(p - e) / (1 - e)`` for a share p of equal labels where e is expected by chance. Where e is 1,
    because only one label occurs, there is no agreement beyond chance to be seen and kappa is 0.
    Predictions that failed or are no label are a class of their own.

    Args:
        case_sensitive: whether ``A`` and ``a`` differ.

    Source: Cohen, A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20(1), 1960.
    """

    def folded(preds: Sequence[Any], expected: Sequence[Any]) -> float:
        got, want = _labels(preds, expected, case_sensitive, "kappa")
        count = len(want)
        equal = sum(g == w for g, w in zip(got, want, strict=True)) / count
        predicted, wanted = Counter(got), Counter(want)
        # In whole numbers, so that a chance of exactly 1 is seen as such.
        pairs = sum(predicted[label] * wanted[label] for label in wanted)
        return 0.0 if pairs == count**2 else (equal - pairs / count**2) / (1 - pairs / count**2)

    return Metric("Cohen's kappa", folded, "set")


def chance(samples: int, right: int, k: int) -> float:
    """The chance that k of the samples, drawn without replacement, hold a right one."""
    return 1.0 - math.comb(samples - right, k) / math.comb(samples, k)


def checked_draws(k: Any, threshold: float) -> None:
    """Check the settings of pass@k.

    Raises:
        MetricError: one is out of range.
    """
    if not isinstance(k, int) or k < 1:
        raise MetricError(f"k of pass@k is {k!r}; give a whole number of at least 1")
    if not 0 < threshold <= 1:
        raise MetricError(f"threshold of pass@k is {threshold}; give a score in (0, 1]")


def _folded(scorer: Scorer, name: str, weight: Callable[[Any], float]) -> Metric:
    def folded(preds: Sequence[Any], expected: Sequence[Any]) -> Any:
        weights = [_weight(weight, e, name) for e in expected]
        total = math.fsum(weights)
        if not total > 0:
            raise MetricError(f"the weights of {name} sum to {total:g}; at least one must be above 0")

        def fold(given: list[list[ScoreResult]]) -> float:
            value = math.fsum(w * r.score for w, r in zip(weights, given[0], strict=True)) / total
            return value if math.isnan(value) else min(1.0, max(0.0, value))

        results = _scores(scorer, preds, expected)
        if any(inspect.isawaitable(r) for r in results):
            return _awaited_rows([results], name, fold)
        return fold([[checked_score(r, name) for r in results]])

    return Metric(name, folded, "set")


def _weight(weight: Callable[[Any], float], expected: Any, name: str) -> float:
    value = float(weight(expected))
    if not 0 <= value < math.inf:
        raise MetricError(f"{name} gives {shown(expected)} the weight {value}; give a number of at least 0")
    return value


def _scores(scorer: Scorer, preds: Sequence[Any], expected: Sequence[Any]) -> list[Any]:
    failed = ScoreResult(0.0, "the program failed")
    return [
        failed if isinstance(p, Failure) else scorer.score(p, e, {})
        for p, e in zip(preds, expected, strict=True)
    ]


async def _awaited_rows(
    rows: list[list[Any]], name: str, fold: Callable[[list[list[ScoreResult]]], float]
) -> float:
    return fold(
        [[checked_score(await r if isinstance(r, Awaitable) else r, name) for r in row] for row in rows]
    )


def _name(scorer: Any) -> str:
    _check_scorer(scorer)
    return type(scorer).__name__


def _check_scorer(scorer: Any) -> None:
    if inspect.isclass(scorer) or not isinstance(scorer, Scorer):
        raise MetricError(
            f"a metric over a set needs a scorer, and got {shown(scorer)}; give ExactMatch() or so"
        )
    if takes_trace(scorer):
        raise MetricError(
            f"a metric over a set sees predictions only, and {type(scorer).__name__} judges calls; "
            "give the scorer itself as the metric"
        )


def _samples(prediction: Any) -> list[Any]:
    value = plain(prediction)
    return list(value) if isinstance(value, list | tuple) else []


def _f1(right: int, predicted: int, wanted: int) -> float:
    return 2 * right / (predicted + wanted) if predicted + wanted else 0.0


def _classes(labels: Sequence[Any], case_sensitive: bool) -> list[str]:
    found = [label_of(label, case_sensitive=case_sensitive) for label in labels]
    if None in found:
        raise MetricError(f"{shown(labels[found.index(None)])} is no label; give texts or numbers")
    return list(dict.fromkeys(label for label in found if label is not None))


def _labels(
    preds: Sequence[Any], expected: Sequence[Any], case_sensitive: bool, name: str
) -> tuple[list[str | None], list[str]]:
    """Predicted and expected labels; a prediction that is none is ``None``."""
    want = [label_of(e, case_sensitive=case_sensitive) for e in expected]
    if None in want:
        raise MetricError(
            f"{name} compares labels, and an example expects {shown(expected[want.index(None)])}"
        )
    if not want:
        raise MetricError(f"{name} needs at least one prediction")
    return [label_of(p, case_sensitive=case_sensitive) for p in preds], [w for w in want if w is not None]
