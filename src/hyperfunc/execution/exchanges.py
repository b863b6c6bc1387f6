"""The calls of a lane for those who learn from them: plain values of bounded length, kept with the cell."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from hyperfunc.program.graph import CallGraph
from hyperfunc.signatures.kinds import Mismatch
from hyperfunc.signatures.prediction import Prediction
from hyperfunc.types import Exchange

__all__ = ["as_json", "exchanges_of", "from_json"]

_MOST_CALLS = 200
_MOST_CHARS = 20_000
_MOST_ITEMS = 1000
_DEEPEST = 20
_ATOMS = (str, int, float, bool, type(None))


def exchanges_of(graph: CallGraph) -> tuple[Exchange, ...]:
    """The calls of a graph in program order: at most 200, of longer runs the first and the last."""
    calls = graph.calls
    if len(calls) > _MOST_CALLS:
        calls = calls[: _MOST_CALLS // 2] + calls[-_MOST_CALLS // 2 :]
    return tuple(
        Exchange(
            call.name,
            {name: _plain(value) for name, value in call.inputs.items()},
            None if call.error is not None else _plain(call.output),
            None if call.error is None else _cut(call.error),
        )
        for call in calls
    )


def as_json(exchanges: tuple[Exchange, ...]) -> list[Any]:
    """Exchanges as JSON."""
    return [[each.function, each.inputs, each.output, each.failure] for each in exchanges]


def from_json(stored: list[Any]) -> tuple[Exchange, ...]:
    """The inverse of :func:`as_json`."""
    return tuple(Exchange(*each) for each in stored)


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it: records as mappings, what else there is as its text, long texts cut."""
    if isinstance(value, str):
        return _cut(str(value))
    if type(value) in _ATOMS:
        return value
    if depth == _DEEPEST:
        return "…"
    if isinstance(value, Prediction):
        return _plain(_fields(value), depth + 1)
    if isinstance(value, enum.Enum):
        return _plain(value.value if type(value.value) in _ATOMS else value.name)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [field.name for field in dataclasses.fields(value)]
        return {name: _plain(getattr(value, name, None), depth + 1) for name in fields}
    if isinstance(value, Mapping):
        pairs = list(value.items())[:_MOST_ITEMS]
        return {str(name): _plain(item, depth + 1) for name, item in pairs}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value[:_MOST_ITEMS]]
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, depth + 1) for item in value), key=repr)[:_MOST_ITEMS]
    try:
        return _cut(str(value))
    except Exception as error:  # objects of a program may do anything
        return f"<{type(value).__name__} whose text failed with {type(error).__name__}>"


def _fields(value: Prediction) -> Any:
    try:
        return value.to_json()
    except Mismatch:  # the program changed a value in it
        return dict(value)


def _cut(text: str) -> str:
    if len(text) <= _MOST_CHARS:
        return text
    half = _MOST_CHARS // 2
    return f"{text[:half]}\n({len(text) - 2 * half} characters are left out here)\n{text[-half:]}"
