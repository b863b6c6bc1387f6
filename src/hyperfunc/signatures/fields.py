"""Fields of a signature, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.types import JSON

from .kinds import Kind

__all__ = ["Declared", "Field", "InputField", "Layout", "OutputField"]


@dataclass(frozen=True, slots=True)
class Declared:
    """What :func:`InputField` and :func:`OutputField` leave in the body of a class."""

    is_input: bool
    desc: str


def InputField(*, desc: str = "") -> Any:  # noqa: N802 - reads as the kind of field that it declares
    """A field that a call is given.

    Args:
        desc: what it is, for the model; may be empty.
    """
    return Declared(True, desc)


def OutputField(*, desc: str = "") -> Any:  # noqa: N802 - reads as the kind of field that it declares
    """A field that the model fills in.

    Args:
        desc: what is wanted, for the model; may be empty.
    """
    return Declared(False, desc)


@dataclass(frozen=True, slots=True)
class Field:
    """A field with its kind.

    Args:
        name: of the field.
        kind: of its values.
        desc: for the model; may be empty.
    """

    name: str
    kind: Kind
    desc: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """All that a signature says; each class has one of its own, whose identity stands for it.

    Args:
        name: of the signature.
        instruction: its docstring, or a sentence made of its fields.
        inputs, outputs: in the order in which they were written.
    """

    name: str
    instruction: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]

    def schema(self) -> tuple[dict[str, JSON], bool]:
        """A JSON schema of the outputs, and whether servers with strict schemas take it."""
        definitions: dict[str, JSON] = {}
        parts = {field.name: _described(field, definitions) for field in self.outputs}
        schema: dict[str, JSON] = {
            "type": "object",
            "properties": parts,
            "required": list(parts),
            "additionalProperties": False,
        }
        if definitions:
            schema["$defs"] = definitions
        return schema, all(field.kind.closed for field in self.outputs)

    def plain(self) -> Mapping[str, JSON]:
        """All of it as JSON: two layouts mean the same when it is equal."""
        definitions: dict[str, JSON] = {}
        inputs, outputs = (
            [[field.name, field.kind.schema(definitions), field.desc] for field in fields]
            for fields in (self.inputs, self.outputs)
        )
        return {"name": self.name, "inputs": inputs, "outputs": outputs, "definitions": definitions}


def _described(field: Field, definitions: dict[str, JSON]) -> dict[str, JSON]:
    schema = field.kind.schema(definitions)
    # Beside a reference, strict servers allow nothing else.
    return {**schema, "description": field.desc} if field.desc and "$ref" not in schema else schema
