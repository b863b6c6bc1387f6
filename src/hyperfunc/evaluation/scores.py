"""What a metric may return for one prediction, as a score with feedback and details."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import JSON, ScoreResult

__all__ = ["checked_score", "described"]


def checked_score(given: Any, name: str) -> ScoreResult:
    """What a metric returned for one item, as a result in [0, 1] or NaN.

    Args:
        given: a number, a :class:`ScoreResult`, an object with ``score`` and ``feedback``, or a dict with
            these keys; further keys of a dict that are JSON become details.
        name: of the metric, for messages.

    Raises:
        MetricError: it is not a score.
    """
    if isinstance(given, ScoreResult):
        result = given
    elif isinstance(given, bool | int | float):
        result = ScoreResult(_number(given))
    else:
        result = _read(given, name)
    if not math.isnan(result.score) and not -1e-9 <= result.score <= 1 + 1e-9:
        raise MetricError(
            f"metric {name} returned {result.score:g}; a score of one item lies in [0, 1] so that a "
            "failure can count as 0: rescale it, or judge the set with over_set(...)"
        )
    return result


def described(value: Any) -> str:
    """A returned value with its type, for messages."""
    return "None" if value is None else f"{value!r:.60} ({type(value).__name__})"


def _read(given: Any, name: str) -> ScoreResult:
    """A result from a dict, or from an object with attributes."""
    if isinstance(given, Mapping):
        score, feedback = given.get("score"), given.get("feedback")
        details = {str(k): v for k, v in given.items() if k not in ("score", "feedback") and _is_json(v)}
    else:
        score, feedback, details = getattr(given, "score", None), getattr(given, "feedback", None), {}
    if not isinstance(score, int | float):
        raise MetricError(f"metric {name} returned {described(given)}; return a score in [0, 1]")
    return ScoreResult(_number(score), "" if feedback is None else str(feedback), details)


def _number(score: float) -> float:
    try:
        return float(score)
    except OverflowError:
        return math.inf if score > 0 else -math.inf


def _is_json(value: JSON) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return True
