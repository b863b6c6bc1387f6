"""Two settings compared: paired where prompts and seeds allow it, else by Welch's test."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.evaluation.statistics import student_p, student_quantile

from .records import Setting, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Comparison", "compare"]

_FEW = 5
"""With fewer common prompts the conclusion is about these prompts alone."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One setting minus another.

    Args:
        difference: of mean scores.
        low, high: its 95 % interval.
        p: two-sided p-value of "no difference", not adjusted.
        method: how it was computed.
    """

    difference: float
    low: float
    high: float
    p: float
    method: str


def compare(one: Setting, other: Setting, noise: tuple[float, int]) -> Comparison:
    """Whether two settings differ.

    Texts of the same prompt and seed are paired, or else means of the same prompt. Over five prompts or
    more, Student's t of the prompts' mean differences speaks about prompts not seen; over fewer, the
    spread inside of prompts speaks about these alone. Without common prompts, Welch's test.

    Args:
        one, other: settings with their texts.
        noise: variance of a text's score with its degrees of freedom, pooled over all settings; takes the
            place of a spread that a single text does not show.

    Returns:
        ``one - other``. Where nothing can be said the p-value is 1 and the interval unbounded.

    Example::

        compare(first, second, (0.2, 90)).p

    Source: Student, "The probable error of a mean" (1908); Welch, "The generalization of 'Student's'
    problem", Biometrika 34 (1947), with degrees of freedom rounded down.
    """
    for key in (_prompt_and_seed, _prompt):
        pairs = _pairs(one.texts, other.texts, key)
        if len(pairs) >= 3:
            return _paired([p for p, _ in pairs], np.array([d for _, d in pairs]))
    return _welch(one, other, noise)


def _prompt_and_seed(text: Text) -> tuple[str, str] | None:
    return (text.prompt, text.seed) if text.seed else None


def _prompt(text: Text) -> tuple[str, str] | None:
    return (text.prompt, "") if text.prompt else None


def _pairs(
    one: Sequence[Text], other: Sequence[Text], key: Callable[[Text], tuple[str, str] | None]
) -> list[tuple[str, float]]:
    """The prompt and the difference of each pair, in the order of their keys."""
    sides = []
    for texts in (one, other):
        gathered: dict[tuple[str, str], list[float]] = {}
        for text in texts:
            label = key(text)
            if label is not None:
                gathered.setdefault(label, []).append(text.score)
        sides.append({label: math.fsum(scores) / len(scores) for label, scores in gathered.items()})
    common = sorted(set(sides[0]) & set(sides[1]))
    # Pairs by seed without prompts are prompts of their own.
    return [(label[0] or label[1], sides[0][label] - sides[1][label]) for label in common]


def _paired(prompts: Sequence[str], differences_N: NDArray[np.float64]) -> Comparison:
    index_N = np.unique(np.array(prompts), return_inverse=True)[1].ravel()
    counts_G = np.bincount(index_N)
    means_G = np.bincount(index_N, differences_N) / counts_G
    estimate = float(means_G.mean())
    count = len(means_G)
    inner = len(differences_N) - count
    if count >= _FEW or inner < 2:
        error = float(means_G.std(ddof=1)) / math.sqrt(count) if count > 1 else 0.0
        return _judged(estimate, error, count - 1, count, f"paired over {count} prompts")
    within = float(np.sum((differences_N - means_G[index_N]) ** 2)) / inner
    error = math.sqrt(within * float(np.sum(1.0 / counts_G))) / count
    units = len(differences_N)
    these = "this prompt" if count == 1 else f"these {count} prompts"
    return _judged(estimate, error, inner, units, f"{units} pairs, about {these} alone")


def _welch(one: Setting, other: Setting, noise: tuple[float, int]) -> Comparison:
    estimate = one.mean - other.mean
    parts = []
    for setting in (one, other):
        count = len(setting.texts)
        variance, freedom = (setting.deviation**2, count - 1) if count > 1 else noise
        parts.append((variance / count, freedom))
    if min(freedom for _, freedom in parts) < 1:
        return Comparison(estimate, -math.inf, math.inf, 1.0, "single texts, which cannot be compared")
    total = sum(variance for variance, _ in parts)
    squares = sum(variance**2 / freedom for variance, freedom in parts)
    freedom = max(1, int(total**2 / squares)) if squares > 0 else 1
    units = min(len(one.texts), len(other.texts))
    return _judged(estimate, math.sqrt(total), freedom, units, "Welch, not paired")


def _judged(estimate: float, error: float, freedom: int, units: int, method: str) -> Comparison:
    if freedom < 1:
        return Comparison(estimate, -math.inf, math.inf, 1.0, method)
    if error <= 1e-12 * (1 + abs(estimate)):
        # Units that all agree: only the chance of their signs is left to argue with.
        p = 1.0 if abs(estimate) <= 1e-12 else 2.0 ** (1 - units)
        return Comparison(estimate, estimate, estimate, p, method)
    reach = student_quantile(0.975, freedom) * error
    return Comparison(
        estimate, estimate - reach, estimate + reach, student_p(estimate / error, freedom), method
    )
