"""One call of a model by a signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import CallError, ProgramError
from hyperfunc.llm.completion import llm_completion
from hyperfunc.llm.registry import route_for
from hyperfunc.llm.structured import enforces_schemas
from hyperfunc.spaces import Exemplar
from hyperfunc.types import JSON

from .fields import Layout
from .kinds import Mismatch
from .prediction import Prediction
from .reading import fields_of
from .rendering import Format, messages, response_format

__all__ = ["Task", "answered"]


@dataclass(frozen=True, slots=True)
class Task:
    """What a signature asks for, and what its answers become.

    Args:
        layout: of the signature.
        record: of its outputs.
    """

    layout: Layout
    record: type[Prediction]


async def answered(
    task: Task,
    model: str,
    form: str,
    learnt: tuple[str, Sequence[Exemplar], Any],
    unnamed: Sequence[Any],
    inputs: Mapping[str, Any],
) -> Prediction:
    """Ask, and read the answer.

    Args:
        task: what for.
        model: its name.
        form: ``"auto"``, ``"json"`` or ``"text"``.
        learnt: prompt, exemplars and parameter group.
        unnamed: inputs without a name, which are refused.
        inputs: by name.

    Raises:
        ProgramError: an input is missing, unknown, or has no name.
        CallError: an input or an exemplar does not fit the signature; nothing is asked.
        BadAnswer: an output does not; what was paid for is in the ledger.
    """
    layout, (prompt, exemplars, hp) = task.layout, learnt
    _check_names(layout, unnamed, inputs)
    given = _given(layout, inputs)
    chosen = _chosen(form, model)
    turns = messages(layout, chosen, prompt, exemplars, given)
    asked = response_format(layout) if chosen == "json" else None
    response = await llm_completion(model, turns, hp, response_format=asked)
    return task.record(**fields_of(layout, chosen, response))


def _check_names(layout: Layout, unnamed: Sequence[Any], inputs: Mapping[str, Any]) -> None:
    names = [field.name for field in layout.inputs]
    shown = ", ".join(f"{name}=..." for name in names)
    if unnamed:
        raise ProgramError(f"a Predict of {layout.name} takes its inputs by name; call it with ({shown})")
    if missing := [name for name in names if name not in inputs]:
        raise ProgramError(
            f"a Predict of {layout.name} lacks its input {missing[0]!r}; call it with ({shown})"
        )
    if more := [name for name in inputs if name not in names]:
        raise ProgramError(f"a Predict of {layout.name} has no input {more[0]!r}; call it with ({shown})")


def _given(layout: Layout, inputs: Mapping[str, Any]) -> dict[str, JSON]:
    try:
        return {field.name: field.kind.dump(inputs[field.name], field.name) for field in layout.inputs}
    except Mismatch as found:
        raise CallError(f"an input does not fit the signature {layout.name}: {found}") from found


def _chosen(form: str, model: str) -> Format:
    if form == "auto":
        return "json" if enforces_schemas(route_for(model).client) else "text"
    return "json" if form == "json" else "text"
