"""From an answer to the fields it fills in. Nothing is repaired and nothing is assumed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hyperfunc.errors import BadAnswer
from hyperfunc.llm.client import Response
from hyperfunc.llm.structured import strict_json

from .fields import Field, Layout
from .kinds import Mismatch, shown
from .rendering import Format

__all__ = ["fields_of"]

_HEADING = re.compile(r"^[ \t]*===[ \t]*(\w+)[ \t]*===[ \t]*$", re.MULTILINE)


def fields_of(layout: Layout, form: Format, answer: Response) -> dict[str, Any]:
    """The values of all outputs.

    Raises:
        BadAnswer: one is missing or wrong; the message says which, what was expected, and what came. Asking
            anew with another seed may help.
    """
    if answer.finish_reason == "length":
        raise _bad(layout, [f"it was cut off by its length, {shown(answer.text)}; raise max_tokens"])
    problems: list[str] = []
    values: dict[str, Any] = {}
    found = _json(layout, answer.text) if form == "json" else _texts(layout, answer.text)
    for field in layout.outputs:
        if field.name not in found:
            problems.append(f"{field.name} is missing, expected {field.kind.words}")
            continue
        try:
            values[field.name] = _value(field, form, found[field.name])
        except Mismatch as problem:
            problems.append(str(problem))
    if more := [name for name in found if name not in values and not _is_output(layout, name)]:
        problems.append(f"{more[0]} was not asked for")
    if problems:
        raise _bad(layout, [*problems, *([] if found else [f"the answer was {shown(answer.text)}"])])
    return values


def _value(field: Field, form: Format, value: Any) -> Any:
    return field.kind.load(value, field.name) if form == "json" else field.kind.read(value, field.name)


def _is_output(layout: Layout, name: str) -> bool:
    return any(field.name == name for field in layout.outputs)


def _json(layout: Layout, text: str) -> Mapping[str, Any]:
    try:
        value = strict_json(text)
    except ValueError as error:
        raise _bad(layout, [f"expected {_asked(layout)}, got {shown(text)} ({error})"]) from error
    if not isinstance(value, dict):
        raise _bad(layout, [f"expected {_asked(layout)}, got {shown(value)}"])
    return value


def _asked(layout: Layout) -> str:
    return f"a JSON object with {', '.join(field.name for field in layout.outputs)}"


def _texts(layout: Layout, text: str) -> Mapping[str, str]:
    """What stands under each heading; what stands before the first one is not read."""
    names = {field.name for field in layout.outputs}
    places = [match for match in _HEADING.finditer(text) if match[1] in names]
    if not places and len(names) == 1:
        return {layout.outputs[0].name: text.strip()} if text.strip() else {}
    found: dict[str, str] = {}
    ends = [*(match.start() for match in places[1:]), len(text)]
    for match, end in zip(places, ends, strict=False):
        if match[1] in found:
            raise _bad(layout, [f"{match[1]} stands there twice, expected it once, in {shown(text)}"])
        found[match[1]] = text[match.end() : end].strip()
    return found


def _bad(layout: Layout, problems: list[str]) -> BadAnswer:
    return BadAnswer(f"the answer does not fit the signature {layout.name}: {'; '.join(problems)}")
