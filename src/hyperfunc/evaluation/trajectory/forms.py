"""One call of a trajectory, and the forms in which people and libraries write lists of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scorers.base import clean, shown

__all__ = ["ToolCall", "read"]

_SHOWN = 80
_TOOL_CALLS = ("function", "function_call")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a trajectory.

    Args:
        name: of the function or tool.
        arguments: by parameter; ``None`` when nothing is said about them, which is not the same as ``{}``.
    """

    name: str
    arguments: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        if self.arguments is None:
            return clean(self.name, _SHOWN)
        given = ", ".join(f"{name}={shown(value, 30)}" for name, value in self.arguments.items())
        return clean(f"{self.name}({given})", _SHOWN)


def read(given: Any) -> tuple[ToolCall, ...]:
    """The calls of a list of names, pairs, tool calls or chat messages.

    Raises:
        MetricError: it is no such list, or one of its items is none of these.
    """
    if isinstance(given, Mapping) and "tool_calls" in given:
        given = [given]
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise MetricError(
            f"a trajectory is a list of names, of (name, arguments) or of tool calls, and got {shown(given)}"
        )
    return tuple(call for number, item in enumerate(given) for call in _calls(item, number))


def _calls(item: Any, number: int) -> Iterator[ToolCall]:
    if isinstance(item, ToolCall):
        yield item
    elif isinstance(item, str):
        yield ToolCall(item)
    elif isinstance(item, Mapping):
        yield from _of_object(item, number)
    elif isinstance(item, list | tuple) and len(item) == 2:
        yield _call(item[0], item[1], item, number)
    else:
        raise _unreadable(item, number)


def _of_object(item: Mapping[Any, Any], number: int) -> Iterator[ToolCall]:
    """The call that an object stands for, or those that a message holds."""
    if "role" in item or "tool_calls" in item:
        calls = item.get("tool_calls") or ()
        if isinstance(calls, str | Mapping) or not isinstance(calls, Iterable):
            raise _unreadable(item, number)
        for call in calls:
            if not isinstance(call, Mapping) or "role" in call or "tool_calls" in call:
                raise _unreadable(call, number)
            yield from _of_object(call, number)
    elif isinstance(inner := item.get("function"), Mapping):
        yield _call(inner.get("name"), inner.get("arguments"), item, number)
    elif "name" in item:
        yield _call(item["name"], item.get("arguments"), item, number)
    elif item.get("type") in (None, *_TOOL_CALLS):
        raise _unreadable(item, number)
    # Every other type is a part of an answer that is no call: text, reasoning, a tool's output.


def _call(name: Any, arguments: Any, item: Any, number: int) -> ToolCall:
    if isinstance(arguments, str):
        arguments = _parsed(arguments, item, number)
    if not isinstance(name, str) or not (arguments is None or isinstance(arguments, Mapping)):
        raise _unreadable(item, number)
    return ToolCall(name, None if arguments is None else dict(arguments))


def _parsed(text: str, item: Any, number: int) -> Any:
    """Arguments as models write them: the text of a JSON object, or nothing for a call without any."""
    if not text.strip():
        return {}
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise MetricError(
            f"item {number} of a trajectory has arguments that are no JSON: {shown(item)}"
        ) from None


def _unreadable(item: Any, number: int) -> MetricError:
    return MetricError(
        f"item {number} of a trajectory is {shown(item)}; give a name, (name, arguments) with arguments a "
        'dict, or {"name": …, "arguments": …}'
    )
