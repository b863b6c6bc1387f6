"""JSON in predictions: read strictly, compared value by value, and taken apart into fields."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import JSON

from .base import Malformed, shown

__all__ = ["expected_object", "leaves", "parse_object", "parse_value", "same"]


def parse_value(output: Any) -> JSON:
    """A JSON value: text is read, anything else is taken as it is; nothing is repaired.

    Raises:
        Malformed: the text is not JSON.
    """
    if isinstance(output, Mapping):
        return dict(output)
    if not isinstance(output, str):
        return output
    try:
        return json.loads(output, parse_constant=_refuse)
    except RecursionError:
        raise Malformed("the output is JSON that is nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"the output is not JSON ({error}): {shown(output)}") from None


def parse_object(output: Any) -> dict[str, JSON]:
    """One JSON object.

    Raises:
        Malformed: it is none.
    """
    value = parse_value(output)
    if not isinstance(value, dict):
        what = "JSON but not an object" if isinstance(output, str) else "not an object"
        raise Malformed(f"the output is {what}: {shown(output)}")
    return value


def expected_object(expected: Any, scorer: str) -> dict[str, JSON]:
    """The fields that an example expects.

    Raises:
        MetricError: it expects no object.
    """
    try:
        return parse_object(expected)
    except Malformed:
        raise MetricError(
            f"{scorer} compares fields, and the example expects {shown(expected)}; give a dict"
        ) from None


def same(a: JSON, b: JSON, tolerance: float) -> bool:
    """Equality of JSON values: numbers within a tolerance, ``true`` is not 1, in lists and objects too."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        try:
            return a == b or math.isclose(a, b, rel_tol=0, abs_tol=tolerance)
        except OverflowError:
            return False
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name], tolerance) for name in a)
    return type(a) is type(b) and bool(a == b)


def leaves(value: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    """The innermost values of an object with their paths, such as ``lines[0].price``.

    Values of a list of plain values share one path, ``tags[]``: their order does not count. An empty
    object or list inside is a value of its own.
    """
    if isinstance(value, dict) and (value or not path):
        for name, part in value.items():
            yield from leaves(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple) and value:
        nested = any(isinstance(part, dict | list | tuple) for part in value)
        for index, part in enumerate(value):
            yield from leaves(part, f"{path}[{index}]" if nested else f"{path}[]")
    else:
        yield path, value


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
