"""Scorers of structured output: which fields are right, which are missing, which are too many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import JSON, ScoreResult

from .base import Malformed, clean, judged, result, shown
from .structure import expected_object, leaves, parse_object, same

__all__ = ["FieldF1", "JSONFields"]


@dataclass(frozen=True, slots=True)
class JSONFields:
    """The share of expected fields that a JSON object holds with the right value.

    The output may be a dict or text that is one JSON object; nothing is repaired.

    Args:
        tolerance: absolute difference within which numbers are equal.

    Raises:
        MetricError: the tolerance is negative or not finite.

    Example::

        >>> JSONFields().score('{"total": 12}', {"total": 12, "currency": "EUR"}, {}).score
        0.5
    """

    tolerance: float = 1e-9

    def __post_init__(self) -> None:
        _check_tolerance(self.tolerance, "JSONFields")

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare field by field; fields that were not expected are ignored.

        Raises:
            MetricError: no object is expected.
        """
        return judged(self._compare, output, expected)

    def _compare(self, output: Any, expected: Any) -> ScoreResult:
        want = expected_object(expected, "JSONFields")
        got = parse_object(output)
        wrong = [
            f"{field}: got {shown(got[field])}, expected {shown(value)}"
            if field in got
            else f"{field} is missing, expected {shown(value)}"
            for field, value in want.items()
            if field not in got or not same(got[field], value, self.tolerance)
        ]
        right = {
            clean(str(f), 80): float(f in got and same(got[f], v, self.tolerance)) for f, v in want.items()
        }
        share = (len(want) - len(wrong)) / len(want) if wrong else 1.0
        return result(share, "; ".join(wrong) or "all fields right", {"fields": right})


@dataclass(frozen=True, slots=True)
class FieldF1:
    """F1 of the fields of a JSON object: the harmonic mean of precision and recall.

    Objects are taken apart into their innermost values. A value counts as right when the other side has
    it at the same path; values of a list of plain values are compared without regard to order, items
    of a list of objects by their place. F1 = 2 · right / (predicted + expected); 1 when both are empty.

    Args:
        tolerance: absolute difference within which numbers are equal.
        max_fields: predictions with more score 0.

    Raises:
        MetricError: a setting is out of range.

    Example::

        >>> FieldF1().score({"total": 12, "vat": 2}, {"total": 12, "currency": "EUR"}, {}).score
        0.5

    Source: van Rijsbergen, Information Retrieval, 1979, chapter 7 (E = 1 - F).
    """

    tolerance: float = 1e-9
    max_fields: int = 1000

    def __post_init__(self) -> None:
        _check_tolerance(self.tolerance, "FieldF1")
        if self.max_fields < 1:
            raise MetricError(f"max_fields of FieldF1 is {self.max_fields}; give at least 1")

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare all fields.

        Raises:
            MetricError: no object is expected.
        """
        return judged(self._compare, output, expected)

    def _compare(self, output: Any, expected: Any) -> ScoreResult:
        want = _by_path(expected_object(expected, "FieldF1"))
        got = _by_path(parse_object(output))
        predicted, wanted = _count(got), _count(want)
        if predicted > self.max_fields:
            raise Malformed(f"the prediction has {predicted} fields and at most {self.max_fields} are read")
        right, problems = 0, list[str]()
        for path in {**want, **got}:
            hits, problem = _matched(path, got.get(path, []), want.get(path, []), self.tolerance)
            right += hits
            problems += problem
        if not predicted and not wanted:
            return result(1.0, "no fields, as expected")
        precision = right / predicted if predicted else 0.0
        recall = right / wanted if wanted else 0.0
        details: dict[str, JSON] = {
            "precision": precision, "recall": recall,
            "right": right, "predicted": predicted, "expected": wanted,
        }  # fmt: skip
        return result(2 * right / (predicted + wanted), "; ".join(problems) or "all fields right", details)


def _by_path(value: dict[str, JSON]) -> dict[str, list[JSON]]:
    found: dict[str, list[JSON]] = {}
    for path, leaf in leaves(value):
        found.setdefault(path, []).append(leaf)
    return found


def _count(fields: Mapping[str, list[JSON]]) -> int:
    return sum(map(len, fields.values()))


def _matched(
    path: str, got: list[JSON], want: list[JSON], tolerance: float
) -> tuple[int, list[str]]:  # fmt: skip
    """How many of the values at a path are right, and what is wrong with the rest."""
    left, missing = list(got), list[JSON]()
    for value in want:
        place = next((i for i, other in enumerate(left) if same(other, value, tolerance)), None)
        if place is None:
            missing.append(value)
        else:
            del left[place]
    problems = [
        f"{path}: got {shown(g)}, expected {shown(w)}" for g, w in zip(left, missing, strict=False)
    ]  # fmt: skip
    problems += [f"{path} is missing, expected {shown(w)}" for w in missing[len(left) :]]
    problems += [f"{path}: {shown(g)} was not expected" for g in left[len(missing) :]]
    return len(want) - len(missing), problems


def _check_tolerance(tolerance: float, scorer: str) -> None:
    if not 0 <= tolerance < math.inf:
        raise MetricError(f"tolerance of {scorer} is {tolerance}; give a number of at least 0")
