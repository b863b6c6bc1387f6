"""Budgets in DSPy's words: metric calls, of which each is one evaluation of ours."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hyperfunc.errors import BudgetSyntax

__all__ = ["MetricCalls"]

_AUTO = {"light": 6, "medium": 12, "heavy": 18}
_MINIBATCH, _FULL_EVERY, _BOOTSTRAP = 35, 5, 5


@dataclass(frozen=True, slots=True)
class MetricCalls:
    """How many metric calls a compile may make; exactly one of the three.

    Args:
        auto: ``"light"``, ``"medium"`` or ``"heavy"``: what ``dspy.GEPA`` and MIPROv2 make of these words.
        max_full_evals: passes over the training and the validation set together.
        max_metric_calls: the number itself.

    Raises:
        BudgetSyntax: none or several of them, or an unknown word.
    """

    auto: str | None = None
    max_full_evals: int | None = None
    max_metric_calls: int | None = None

    def __post_init__(self) -> None:
        given = [n for n in self.__slots__ if getattr(self, n) is not None]
        if len(given) != 1:
            raise BudgetSyntax(
                "give exactly one of auto, max_full_evals and max_metric_calls; "
                f"got {' and '.join(given) or 'none'}"
            )
        if self.auto is not None and self.auto not in _AUTO:
            raise BudgetSyntax(f"auto is {self.auto!r}; use one of {', '.join(map(repr, _AUTO))}")

    def count(self, predictors: int, train: int, validation: int) -> int:
        """The number of metric calls.

        Args:
            predictors: how many are learnt.
            train: training examples.
            validation: validation examples; 0 when none were given.

        Example::

            >>> MetricCalls(max_full_evals=8).count(1, train=100, validation=50)
            1200
        """
        if self.max_metric_calls is not None:
            return self.max_metric_calls
        if self.max_full_evals is not None:
            return self.max_full_evals * (train + validation)
        assert self.auto is not None
        return _automatic(max(predictors, 1), _AUTO[self.auto], validation or train)


def _automatic(predictors: int, candidates: int, validation: int) -> int:
    """The formula of ``dspy.GEPA.auto_budget``: bootstrapping, minibatches, and a full pass now and then."""
    trials = int(max(4 * predictors * math.log2(candidates), 1.5 * candidates))
    passes = 1 + (trials + 1) // _FULL_EVERY + 1 + (1 if trials < _FULL_EVERY else 0)
    return passes * validation + candidates * _BOOTSTRAP + trials * _MINIBATCH
