"""The calls of a traced lane, and which of them each call has to come after."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from hyperfunc.program.graph import Call, Edge, EdgeKind
from hyperfunc.program.hyperfunction import HyperFunction

from .provenance import Found, Sources, add

__all__ = ["Edges", "Node"]


class Node:
    """A call under way or finished; see :class:`Call` for the fields they share.

    Attributes:
        made: tick at which its inputs were fixed; an awaitable may begin later.
        order: where it stands in the program; sorting by it gives program order.
        looks: what was found when its inputs were looked at.
        before: numbers of the calls that its edges put before it.
    """

    __slots__ = (
        "before", "began", "clock", "ended", "error", "fn", "inputs", "looks", "made", "number", "order",
        "output", "parent", "place", "seconds",
    )  # fmt: skip

    def __init__(
        self, fn: HyperFunction, place: tuple[str | int, ...], number: int, made: int, parent: Node | None,
        order: tuple[int, ...],
    ) -> None:  # fmt: skip
        self.fn = fn
        self.place = place
        self.order = order
        self.number = number
        self.made = made
        self.parent = parent
        self.inputs: dict[str, Any] = {}
        self.looks: list[Found] = []
        self.before: set[int] = set()
        self.began: int | None = None
        self.ended: int | None = None
        self.output: Any = None
        self.error: str | None = None
        self.clock = 0.0
        self.seconds = 0.0

    @property
    def inside(self) -> int | None:
        """Number of the call it was made in."""
        return None if self.parent is None else self.parent.number

    def around(self) -> Iterator[Node]:
        """The calls it was made inside of, from the inside out."""
        at = self.parent
        while at is not None:
            yield at
            at = at.parent


class Edges:
    """The calls so far and what flows between them.

    What cannot be followed may come from any finished call that *leaks*: whose output has anything in it
    besides tensors, or whose data was turned into plain Python values. Tensors that were followed leak
    nothing, which keeps the edges of programs of tensors exact.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.threaded = False
        self._edges: dict[tuple[int, int], EdgeKind] = {}
        self._leaks: dict[int, set[int | None]] = {}
        self._threads = set(threading.enumerate())

    def leak(self, call: int, inside: int | None) -> None:
        """Data of a call becomes plain Python values, which code inside another call (or ``run``) can use."""
        self._leaks.setdefault(call, set()).add(inside)

    def is_inside(self, number: int | None, call: int) -> bool:
        """Whether what happened inside call ``number`` happened inside ``call``."""
        if number is None:
            return False
        return number == call or any(node.number == call for node in self.nodes[number].around())

    def depend(self, node: Node, found: list[Found], when: int) -> None:
        """Put a call after what its inputs come from.

        Args:
            node: the call.
            found: what is known of each input.
            when: tick; calls that end later are under way at the same time and come before nothing.
        """
        around = {outer.number for outer in node.around()}
        sources: Sources = {}
        for look in found:
            for call, kind in look.sources.items():
                outer = self._outermost(call, around, when)
                if outer is not None and outer != node.number:
                    add(sources, outer, kind)
        if node.parent is not None:
            node.before |= node.parent.before
        for call, kind in sources.items():
            self._put(call, node, kind)
        if any(look.unknown for look in found):
            # The latest first: whatever a call comes after comes before this one as well.
            for call in self.possible(any(look.blind for look in found), around, when)[::-1]:
                if call not in node.before:
                    self._put(call, node, "inferred")

    def possible(self, blind: bool, around: set[int], when: int | None = None) -> list[int]:
        """Finished calls, by their end, that what happens inside the calls ``around`` may come from.

        Args:
            blind: whether calls that leak nothing count, too.
            around: numbers of calls.
            when: tick by which they have ended; now by default.
        """
        blind = blind or self._in_threads()
        here: set[int | None] = {None, *around}
        ended = [n for n in self.nodes if n.ended is not None and (when is None or n.ended < when)]
        found = [n for n in ended if n.inside in here and (blind or self._leaks.get(n.number, set()) & here)]
        return [n.number for n in sorted(found, key=lambda n: n.ended or 0)]

    def recorded(self) -> tuple[tuple[Call, ...], tuple[Edge, ...]]:
        """The calls that began, numbered anew in program order, and the edges between them."""
        # Which branch of a gather goes on first depends on answers, and no result may depend on that.
        begun = sorted((n for n in self.nodes if n.began is not None), key=lambda n: n.order)
        numbers = {node.number: at for at, node in enumerate(begun)}
        edges = [Edge(numbers[s], numbers[t], kind) for (s, t), kind in self._edges.items() if t in numbers]
        calls = (
            Call(
                number=numbers[node.number], name=node.fn.name, place=node.place, inputs=node.inputs,
                output=node.output, error=node.error, seconds=node.seconds, began=node.began or 0,
                ended=node.ended, parent=None if node.inside is None else numbers[node.inside],
            )
            for node in begun
        )  # fmt: skip
        return tuple(calls), tuple(sorted(edges, key=lambda e: (e.target, e.source)))

    def _put(self, source: int, node: Node, kind: EdgeKind) -> None:
        pair = (source, node.number)
        known: Sources = {source: self._edges[pair]} if pair in self._edges else {}
        add(known, source, kind)
        self._edges[pair] = known[source]
        node.before |= {source} | self.nodes[source].before

    def _outermost(self, call: int, around: set[int], when: int) -> int | None:
        """The widest finished call that an output came out of; ``None`` when it is still under way."""
        best = None
        at: Node | None = self.nodes[call]
        while at is not None and at.number not in around and at.ended is not None and at.ended < when:
            best = at.number
            at = at.parent
        return best

    def _in_threads(self) -> bool:
        """Whether anything ran in a thread, where operations on tensors are not seen."""
        return self.threaded or any(t not in self._threads for t in threading.enumerate())
