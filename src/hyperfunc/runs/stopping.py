"""When a run ends before its budget does. A condition is any callable over the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .result import StepRecord

__all__ = ["Idle", "Patience", "Reached", "Steps", "StopCondition"]

StopCondition = Callable[[Sequence[StepRecord]], str | None]
"""Gets the steps so far; returns the reason to stop, or ``None`` to go on. It must depend on nothing
else, so that a resumed run stops at the same place."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Stop after ``most`` steps."""

    most: int

    def __call__(self, history: Sequence[StepRecord]) -> str | None:
        """The reason to stop, or ``None``."""
        return f"{self.most} steps were made" if len(history) >= self.most else None


@dataclass(frozen=True, slots=True)
class Reached:
    """Stop once the incumbent's value on its own training examples is at least ``value``."""

    value: float

    def __call__(self, history: Sequence[StepRecord]) -> str | None:
        """The reason to stop, or ``None``."""
        now = history[-1].incumbent_value if history else None
        return f"the incumbent reached {self.value:g}" if now is not None and now >= self.value else None


@dataclass(frozen=True, slots=True)
class Patience:
    """Stop after ``steps`` steps that did not raise the incumbent's value by more than ``least``."""

    steps: int
    least: float = 0.0

    def __call__(self, history: Sequence[StepRecord]) -> str | None:
        """The reason to stop, or ``None``."""
        values = [r.incumbent_value for r in history if r.incumbent_value is not None]
        if len(values) <= self.steps:
            return None
        before, since = max(values[: -self.steps]), max(values[-self.steps :])
        return f"no improvement for {self.steps} steps" if since <= before + self.least else None


@dataclass(frozen=True, slots=True)
class Idle:
    """Stop when nothing gets better and nothing that is limited gets spent: no budget would end it.

    Args:
        steps: how long to wait.
        limited: names of the amounts that the budget limits.
    """

    steps: int
    limited: tuple[str, ...] = ()

    def __call__(self, history: Sequence[StepRecord]) -> str | None:
        """The reason to stop, or ``None``."""
        if len(history) <= self.steps:
            return None
        then, now = history[-self.steps - 1].spend, history[-1].spend
        if any(getattr(then, name) != getattr(now, name) for name in self.limited):
            return None
        return Patience(self.steps)(history)
