"""Answers in JSON: which schema was asked for, and strict reading. Nothing is repaired."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hyperfunc.errors import BadAnswer, ModelError

from .client import Response
from .schema import violation

__all__ = ["enforces_schemas", "parse_answer", "schema_of", "strict_json"]

_SHOWN = 120


def schema_of(response_format: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The JSON schema of a response format; an empty one when any JSON object will do.

    Args:
        response_format: a JSON schema, ``{"type": "json_object"}``, or OpenAI's
            ``{"type": "json_schema", "json_schema": {"schema": ...}}``.

    Raises:
        ModelError: it is none of these.
    """
    if response_format is None:
        return None
    kind = response_format.get("type")
    if kind == "json_object":
        return {"type": "object"}
    if kind == "json_schema":
        inner = response_format.get("json_schema")
        schema = inner.get("schema") if isinstance(inner, Mapping) else None
        if not isinstance(schema, Mapping):
            raise ModelError('response_format of type json_schema needs {"json_schema": {"schema": {...}}}')
        return schema
    if not {"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const", "properties"} & set(response_format):
        raise ModelError(f"response_format {str(dict(response_format))[:_SHOWN]} is no JSON schema")
    return response_format


def parse_answer(answer: Response | str, response_format: Mapping[str, Any]) -> Any:
    """Read a model's answer as the JSON that was asked for.

    The whole text must be one JSON value that fits the schema: no fences, no text around it, no repeated
    names, no NaN.

    Args:
        answer: a response, or its text.
        response_format: as it was given to the request.

    Raises:
        BadAnswer: it is not; the message says where. Asking anew with another seed may help.

    Example::

        >>> parse_answer('{"team": "tech"}', {"type": "object", "required": ["team"]})
        {'team': 'tech'}
    """
    text = answer if isinstance(answer, str) else answer.text
    if isinstance(answer, Response) and answer.finish_reason == "length":
        raise BadAnswer(f"the answer was cut off by its length ({text[:_SHOWN]!r}); raise max_tokens")
    try:
        value = strict_json(text)
    except ValueError as error:
        raise BadAnswer(
            f"the answer is not the JSON that was asked for: {error}, in {text[:_SHOWN]!r}"
        ) from error
    found = violation(value, schema_of(response_format) or {})
    if found is not None:
        raise BadAnswer(f"the answer does not fit its schema: {found}, in {text[:_SHOWN]!r}")
    return value


def enforces_schemas(client: Any) -> bool:
    """Whether a client is known to hold every answer to the schema of its request.

    A client says so by an attribute ``enforces_schemas``; of middleware, what it wraps is asked. Without a
    word it counts as no.
    """
    while client is not None:
        said = getattr(client, "enforces_schemas", None)
        if said is not None:
            return bool(said)
        client = getattr(client, "client", None)
    return False


def strict_json(text: str) -> Any:
    """The one JSON value that a text is: nothing around it, no repeated names, no NaN.

    Raises:
        ValueError: it is not one.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("an object has a name twice")
    return made


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
