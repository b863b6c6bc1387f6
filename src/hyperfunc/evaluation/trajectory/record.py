"""The trajectory of one example: the calls that were made, or that are expected, in order."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, overload

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scorers.base import plain
from hyperfunc.evaluation.scorers.structure import same
from hyperfunc.program.graph import Call, CallGraph
from hyperfunc.types import JSON

from .forms import ToolCall, read

__all__ = ["Trajectory"]


@dataclass(frozen=True, slots=True)
class Trajectory(Sequence[ToolCall]):
    """The calls that were made, or are expected, for one example.

    Args:
        calls: in order.

    Example::

        >>> print(Trajectory.of(["search", ("buy", {"item": "lamp"})]))
        search → buy(item='lamp')
    """

    calls: tuple[ToolCall, ...] = ()

    @classmethod
    def of(cls, given: Any, *, only: Collection[str] | None = None, nested: bool = False) -> Trajectory:
        """Read a trajectory.

        Args:
            given: a :class:`~hyperfunc.CallGraph`; or a list whose items are names, ``(name, arguments)``
                pairs, objects with ``name`` and ``arguments``, tool calls in the words of OpenAI (their
                arguments are an object or its JSON text), or chat messages, whose ``tool_calls`` count;
                or a trajectory.
            only: names that count; all by default.
            nested: of a graph, whether calls count that were made inside another one that counts.

        Returns:
            The calls in order; those of a graph in program order, which is the same in every run. Their
            arguments are what the program passed, without defaults: the objects themselves, so that what
            the program changed later is changed here.

        Raises:
            MetricError: it is none of these; the message says which item.

        Example::

            Trajectory.of(system.trace_run(question="…"), only=("search", "buy"))
            Trajectory.of([{"function": {"name": "search", "arguments": '{"query": "lamp"}'}}])
        """
        # A text has each of its letters in it.
        only = (only,) if isinstance(only, str) else only
        if isinstance(given, CallGraph):
            return cls(tuple(ToolCall(c.name, dict(c.inputs)) for c in _counted(given, only, nested)))
        calls = given.calls if isinstance(given, Trajectory) else read(given)
        return cls(tuple(call for call in calls if only is None or call.name in only))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the calls, in order."""
        return tuple(call.name for call in self.calls)

    def to_json(self) -> JSON:
        """Plain data that :meth:`of` reads: a run that went well, as what to expect.

        Raises:
            MetricError: an argument is no JSON.
        """
        return [{"name": c.name, "arguments": _as_json(c)} for c in self.calls]

    def __str__(self) -> str:
        return " → ".join(map(str, self.calls)) or "no calls"

    def __len__(self) -> int:
        return len(self.calls)

    @overload
    def __getitem__(self, index: int) -> ToolCall: ...
    @overload
    def __getitem__(self, index: slice) -> Trajectory: ...
    def __getitem__(self, index: int | slice) -> ToolCall | Trajectory:
        return Trajectory(self.calls[index]) if isinstance(index, slice) else self.calls[index]


def _counted(graph: CallGraph, only: Collection[str] | None, nested: bool) -> list[Call]:
    """The calls of a graph that count, in order."""
    counted: list[Call] = []
    # A call stands after those around it.
    inside: set[int] = set()
    numbers: set[int] = set()
    for call in graph.calls:
        if call.parent in numbers or call.parent in inside:
            inside.add(call.number)
        if (only is None or call.name in only) and (nested or call.number not in inside):
            counted.append(call)
            numbers.add(call.number)
    return counted


def _as_json(call: ToolCall) -> JSON:
    if call.arguments is None:
        return None
    given = plain(dict(call.arguments))
    try:
        kept = json.loads(json.dumps(given, allow_nan=False))
        exact = same(kept, given, 0.0)
    except (TypeError, ValueError, RecursionError):
        exact = False
    if not exact:
        raise MetricError(f"{call} has arguments that are no JSON, so it cannot be written down")
    return kept
