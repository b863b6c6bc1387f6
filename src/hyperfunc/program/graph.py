"""The call graph of one run: calls in order, the data that flows between them, and what could run at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hyperfunc.types import JSON

__all__ = ["Call", "CallGraph", "Edge", "EdgeKind"]

EdgeKind = Literal["is", "holds", "derives", "inferred"]

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Edge:
    """Data that flows from the output of one call into an input of another.

    Args:
        source: number of the call whose output it is.
        target: number of the call that receives it.
        kind: ``"is"``: an input is the output itself. ``"holds"``: the output is inside an input.
            ``"derives"``: an input is a part of the output or was seen to be computed from it.
            ``"inferred"``: the input could not be followed, and may depend on the output.
    """

    source: int
    target: int
    kind: EdgeKind


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of a hyperfunction.

    Args:
        number: its position among the calls of the run, from 0, in program order.
        name: of the hyperfunction.
        place: path of calls that led there, which its seed depends on.
        inputs: what the program passed, by parameter; injected values are not among them. The objects
            themselves: what the program changed later is changed here.
        output: what it returned; ``None`` when it failed.
        error: type and message of what it raised, or ``None``.
        seconds: from its start to its end, waiting included.
        parent: number of the call it was made inside of, or ``None``.
        began: tick of the run's event counter at its start.
        ended: tick at its end, or ``None`` when it never ended.
    """

    number: int
    name: str
    place: tuple[str | int, ...]
    inputs: Mapping[str, Any]
    output: Any = None
    error: str | None = None
    seconds: float = 0.0
    parent: int | None = None
    began: int = 0
    ended: int | None = None

    def __str__(self) -> str:
        given = ", ".join(f"{name}={shown(value)}" for name, value in self.inputs.items())
        gave = f"raised {self.error}" if self.error is not None else f"-> {shown(self.output)}"
        return f"{self.name}({given}) {gave}"


@dataclass(frozen=True, slots=True, eq=False)
class CallGraph:
    """What one run did.

    Edges are data edges. Control dependence is none of them: an earlier output that only decides
    *whether* a call is made, or *which* of several existing objects it is given (an ``if``, a position
    in a list, a key of a dict), leaves no edge. What a call writes elsewhere than into its output and
    its inputs (a global, a file) is not followed either.

    Inferred edges err on the side of too many: where an input cannot be followed (arithmetic on Python
    numbers, text that was put together), the call is put after every earlier call that it may depend on.

    Args:
        calls: in program order, which never depends on what answers first: a call stands before those
            made inside of it, and the calls of a task where the program started the task. Tasks that
            nobody awaits are there as far as they came.
        edges: by target, then source; one for each pair of calls, of the strongest kind. What came out
            of a nested call through the call around it counts as the outer one's.
        inputs: of the run.
        output: of the run; ``None`` when it failed.
        error: type and message of the run's failure, or ``None``.

    Example::

        graph = system.trace_run({"ticket": "My parcel is lost"})
        print(graph)
        [[call.name for call in stage] for stage in graph.stages()]
    """

    calls: tuple[Call, ...]
    edges: tuple[Edge, ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    output: Any = None
    error: str | None = None

    def dependencies(self, call: Call | int) -> frozenset[int]:
        """Numbers of the calls that an edge leads from to this one."""
        number = self._number(call)
        return frozenset(e.source for e in self.edges if e.target == number)

    def stages(self, inside: Call | int | None = None) -> list[list[Call]]:
        """Calls grouped so that those of one stage could run at once, given the data edges.

        Args:
            inside: stage the calls nested in this one; those of ``run`` itself by default. A call
                counts with everything nested in it.

        Returns:
            Stages from first to last; each call stands in the earliest stage that its edges allow.
        """
        level = None if inside is None else self._number(inside)
        members = sorted((c for c in self.calls if c.parent == level), key=lambda c: c.began)
        sources: dict[int, set[int]] = {c.number: set() for c in members}
        for edge in self.edges:
            source, target = self._lift(edge.source, sources), self._lift(edge.target, sources)
            if source is not None and target is not None and self._is_before(source, target):
                sources[target].add(source)
        stage_of: dict[int, int] = {}
        for call in members:
            stage_of[call.number] = max((stage_of[s] + 1 for s in sources[call.number]), default=0)
        stages: list[list[Call]] = [[] for _ in range(max(stage_of.values(), default=-1) + 1)]
        for number in sorted(stage_of):
            stages[stage_of[number]].append(self.calls[number])
        return stages

    def to_json(self) -> JSON:
        """The graph as plain data; values as short text."""
        return {
            "inputs": {name: shown(value) for name, value in self.inputs.items()},
            "output": shown(self.output),
            "error": self.error,
            "calls": [
                {
                    "number": c.number, "name": c.name, "place": list(c.place),
                    "inputs": {name: shown(value) for name, value in c.inputs.items()},
                    "output": shown(c.output), "error": c.error, "seconds": c.seconds, "parent": c.parent,
                }
                for c in self.calls
            ],
            "edges": [{"source": e.source, "target": e.target, "kind": e.kind} for e in self.edges],
            "stages": [[c.number for c in stage] for stage in self.stages()],
        }  # fmt: skip

    def __str__(self) -> str:
        lines = []
        for call in self.calls:
            after = ", ".join(f"{e.source} ({e.kind})" for e in self.edges if e.target == call.number)
            end = f"  after {after}" if after else ""
            lines.append(f"{'  ' * self._depth(call)}{call.number} {call}{end}")
        end = f"raised {self.error}" if self.error is not None else f"-> {shown(self.output)}"
        stages = " ".join(f"[{' '.join(str(c.number) for c in stage)}]" for stage in self.stages())
        return "\n".join([*lines, f"run {end}", f"stages {stages}"])

    def _number(self, call: Call | int) -> int:
        return call if isinstance(call, int) else call.number

    def _depth(self, call: Call) -> int:
        depth = 0
        while call.parent is not None:
            call = self.calls[call.parent]
            depth += 1
        return depth

    def _lift(self, number: int, members: Mapping[int, Any]) -> int | None:
        """The call among ``members`` that is this one or around it."""
        at: int | None = number
        while at is not None and at not in members:
            at = self.calls[at].parent
        return at

    def _is_before(self, source: int, target: int) -> bool:
        ended = self.calls[source].ended
        return ended is not None and ended < self.calls[target].began


def shown(value: Any) -> str:
    """Short text of a value; a tensor or an array by its shape."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if isinstance(shape, tuple) and shape and dtype is not None:
        return f"{type(value).__name__}{list(shape)} {dtype}"
    try:
        text = " ".join(repr(value).split())
    except Exception as error:  # a repr of the user's own
        text = f"<{type(value).__name__}, whose repr raised {type(error).__name__}>"
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
