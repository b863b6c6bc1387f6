"""Scorers of trajectories: match, precision, recall, F1, order and efficiency.

Of M calls made and N expected, P can be paired one to one in any order and L in order, which is the length
of the longest common subsequence. So ``L <= P <= min(M, N)``, and a trajectory that is exactly as expected
has ``L == P == M == N``.

Source of exact, in-order and any-order match, precision and recall: the trajectory metrics of Google
Cloud's Gen AI evaluation service, except that calls are paired one to one, so that a call which is made
more often than expected is extra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hyperfunc.evaluation.scorers.base import result
from hyperfunc.types import ScoreResult

from .alignment import Alignment, listed, path, repeats
from .scorer import TrajectoryScorer

__all__ = [
    "ToolEfficiency",
    "TrajectoryAnyOrderMatch",
    "TrajectoryExactMatch",
    "TrajectoryF1",
    "TrajectoryInOrderMatch",
    "TrajectoryOrder",
    "TrajectoryPrecision",
    "TrajectoryRecall",
]


class TrajectoryExactMatch(TrajectoryScorer):
    """1 when the calls are those expected, in the same order and no others, else 0.

    Example::

        >>> TrajectoryExactMatch().compare(["search", "buy"], ["search", "buy"]).score
        1.0
    """

    def _value(self, found: Alignment) -> float:
        return float(len(found.in_order) == len(found.made) == len(found.expected))


class TrajectoryInOrderMatch(TrajectoryScorer):
    """1 when all expected calls were made in their order, with any others before, between or after.

    Example::

        >>> TrajectoryInOrderMatch().compare(["search", "think", "buy"], ["search", "buy"]).score
        1.0
    """

    def _value(self, found: Alignment) -> float:
        return float(len(found.in_order) == len(found.expected))


@dataclass(frozen=True, repr=False)
class TrajectoryAnyOrderMatch(TrajectoryScorer):
    """1 when all expected calls were made, in any order.

    Args:
        extra: whether others may have been made as well. Without them it is the "unordered" match of
            LangChain's agentevals.

    Example::

        >>> TrajectoryAnyOrderMatch(extra=False).compare(["buy", "search"], ["search", "buy"]).score
        1.0
    """

    extra: bool = True

    def _value(self, found: Alignment) -> float:
        return float(not found.missing and (self.extra or not found.extra))


class TrajectoryPrecision(TrajectoryScorer):
    """The share of the calls made that are expected, P / M.

    Example::

        >>> TrajectoryPrecision().compare(["search", "search", "buy", "pay"], ["search", "buy"]).score
        0.5
    """

    def _value(self, found: Alignment) -> float:
        return len(found.matched) / len(found.made)


class TrajectoryRecall(TrajectoryScorer):
    """The share of the calls expected that were made, P / N.

    Recall of one name, ``["search"]``, says whether that function was used at all.

    Example::

        >>> TrajectoryRecall().compare(["search", "search"], ["search", "buy"]).score
        0.5
    """

    def _value(self, found: Alignment) -> float:
        return len(found.matched) / len(found.expected)


class TrajectoryF1(TrajectoryScorer):
    """The harmonic mean of precision and recall, 2 P / (M + N).

    Example::

        >>> TrajectoryF1().compare(["search"], ["search", "buy", "pay"]).score
        0.5

    Source: van Rijsbergen, Information Retrieval, 1979, chapter 7.
    """

    def _value(self, found: Alignment) -> float:
        return 2 * len(found.matched) / (len(found.made) + len(found.expected))


class TrajectoryOrder(TrajectoryScorer):
    """The share of the calls expected that were made in the expected order, L / N.

    It is 1 exactly where :class:`TrajectoryInOrderMatch` is, at most the recall, and below the recall
    exactly where calls are out of order.

    Example::

        >>> TrajectoryOrder().compare(["buy", "search", "pay"], ["search", "buy", "pay"]).score
        0.6666666666666666

    Source: the recall of ROUGE-L over calls in place of words: Lin, ROUGE: a package for automatic
    evaluation of summaries, 2004, section 3.
    """

    def _value(self, found: Alignment) -> float:
        return len(found.in_order) / len(found.expected)


class ToolEfficiency(TrajectoryScorer):
    """How few calls were made for what was needed: min(N, M - R) / M, where R of them only repeat others.

    A call repeats another one when name and arguments are the same; as many as are expected are no waste.
    Which calls were made does not matter otherwise: another way of the same length is as efficient.

    An example may expect the number of calls in place of a trajectory, or ``None``: then only repeated
    calls are waste.

    Example::

        >>> ToolEfficiency().compare([("search", {"q": "a"}), ("search", {"q": "a"})], None).score
        0.5
        >>> ToolEfficiency().compare(["search", "think", "think", "buy"], 2).score
        0.5

    Source: the shortest path over the path taken, as in SPL without its factor for success: Anderson et
    al., On evaluation of embodied navigation agents, 2018, arXiv:1807.06757, section 3.
    """

    def compare(self, made: Any, expected: Any) -> ScoreResult:
        """Judge calls that are known already; ``expected`` may be a number or ``None``, too."""
        is_count = isinstance(expected, int) and not isinstance(expected, bool) and expected >= 0
        if expected is not None and not is_count:
            return super().compare(made, expected)
        calls = self._made(made)
        waste = repeats(calls, [1] * len(calls))
        count, needed = len(calls), len(calls) - len(waste) if expected is None else expected
        value = _efficiency(count, needed, len(waste)) if count and needed else float(count == needed)
        said = f"{count} calls made, {needed} needed"
        if waste:
            said += f"; repeated: {listed([calls[i] for i in waste])}"
        return result(value, f"{said}; made: {path(calls)}", {"made": count, "needed": needed})

    def _value(self, found: Alignment) -> float:
        return _efficiency(len(found.made), len(found.expected), len(found.repeated))


def _efficiency(made: int, needed: int, repeated: int) -> float:
    return min(needed, made - repeated) / made
