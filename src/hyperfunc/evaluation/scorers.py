"""Scorers: judge one prediction, with a value in [0, 1] and feedback that says what was wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from hyperfunc.types import JSON, Failure, ScoreResult

__all__ = ["ContainsMatch", "ExactMatch", "JSONFields", "Scorer"]


@runtime_checkable
class Scorer(Protocol):
    """Anything with ``score(output, expected, inputs) -> ScoreResult``; it may be ``async``."""

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> Any:
        """Judge one output."""
        ...


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 when output and expectation are equal as text, else 0.

    Args:
        case_sensitive: whether ``A`` and ``a`` differ.
        strip_whitespace: ignore white space at both ends.

    Example::

        >>> ExactMatch().score(" billing", "billing", {}).score
        1.0
    """

    case_sensitive: bool = True
    strip_whitespace: bool = True

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare the two."""
        got, want = self._clean(output), self._clean(expected)
        if got == want:
            return ScoreResult(1.0, "correct")
        return ScoreResult(0.0, f"got {_short(output)}, expected {_short(expected)}")

    def _clean(self, value: Any) -> str:
        text = value if isinstance(value, str) else str(value)
        text = text.strip() if self.strip_whitespace else text
        return text if self.case_sensitive else text.casefold()


@dataclass(frozen=True, slots=True)
class ContainsMatch:
    """The share of expected fragments that the output contains.

    Args:
        case_sensitive: whether ``A`` and ``a`` differ.

    Example::

        >>> ContainsMatch().score("Dear Ada, sorry!", ["Ada", "sorry", "today"], {}).score
        0.6666666666666666
    """

    case_sensitive: bool = False

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Look for each fragment; ``expected`` is one string or a list of them."""
        many = isinstance(expected, Sequence) and not isinstance(expected, str)
        wanted = [str(e) for e in expected] if many else [str(expected)]
        if not wanted:
            return ScoreResult(1.0, "nothing was expected")
        fold = (lambda s: s) if self.case_sensitive else str.casefold
        text = fold(str(output))
        missing = [w for w in wanted if fold(w) not in text]
        share = 1 - len(missing) / len(wanted)
        return ScoreResult(share, f"missing: {', '.join(missing)}" if missing else "all there")


@dataclass(frozen=True, slots=True)
class JSONFields:
    """The share of expected fields that a JSON object holds with the right value.

    The output may be a dict or text that is one JSON object; nothing is repaired.

    Args:
        tolerance: absolute difference within which numbers are equal.

    Example::

        >>> JSONFields().score('{"total": 12}', {"total": 12, "currency": "EUR"}, {}).score
        0.5
    """

    tolerance: float = 1e-9

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare field by field; fields that were not expected are ignored."""
        got, problem = parse_object(output)
        if got is None:
            return ScoreResult(0.0, problem)
        wrong = [
            f"{field}: got {_short(got[field])}, expected {_short(want)}"
            if field in got
            else f"{field} is missing"
            for field, want in expected.items()
            if field not in got or not self._same(got[field], want)
        ]
        share = 1 - len(wrong) / len(expected) if expected else 1.0
        return ScoreResult(share, "; ".join(wrong) or "all fields right")

    def _same(self, a: JSON, b: JSON) -> bool:
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        if numbers and not isinstance(a, bool) and not isinstance(b, bool):
            return math.isclose(a, b, rel_tol=0, abs_tol=self.tolerance)
        return type(a) is type(b) and bool(a == b)


def parse_object(output: Any) -> tuple[dict[str, JSON] | None, str]:
    """Read one JSON object strictly; returns it, or ``None`` and what is wrong."""
    if isinstance(output, Mapping):
        return dict(output), ""
    try:
        value = json.loads(str(output))
    except ValueError as exc:
        return None, f"the output is not JSON ({exc}): {_short(output)}"
    if not isinstance(value, dict):
        return None, f"the output is JSON but not an object: {_short(output)}"
    return value, ""


def _short(value: Any, most: int = 80) -> str:
    if isinstance(value, Failure):
        return f"a failure ({value.reason})"
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
