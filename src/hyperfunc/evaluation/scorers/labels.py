"""Labels: how they are compared, and a scorer of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import Failure, ScoreResult

from .base import Malformed, judged, plain, result, shown, text_of

__all__ = ["ClassificationAccuracy", "label_of"]

_AROUND = " \t\r\n.!\"'`*"
"""What may stand around a label without being part of it."""


def label_of(value: Any, *, case_sensitive: bool = False) -> str | None:
    """A label in the form in which labels are compared; ``None`` for what is no label.

    A label is a text, a number or a truth value; white space, quotes, a full stop and an exclamation
    mark around it do not count, nor does case unless it is asked for.
    """
    value = plain(value)
    if isinstance(value, Failure) or not isinstance(value, str | int | float | bool):
        return None
    try:
        text = text_of(value).strip(_AROUND)
    except Malformed:
        return None
    return (text if case_sensitive else text.casefold()) or None


@dataclass(frozen=True, slots=True)
class ClassificationAccuracy:
    """1 when the output is the expected label, else 0; its mean over examples is the accuracy.

    Args:
        labels: all that exist; the feedback then tells a wrong label from what is none. Empty: any.
        case_sensitive: whether ``A`` and ``a`` differ.

    Raises:
        MetricError: one of the labels is no label.

    Example::

        >>> ClassificationAccuracy(("billing", "shipping")).score("Billing.", "billing", {}).score
        1.0
    """

    labels: Sequence[str] = ()
    case_sensitive: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.labels, str):
            raise MetricError(f"labels of ClassificationAccuracy is one text, {self.labels!r}; give several")
        object.__setattr__(self, "labels", tuple(self.labels))
        for label in self.labels:
            if self._label(label) is None:
                raise MetricError(
                    f"{shown(label)} is no label; ClassificationAccuracy takes texts and numbers"
                )

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare two labels.

        Raises:
            MetricError: what is expected is no label, or none of ``labels``.
        """
        return judged(self._compare, output, expected)

    def _compare(self, got: Any, want: Any) -> ScoreResult:
        known = [self._label(label) for label in self.labels]
        right = self._label(want)
        if right is None or (known and right not in known):
            raise MetricError(
                f"the example expects {shown(want)}, which is {'none of the labels' if known else 'no label'}"
                f"{' ' + self._listed() if known else ''}; correct the example or the labels"
            )
        label = self._label(got)
        if label is None:
            raise Malformed(f"the prediction is no label: {shown(got)}")
        details = {"predicted": shown(got), "expected": shown(want)}
        if label == right:
            return result(1.0, "correct", details)
        feedback = f"got {shown(got)}, expected {shown(want)}"
        if known and label not in known:
            feedback += f"; only the labels {self._listed()} exist"
        return result(0.0, feedback, details)

    def _label(self, value: Any) -> str | None:
        return label_of(value, case_sensitive=self.case_sensitive)

    def _listed(self) -> str:
        return ", ".join(map(shown, self.labels))
