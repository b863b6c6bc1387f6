"""From fields to messages: the same values give the same bytes. ``docs/signatures.md`` says how it looks."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from hyperfunc.errors import CallError
from hyperfunc.llm.client import Message
from hyperfunc.spaces import Exemplar
from hyperfunc.types import JSON

from .fields import Field, Layout
from .kinds import Mismatch, shown

__all__ = ["Format", "heading", "messages", "response_format", "section", "worked"]

Format = Literal["json", "text"]
"""How outputs are written: one JSON object, or texts under headings."""


def messages(
    layout: Layout, form: Format, prompt: str, exemplars: Sequence[Exemplar], inputs: Mapping[str, JSON]
) -> list[Message]:
    """The conversation: the prompt with what is said about the fields, a turn each way for every exemplar,
    and the inputs.

    Raises:
        CallError: an exemplar does not fit the signature.
    """
    system = "\n\n".join(filter(None, (prompt, section(layout, form))))
    turns = [Message("system", system)]
    for number, exemplar in enumerate(exemplars):
        given, answered = worked(layout, exemplar.input, exemplar.output, f"exemplar {number}")
        turns.append(Message("user", _under_headings(layout.inputs, given)))
        turns.append(Message("assistant", _answer(layout, form, answered)))
    return [*turns, Message("user", _under_headings(layout.inputs, inputs))]


@functools.lru_cache(maxsize=256)
def section(layout: Layout, form: Format) -> str:
    """What the model is told about the fields; it is fixed and never learnt."""
    given = "\n".join(["The message has:", *(f"- {_named(field)}" for field in layout.inputs)])
    if form == "json":
        head = "Reply with one JSON object and nothing else. It has:"
        wanted = "\n".join([head, *(f"- {json.dumps(f.name)}: {_said(f)}" for f in layout.outputs)])
    elif len(layout.outputs) == 1:
        wanted = f"Reply with this and nothing else, without its name:\n- {_named(layout.outputs[0])}"
    else:
        head = "Reply with each of these under its heading, in this order:"
        wanted = "\n\n".join([head, *(f"{heading(f.name)}\n({_said(f)})" for f in layout.outputs)])
    return f"{given}\n\n{wanted}"


def heading(name: str) -> str:
    """The line above a field."""
    return f"=== {name} ==="


@functools.lru_cache(maxsize=256)
def response_format(layout: Layout) -> Mapping[str, JSON]:
    """The schema that goes with a request for JSON."""
    schema, strict = layout.schema()
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}


def worked(
    layout: Layout, given: Any, answered: Any, where: str
) -> tuple[dict[str, JSON], dict[str, JSON]]:  # fmt: skip
    """Inputs and outputs of an exemplar as JSON. With one output its value may stand alone.

    Raises:
        CallError: the exemplar does not fit the signature.
    """
    if len(layout.outputs) == 1:
        name = layout.outputs[0].name
        answered = answered if isinstance(answered, Mapping) and set(answered) == {name} else {name: answered}
    return _dumped(layout.inputs, given, where), _dumped(layout.outputs, answered, where)


def _dumped(fields: tuple[Field, ...], values: Any, where: str) -> dict[str, JSON]:
    names = [field.name for field in fields]
    if not isinstance(values, Mapping) or set(values) != set(names):
        raise CallError(f"{where} has {shown(values)} where the signature has {', '.join(names)}; give these")
    try:
        return {field.name: field.kind.dump(values[field.name], field.name) for field in fields}
    except Mismatch as found:
        raise CallError(f"{where} does not fit the signature: {found}") from found


def _under_headings(fields: tuple[Field, ...], values: Mapping[str, JSON]) -> str:
    return "\n\n".join(f"{heading(field.name)}\n{_text(values[field.name])}" for field in fields)


def _answer(layout: Layout, form: Format, values: Mapping[str, JSON]) -> str:
    if form == "json":
        return _text({field.name: values[field.name] for field in layout.outputs})
    if len(layout.outputs) == 1:
        return _text(values[layout.outputs[0].name])
    return _under_headings(layout.outputs, values)


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(field: Field) -> str:
    return f"{field.name}: {_said(field)}"


def _said(field: Field) -> str:
    return f"{field.kind.words}; {field.desc}" if field.desc else field.kind.words
