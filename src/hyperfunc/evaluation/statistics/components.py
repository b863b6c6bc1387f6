"""Where the noise of scores comes from, and what to buy against it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Allocation", "VarianceComponents", "best_allocation", "variance_components"]

_CHOICES = 2000
"""Up to this many repeats per item are considered."""


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Variances of what a score is the sum of, in squared units of the score.

    Args:
        item: between the true means of items.
        repeat: between fresh answers to one item, with what remains when no answer is judged twice.
        judge: between the leniencies of judges, which all their scores share.
        residual: between judges of one answer, their leniency apart.
    """

    item: float
    repeat: float
    judge: float = 0.0
    residual: float = 0.0

    def of_mean(self, items: int, repeats: int = 1, judges: int = 1) -> float:
        """The variance of a mean over new items, repeats and judges.

        Args:
            items, repeats, judges: how many items, answers to each, and judges of each answer; at least 1.

        Returns:
            ``item / n + repeat / (n r) + judge / j + residual / (n r j)``.

        Raises:
            MetricError: a number below 1.

        Example::

            >>> VarianceComponents(item=0.2, repeat=0.1).of_mean(10, repeats=2)
            0.025

        Source: Brennan, "Generalizability Theory" (2001), with repeats nested in items.
        """
        if min(items, repeats, judges) < 1:
            raise MetricError(f"{items} items, {repeats} repeats, {judges} judges: give at least 1 of each")
        answers = items * repeats
        return (
            self.item / items
            + self.repeat / answers
            + self.judge / judges
            + self.residual / (answers * judges)
        )


@dataclass(frozen=True, slots=True)
class Allocation:
    """What to buy for a budget.

    Args:
        items, repeats, judges: how many items, answers to each, and judges of each answer.
        cost: in the unit of the budget.
        standard_error: of the mean that results, in the unit of the score.
    """

    items: int
    repeats: int
    judges: int
    cost: float
    standard_error: float

    def __str__(self) -> str:
        want = "more items" if self.repeats == 1 else "more repeats"
        return (
            f"{want}: {self.items} items x {self.repeats} repeats x {self.judges} judges for {self.cost:g}, "
            f"standard error {self.standard_error:.3g}"
        )


def variance_components(
    values_N: ArrayLike,
    items_N: Sequence[Hashable],
    *,
    repeats_N: Sequence[Hashable] | None = None,
    judges_N: Sequence[Hashable] | None = None,
) -> VarianceComponents:
    r"""Variances between items, repeats and judges, from a table that need not be balanced.

    The sums of squares ``q_k``, over the levels of each factor, of the centered totals are set equal to
    their expectations, ``E q_k = sum_l F_kl var_l`` with ``F_kl = sum_ab (c_ab - n_a n_b / N)^2`` over
    the levels a of factor k and b of factor l, where ``c_ab`` counts the values they share. For balanced
    tables this is the analysis of variance. It assumes no distribution. A negative estimate, which chance
    gives where a variance is near 0, becomes 0. With few levels (five
    judges, ten items) the variance of that factor is itself known to a factor of two or three at best.

    To plan a comparison, give differences between two candidates on the same item and repeat: what both
    share, a judge's leniency foremost, is then gone from the components.

    Args:
        values_N: scores or differences; no NaN.
        items_N: the item of each value.
        repeats_N: which answer to its item each value judges; every value is an answer of its own when not
            given. Only needed when answers are judged more than once.
        judges_N: who judged it; one judge when not given.

    Returns:
        The components; ``judge`` and ``residual`` are 0 where the table cannot show them.

    Raises:
        MetricError: nothing to compare, NaN, lengths that differ, no item with two repeats, or factors
            that always change together.

    Example::

        >>> parts = variance_components([1.0, 3.0, 5.0, 7.0], ["a", "a", "b", "b"])
        >>> round(parts.item, 3), round(parts.repeat, 3)
        (7.0, 2.0)

    Source: Rao, "Estimation of variance and covariance components in linear models", JASA 67 (1972),
    as MINQUE(0) in Searle, Casella and McCulloch, "Variance Components" (1992), section 11.3.
    """
    values = np.asarray(values_N, np.float64)
    if values.ndim != 1 or len(values) < 3 or not np.isfinite(values).all():
        raise MetricError("values_N needs at least three finite values in one row; leave out missing ones")
    single_N = np.arange(len(values))
    items = _codes(items_N, "items_N", len(values))
    if repeats_N is None or judges_N is None:
        texts = single_N
    else:
        repeats = _codes(repeats_N, "repeats_N", len(values))
        texts = np.unique(items * (repeats.max() + 1) + repeats, return_inverse=True)[1]
    if texts.max() == items.max():
        raise MetricError(
            "no item of items_N has two repeats; answer some items twice to tell items from luck"
        )
    factors = {"item": items, "repeat": texts}
    if judges_N is not None:
        judges = _codes(judges_N, "judges_N", len(values))
        if judges.max() > 0:
            factors["judge"] = judges
        if texts.max() + 1 < len(values):
            factors["residual"] = single_N
    found = _solve(values, list(factors.values()))
    return VarianceComponents(**{name: max(0.0, float(found[k])) for k, name in enumerate(factors)})


def best_allocation(
    components: VarianceComponents,
    *,
    budget: float,
    item_cost: float = 0.0,
    repeat_cost: float = 1.0,
    judge_cost: float = 0.0,
    max_items: int | None = None,
    max_judges: int = 1,
) -> Allocation:
    """The numbers of items, repeats and judges with the least variance of the mean that a budget buys.

    A design of n items, r repeats and j judges costs ``n (item_cost + r (repeat_cost + j judge_cost))``.
    When items cost nothing by themselves and there are enough, one repeat each is always best; repeats pay
    when items are dear or used up, near ``r = sqrt(item_cost repeat / (repeat_cost item))``.

    Args:
        components: from :func:`variance_components`; of differences, to plan a comparison.
        budget: what may be spent, in any unit.
        item_cost: of getting one more item, at least 0.
        repeat_cost: of one more answer, above 0.
        judge_cost: of one more judgement, at least 0.
        max_items: how many items there are; unlimited when not given.
        max_judges: how many judges there are.

    Returns:
        The best design; of equals the cheapest.

    Raises:
        MetricError: a budget below one item, or costs and limits out of range.

    Example::

        >>> luck = VarianceComponents(item=0.05, repeat=0.2)
        >>> print(best_allocation(luck, budget=100, item_cost=4))
        more repeats: 11 items x 5 repeats x 1 judges for 99, standard error 0.0905
        >>> print(best_allocation(luck, budget=100))
        more items: 100 items x 1 repeats x 1 judges for 100, standard error 0.05

    Source: Cochran, "Sampling Techniques" (3rd edition, 1977), section 10.6, by trying whole numbers.
    """
    costs = (budget, item_cost, repeat_cost, judge_cost)
    if not all(math.isfinite(cost) and cost >= 0 for cost in costs) or repeat_cost == 0:
        raise MetricError("costs and budget must be finite and at least 0, and repeat_cost above 0")
    if max_judges < 1 or (max_items is not None and max_items < 1):
        raise MetricError(f"max_judges is {max_judges!r} and max_items {max_items!r}; give at least 1")
    repeats_R1 = np.arange(1, _CHOICES + 1)[:, None]
    judges_J = np.arange(1, max_judges + 1)
    price_RJ = item_cost + repeats_R1 * (repeat_cost + judges_J * judge_cost)
    items_RJ = np.floor(budget / price_RJ * (1 + 1e-12))
    if max_items is not None:
        items_RJ = np.minimum(items_RJ, max_items)
    if items_RJ[0, 0] < 1:
        raise MetricError(f"budget is {budget:g}, but one item costs {price_RJ[0, 0]:g}; raise it")
    with np.errstate(divide="ignore", invalid="ignore"):
        answers_RJ = items_RJ * repeats_R1
        variance_RJ = (
            components.item / items_RJ
            + components.repeat / answers_RJ
            + components.judge / judges_J
            + components.residual / (answers_RJ * judges_J)
        )
    variance_RJ = np.where(items_RJ >= 1, variance_RJ, np.inf)
    cost_RJ = items_RJ * price_RJ
    ties = variance_RJ <= variance_RJ.min() * (1 + 1e-12)
    row, column = np.unravel_index(np.argmin(np.where(ties, cost_RJ, np.inf)), cost_RJ.shape)
    return Allocation(
        items=int(items_RJ[row, column]),
        repeats=int(row) + 1,
        judges=int(column) + 1,
        cost=float(cost_RJ[row, column]),
        standard_error=math.sqrt(float(variance_RJ[row, column])),
    )


def _codes(labels_N: Sequence[Hashable], name: str, count: int) -> NDArray[np.int64]:
    if len(labels_N) != count:
        raise MetricError(f"{name} has {len(labels_N)} entries for {count} values; give one each")
    places: dict[Hashable, int] = {}
    return np.array([places.setdefault(label, len(places)) for label in labels_N], np.int64)


def _solve(values_N: NDArray[np.float64], factors: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Variances whose expected sums of squares are those found."""
    centered_N = values_N - values_N.mean()
    squares_F = np.array([np.sum(np.bincount(codes, centered_N) ** 2) for codes in factors])
    expected_FF = np.array([[_shared(one, other) for other in factors] for one in factors])
    # Scaled to a unit diagonal, the matrix is singular just when factors cannot be told apart.
    scale_F = np.sqrt(np.diag(expected_FF))
    if scale_F.min() <= 0:
        raise MetricError("items_N names one item only; give values of several items")
    scaled_FF = expected_FF / np.outer(scale_F, scale_F)
    if np.linalg.cond(scaled_FF) > 1e10:
        raise MetricError(
            "items, repeats and judges change together; let judges share items to tell them apart"
        )
    return np.asarray(np.linalg.solve(scaled_FF, squares_F / scale_F) / scale_F, np.float64)


def _shared(one_N: NDArray[np.int64], other_N: NDArray[np.int64]) -> float:
    """The sum over pairs of levels of (values they share - values expected to be shared), squared."""
    count = len(one_N)
    sizes_A, sizes_B = np.bincount(one_N).astype(float), np.bincount(other_N).astype(float)
    pairs_P, shared_P = np.unique(one_N * len(sizes_B) + other_N, return_counts=True)
    expected_P = sizes_A[pairs_P // len(sizes_B)] * sizes_B[pairs_P % len(sizes_B)] / count
    everywhere = float(np.sum(sizes_A**2) * np.sum(sizes_B**2)) / count**2
    return float(np.sum(shared_P * (shared_P - 2 * expected_P))) + everywhere
