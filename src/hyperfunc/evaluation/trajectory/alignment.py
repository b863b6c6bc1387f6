"""Two trajectories side by side: what is missing, extra, out of order and repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hyperfunc.ledger.keys import content_key
from hyperfunc.types import JSON

from .forms import ToolCall
from .matching import Matcher, pair
from .record import Trajectory

__all__ = ["Alignment", "listed", "path", "repeats"]

_MOST = 20
"""Calls that feedback and details name one by one."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How the calls that were made relate to those expected; positions are ascending.

    Args:
        made: M calls.
        expected: N calls.
        matched: made calls that stand for an expected one, each for another; as many as possible.
        in_order: the most of these that come in the order of the expected ones.
        missing: expected calls that none stands for.
        repeated: made calls that repeat an earlier one exactly, more often than such a call is expected.
    """

    made: Trajectory
    expected: Trajectory
    matched: tuple[int, ...]
    in_order: tuple[int, ...]
    missing: tuple[int, ...]
    repeated: tuple[int, ...]

    @classmethod
    def of(cls, made: Trajectory, expected: Trajectory, matcher: Matcher) -> Alignment:
        """Align two trajectories."""
        found = pair(made, expected, matcher)
        missing = set(range(len(expected))) - set(found.partner.values())
        return cls(
            made, expected, tuple(sorted(found.partner)), found.ordered, tuple(sorted(missing)),
            repeats(made, found.fits),
        )  # fmt: skip

    @property
    def extra(self) -> tuple[int, ...]:
        """Made calls that stand for no expected one."""
        return tuple(sorted(set(range(len(self.made))) - set(self.matched)))

    @property
    def out_of_order(self) -> tuple[int, ...]:
        """Made calls that are expected, at another place among the others."""
        return tuple(sorted(set(self.matched) - set(self.in_order)))

    def remarks(self) -> str:
        """What is wrong, for people and for optimizers that read; empty when nothing is."""
        lists = {
            "missing": [self.expected[j] for j in self.missing],
            "extra": [self.made[i] for i in self.extra],
            "out of order": [self.made[i] for i in self.out_of_order],
            "repeated": [self.made[i] for i in self.repeated],
        }
        said = [f"{what}: {listed(calls)}" for what, calls in lists.items() if calls]
        if not said:
            return ""
        return f"{'; '.join(said)}; made: {path(self.made)}; expected: {path(self.expected)}"

    def to_json(self) -> dict[str, JSON]:
        """The same as data: lists of short texts, cut where they get long."""
        return {
            "made": _texts(self.made),
            "expected": _texts(self.expected),
            "missing": _texts(self.expected[j] for j in self.missing),
            "extra": _texts(self.made[i] for i in self.extra),
            "out_of_order": _texts(self.made[i] for i in self.out_of_order),
            "repeated": _texts(self.made[i] for i in self.repeated),
        }


def repeats(made: Trajectory, allowed: Iterable[int]) -> tuple[int, ...]:
    """Calls that repeat an earlier one exactly, beyond how often each is allowed; once always is.

    Calls whose arguments have no content that could be compared repeat nothing.
    """
    seen: Counter[str] = Counter()
    found = []
    for number, (call, most) in enumerate(zip(made, allowed, strict=True)):
        if (content := _content(call)) is not None:
            seen[content] += 1
            if seen[content] > max(1, most):
                found.append(number)
    return tuple(found)


def _content(call: ToolCall) -> str | None:
    try:
        return content_key(call.name, call.arguments)
    except Exception:  # an argument may be any object, and its methods may raise anything
        return None


def listed(calls: list[ToolCall]) -> str:
    """Texts of calls, equal ones as one with a count, the first few of them."""
    counted = Counter(map(str, calls))
    texts = [text if times == 1 else f"{text} ({times} times)" for text, times in counted.items()]
    return ", ".join(texts[:_MOST]) + (f" and {len(texts) - _MOST} more" if len(texts) > _MOST else "")


def path(calls: Trajectory) -> str:
    """Text of a trajectory, of its beginning when it is long."""
    return str(calls[:_MOST]) + (f" → … ({len(calls)} calls)" if len(calls) > _MOST else "")


def _texts(calls: Iterable[ToolCall]) -> list[JSON]:
    texts = list(map(str, calls))
    return texts if len(texts) <= _MOST else [*texts[:_MOST], f"… and {len(texts) - _MOST} more"]
