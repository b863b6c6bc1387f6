"""The tracer of a lane: records its calls and, for each input, the earlier outputs that it comes from."""

from __future__ import annotations

import contextlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from hyperfunc.execution.sharing import unchangeable
from hyperfunc.program.binding import FRAME
from hyperfunc.program.graph import CallGraph
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.types import Failure

from .anatomy import fresh
from .call_edges import Edges, Node
from .callsite import CallSite
from .provenance import Found, Origins, Sources, add
from .tensor_trace import Before, TensorTrace

if TYPE_CHECKING:
    from hyperfunc.execution.frames import Begin, LaneFrame

__all__ = ["Tracer"]

_CALLED = HyperFunction.__call__.__code__
_FRAMES_BETWEEN = 6


class Tracer:
    """Records one lane. The program sees its own objects; the inputs of ``run`` are equal copies, so that
    their identity belongs to them alone.

    Args:
        before: tensors that were there before, from :func:`recorded`; ``None`` without torch.
    """

    def __init__(self, before: Before | None) -> None:
        self.tensors = None if before is None else TensorTrace(sys.modules["torch"], before, self)
        self.origins = Origins(self.tensors)
        self.edges = Edges()
        self.lock = threading.RLock()
        self._at: dict[tuple[str | int, ...], Node] = {}
        self._orders: dict[tuple[str | int, ...], tuple[int, ...]] = {}
        self._steps: dict[tuple[str | int, ...], int] = {}
        self._ticks = itertools.count()
        self._inputs: dict[str, Any] = {}
        self._entry: FrameType | None = None

    def begin(
        self, entry: Callable[..., Any], inputs: Mapping[str, Any], values: Mapping[str, Any]
    ) -> tuple[Callable[..., Any], dict[str, Any]]:
        """The run is about to start.

        Args:
            entry: what is run.
            inputs: of the run.
            values: the learnt values, which are constants here.

        Returns:
            What to run instead, and with which inputs.
        """
        self._inputs = fresh(dict(inputs))
        self.origins.given(list(self._inputs.values()))
        self.origins.given([values[name] for name in values])

        def started(**given: Any) -> Any:
            # Its own frame tells the run apart from a program that calls its `run` again.
            work = entry(**given)
            self._entry = getattr(work, "cr_frame", None)
            return work

        self._started = started.__code__
        return started, self._inputs

    def call(
        self, frame: LaneFrame, fn: HyperFunction, place: tuple[str | int, ...], args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:  # fmt: skip
        """Make one call through ``frame`` and record it."""
        with self._unseen(), self.lock:
            node = self._make(fn, place, args, kwargs)
        if fn.is_async and not frame.waits:
            return frame.untraced(fn, args, kwargs, partial(self._awaited, node))
        self._start(node)
        try:
            value = frame.untraced(fn, args, kwargs)
        except BaseException as error:
            self._fail(node, error)
            raise
        self._finish(node, value)
        return value

    async def _awaited(self, node: Node, begin: Begin) -> Any:
        self._start(node)
        try:
            value = await begin()
        except BaseException as error:
            self._fail(node, error)
            raise
        self._finish(node, value)
        return value

    def branch(self, place: tuple[str | int, ...]) -> None:
        """A task that the program starts gets this place."""
        with self.lock:
            self._orders[place] = self._step(place[:-2])

    def graph(self, outcome: Any) -> CallGraph:
        """What was recorded, and what came of it; the run is over."""
        self._entry = None
        calls, edges = self.edges.recorded()
        if isinstance(outcome, Failure):
            return CallGraph(calls, edges, self._inputs, None, outcome.reason)
        return CallGraph(calls, edges, self._inputs, outcome)

    # What tensors are asked about

    def current(self) -> int | None:
        """Number of the innermost call that runs now."""
        node = self._running()
        return None if node is None else node.number

    def leak(self, sources: Sources) -> None:
        """Data of these calls was turned into plain Python values here."""
        for call in sources:
            self.edges.leak(call, self.current())

    def possible(self, found: Found) -> list[int]:
        """Calls that what could not be followed may come from, for something that happens here and now."""
        if not found.unknown:
            return []
        node = self._running()
        around = set() if node is None else {node.number, *(outer.number for outer in node.around())}
        return self.edges.possible(found.blind, around)

    # Recording

    def _make(
        self, fn: HyperFunction, place: tuple[str | int, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Node:
        nodes = self.edges.nodes
        order = self._orders[place] = self._step(place[:-2])
        node = Node(fn, place, len(nodes), next(self._ticks), self._inside(place[:-2]), order)
        site = self._site(fn, node.parent) if any(n.ended is not None for n in nodes) else None
        nodes.append(node)
        self._at[place] = node
        names = _names(fn)
        given: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
        found = []
        for at, value in given:
            name = at if isinstance(at, str) else names[at] if at < len(names) else f"*{at}"
            node.inputs[name] = value
            look = self.origins.look(value)
            node.looks.append(look)
            found.append(self._read(look, site, at))
        self.edges.depend(node, found, node.made)
        return node

    def _step(self, place: tuple[str | int, ...]) -> tuple[int, ...]:
        """Where in the program something stands that begins now in the frame of a place."""
        while place and place not in self._orders:
            # A further attempt at a call goes on where the last one stopped.
            place = place[:-2]
        number = self._steps[place] = self._steps.get(place, -1) + 1
        return (*self._orders.get(place, ()), number)

    def _read(self, look: Found, site: CallSite | None, at: int | str) -> Found:
        """What is known of an argument, with what the text of the call adds."""
        if site is None or not (look.sources or look.unknown):
            return look
        reads = site.reads(at)
        if reads is None:
            return look
        inherits = reads.parameters and not site.of_run
        if not reads.values and not inherits:
            return Found()
        if not look.unknown:
            return look
        narrowed = Found()
        if inherits:
            narrowed.sources.update(look.sources)
        for value in reads.values:
            behind = self.origins.look(value)
            if behind.unknown:
                return look
            for call in behind.sources:
                add(narrowed.sources, call, look.sources.get(call, "inferred"))
        return narrowed

    def _site(self, fn: HyperFunction, parent: Node | None) -> CallSite | None:
        """The text of the call that is being made."""
        frame: FrameType | None = sys._getframe(1)
        for _ in range(_FRAMES_BETWEEN):
            if frame is None or frame.f_code is _CALLED:
                break
            frame = frame.f_back
        if frame is None or frame.f_code is not _CALLED or frame.f_back is None:
            return None
        caller = frame.f_back
        outer = caller.f_back
        of_run = caller is self._entry or (outer is not None and outer.f_code is self._started)
        of_call = parent is not None and caller.f_code is getattr(parent.fn.fn, "__code__", None)
        return CallSite(caller, fn, of_run, of_call)

    def _start(self, node: Node) -> None:
        with self._unseen(), self.lock:
            node.began = next(self._ticks)
            node.clock = time.perf_counter()
            policy = node.fn.policy
            if not node.fn.is_async and (policy.blocking or policy.timeout_s is not None):
                self.edges.threaded = True
            if node.began > node.made + 1:
                # Something happened since its inputs were fixed, and may have changed what is in them.
                now = [self.origins.look(value) for value in node.inputs.values()]
                changed = [n for n, then in zip(now, node.looks, strict=True) if not n.same(then)]
                self.edges.depend(node, changed, node.began)
                node.looks = now

    def _fail(self, node: Node, error: BaseException) -> None:
        with self._unseen(), self.lock:
            text = str(error)
            node.error = f"{type(error).__name__}: {text}" if text else type(error).__name__
            self._end(node)

    def _finish(self, node: Node, value: Any) -> None:
        with self._unseen(), self.lock:
            node.output = value
            self._end(node)
            if self.origins.returned(node.number, value):
                self.edges.leak(node.number, node.inside)

    def _end(self, node: Node) -> None:
        node.ended = next(self._ticks)
        node.seconds = time.perf_counter() - node.clock
        for value, before in zip(node.inputs.values(), node.looks, strict=True):
            # What it wrote into its inputs comes from it, too.
            if not unchangeable(value) and not self.origins.look(value).same(before):
                self.origins.changed(node.number, value, before)
                self.edges.leak(node.number, node.inside)
        node.looks = []

    def _running(self) -> Node | None:
        frame: Any = FRAME.get()
        return self._inside(getattr(frame, "place", ()))

    def _inside(self, place: tuple[str | int, ...]) -> Node | None:
        """The innermost call whose place leads to this one."""
        for length in range(len(place), 0, -1):
            node = self._at.get(place[:length])
            if node is not None:
                return node
        return None

    def _unseen(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self.tensors is None else self.tensors.unseen()


def _names(fn: HyperFunction) -> tuple[str, ...]:
    """Names of the parameters that can be passed by position."""
    code = getattr(fn.fn, "__code__", None)
    return () if code is None else code.co_varnames[: code.co_argcount]
