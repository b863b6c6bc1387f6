"""A scorer of form: whether structured output fits a JSON schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError, ModelError
from hyperfunc.llm.schema import violation
from hyperfunc.types import JSON, ScoreResult

from .base import Malformed, judged, result, shown
from .structure import parse_value

__all__ = ["JSONSchemaMatch"]


@dataclass(frozen=True, slots=True)
class JSONSchemaMatch:
    """1 when the output fits a JSON schema, else 0.

    Text is read as JSON, strictly; any other prediction is taken as the value itself.

    Args:
        schema: the JSON schema, of the keywords that :func:`hyperfunc.llm.schema.violation` knows;
            ``None`` takes what the example expects as the schema.

    Raises:
        MetricError: the schema is no dict.

    Example::

        >>> JSONSchemaMatch({"type": "object", "required": ["team"]}).score("{}", None, {}).feedback
        "$ lacks 'team'"

    Source: JSON Schema, draft 2020-12.
    """

    schema: dict[str, JSON] | None = None

    def __post_init__(self) -> None:
        if self.schema is not None and not isinstance(self.schema, Mapping):
            raise MetricError(f"the schema of JSONSchemaMatch is {shown(self.schema)}; give a dict")

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Hold the output against the schema.

        Raises:
            MetricError: there is no schema, or it is wrong.
        """
        return judged(_fit, output, expected if self.schema is None else self.schema)


def _fit(output: Any, schema: Any) -> ScoreResult:
    if not isinstance(schema, Mapping):
        raise MetricError(
            f"JSONSchemaMatch needs a schema, and the example expects {shown(schema)}; give a dict"
        )
    value = parse_value(output)
    try:
        found = violation(value, schema)
    except (ModelError, re.error) as error:
        raise MetricError(f"the schema of JSONSchemaMatch is wrong: {error}") from error
    except (OverflowError, ValueError) as error:
        raise Malformed(
            f"the prediction holds a number that JSON does not have or that is too large: {shown(value)}"
        ) from error
    if found is None:
        return result(1.0, "fits the schema")
    return result(0.0, found, {"violation": shown(found, 200)})
