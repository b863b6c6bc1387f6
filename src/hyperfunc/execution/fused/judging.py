"""The metric over stacked predictions: for all candidates in one go where it allows that."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hyperfunc.errors import HyperfuncError, MetricError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric, checked_score, checked_values
from hyperfunc.evaluation.stacks import Unstackable, is_tensor

from .stacked import CannotFuse, Stacked, copied, written

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .fuser import Dataset

__all__ = ["Judge"]

_TOLERANCE = 1e-5


class Judge:
    """One metric, and for which shapes of predictions it was found that it can be taken over all at once.

    Args:
        metric: any but one that has to be awaited.
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._together: dict[Any, bool] = {}
        # Whether it was seen to write into predictions; it gets copies then.
        self._writes = False

    def values(
        self, predictions: Stacked, dataset: Dataset
    ) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
        """Values [K], and scores [K, N] when the metric judges single predictions.

        Raises:
            CannotFuse: the metric has to be awaited.
            MetricError: what it returns is no value.
        """
        examples = dataset.examples
        if self.metric.kind == "batch":
            return _clean(self._batch(predictions, dataset), self.metric.name), None
        if inspect.iscoroutinefunction(self._judged):
            raise CannotFuse("the metric is async")
        if self.metric.kind == "set":
            return _clean(self._sets(predictions, examples), self.metric.name), None
        scores_KN = self._items(predictions, examples)
        missing = int(np.isnan(scores_KN).sum())
        if missing:
            warnings.warn(
                f"the metric {self.metric.name} returned NaN for {missing} lanes, which count as 0",
                stacklevel=2,
            )
            scores_KN = np.where(np.isnan(scores_KN), 0.0, scores_KN)
        weights_N = np.array([e.weight for e in examples])
        return scores_KN @ (weights_N / weights_N.sum()), scores_KN

    def remark(self, example: Example, prediction: Any) -> tuple[str, str | None]:
        """What a metric of single predictions has to say of one: its feedback, and why it has no score."""
        name = self.metric.name
        try:
            result = checked_score(self._judged(*self._arguments(example, prediction)), name)
        except Exception as error:
            reason = f"the metric {name} raised {type(error).__name__}: {error}"
        else:
            if not math.isnan(result.score):
                return result.feedback, None
            reason = f"the metric {name} returned NaN"
        return reason, reason

    @property
    def _judged(self) -> Callable[..., Any]:
        function: Any = self.metric.function
        return function.score if self.metric.kind == "scorer" else function  # type: ignore[no-any-return]

    def _arguments(self, example: Example, prediction: Any) -> tuple[Any, ...]:
        if self.metric.kind == "scorer":
            return (prediction, example.expected, example.inputs)
        return (example, prediction)

    def _batch(self, predictions: Stacked, dataset: Dataset) -> Any:
        whole = predictions.whole()
        name = self.metric.name
        if whole is None:
            raise MetricError(
                f"the batched metric {name} takes stacked predictions, and these differ in shape from "
                "example to example; use metric(preds, expected)"
            )
        try:
            expected = dataset.expected
        except Unstackable as error:
            raise MetricError(f"the batched metric {name} takes stacked expectations, and {error}") from error
        try:
            # The expectations serve other evaluations too, and the metric may write into what it gets.
            values = self.metric.function(whole, copied(expected))
        except HyperfuncError:
            raise
        except Exception as error:
            raise MetricError(
                f"the metric {name} raised {type(error).__name__} on the predictions of "
                f"{predictions.count} candidates for {predictions.size} examples: {error}"
            ) from error
        return checked_values(values, predictions.count, name)

    def _sets(self, predictions: Stacked, examples: Sequence[Example]) -> Any:
        expected = [e.expected for e in examples]
        function = self.metric.function

        def one(k: int) -> float:
            value = function(predictions.row(k), list(expected))
            if inspect.isawaitable(value):
                value.close()  # type: ignore[attr-defined]
                raise CannotFuse("the metric is async")
            return _number(value, self.metric.name)

        def together(whole: Any) -> Any:
            from .over_members import over_members, softened, unbound

            soft, size = softened(function), len(expected)
            return over_members(lambda tree: soft(unbound(tree, size), list(expected)), whole)

        return self._checked(together, one, predictions)

    def _items(self, predictions: Stacked, examples: Sequence[Example]) -> NDArray[np.float64]:
        judged = self._judged

        def call(function: Callable[..., Any], n: int, prediction: Any) -> Any:
            return function(*self._arguments(examples[n], prediction))

        def one(k: int) -> list[float]:
            scores = []
            for n, prediction in enumerate(predictions.row(k)):
                result = call(judged, n, prediction)
                if inspect.isawaitable(result):
                    result.close()  # type: ignore[attr-defined]
                    raise CannotFuse("the metric is async")
                scores.append(checked_score(result, self.metric.name).score)
            return scores

        def together(whole: Any) -> Any:
            from .over_members import over_members, softened, unbound

            soft, size = softened(judged), len(examples)
            return over_members(
                lambda tree: [call(soft, n, part) for n, part in enumerate(unbound(tree, size))], whole
            )

        scores_KN = np.asarray(self._checked(together, one, predictions), np.float64)
        for score in (np.nanmin(scores_KN), np.nanmax(scores_KN)) if not np.isnan(scores_KN).all() else ():
            checked_score(float(score), self.metric.name)
        return scores_KN

    def _checked(
        self, together: Callable[[Any], Any], one: Callable[[int], Any], predictions: Stacked
    ) -> Any:
        """All candidates in one go if that is known to be right here, else one by one."""
        count = predictions.count
        key = tuple((m, e, str(t)) for m, e, t in _shapes(predictions))
        if self._together.get(key, True) and count > 1:
            try:
                whole = _whole(predictions)
                given = copied(whole) if self._writes or key not in self._together else whole
                versions = written(given)
                values = _array(together(given))
                self._writes |= written(given) != versions
            except CannotFuse:
                raise
            except ArithmeticError:  # a matter of these predictions, others may go together
                pass
            except Exception:  # whatever it is, the metric as it was written decides
                self._together[key] = False
            else:
                if key in self._together:
                    return values
                sample = sorted({0, count - 1})
                plain = self._one_by_one(one, sample)
                right = values.shape == (count, *plain.shape[1:]) and np.allclose(
                    values[sample], plain, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True
                )
                self._together[key] = right
                if right:
                    return values
        return self._one_by_one(one, range(count))

    @staticmethod
    def _one_by_one(one: Callable[[int], Any], members: Sequence[int]) -> NDArray[np.float64]:
        try:
            return np.array([one(k) for k in members], np.float64)
        except MetricError:
            raise
        except Exception as error:
            # Lane by lane it is clear whose failure this is.
            raise CannotFuse(f"the metric raises {type(error).__name__}") from error


def _whole(predictions: Stacked) -> Any:
    whole = predictions.whole()
    if whole is None:
        raise Unstackable("predictions differ in shape")
    return whole


def _shapes(predictions: Stacked) -> list[tuple[Any, Any, Any]]:
    from torch.utils._pytree import tree_flatten

    found = []
    for members, _, tree in predictions.blocks:
        leaves, spec = tree_flatten(tree)
        found.append((members is None, tuple((leaf.shape[1:], leaf.dtype) for leaf in leaves), spec))
    return found


def _array(values: Any) -> NDArray[np.float64]:
    plain = values.detach().cpu().double().numpy() if is_tensor(values) else values
    return np.asarray(plain, np.float64)


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise MetricError(
            f"metric {name} returned {value!r:.60} ({type(value).__name__}); "
            "over a set it must return one number"
        ) from None


def _clean(values: Any, name: str) -> NDArray[np.float64]:
    values_K: NDArray[np.float64] = np.asarray(values, np.float64)
    missing = int(np.isnan(values_K).sum())
    if missing:
        warnings.warn(
            f"the metric {name} returned NaN for {missing} of {len(values_K)} candidates, which is -inf",
            stacklevel=2,
        )
        values_K[np.isnan(values_K)] = -math.inf
    return values_K
