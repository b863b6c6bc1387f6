"""Where the objects of one run come from: which calls returned them, or something that they hold."""

from __future__ import annotations

from typing import Any, Protocol

from hyperfunc.execution.sharing import unchangeable
from hyperfunc.program.graph import EdgeKind

from .anatomy import MOST_OBJECTS, everything, is_array, is_container, is_shared, is_silent, mark_of, parts_in

__all__ = ["Found", "Origins", "Sources", "TensorOrigins", "add"]

Sources = dict[int, EdgeKind]
"""Call number to how a value is related to the call's output."""

_STRENGTH: tuple[EdgeKind, ...] = ("inferred", "derives", "holds", "is")
_SHORTEST_TEXT = 4


def add(into: Sources, call: int, kind: EdgeKind) -> None:
    """Note a source; of two kinds the stronger one stays."""
    known = into.get(call)
    if known is None or _STRENGTH.index(kind) > _STRENGTH.index(known):
        into[call] = kind


class Found:
    """What is known of a value.

    Attributes:
        sources: the calls it comes from.
        unknown: something in it could not be followed, and may come from any output that is not all tensors.
        blind: something in it could not be followed, and may come from any output.
        trail: the objects it is made of, each with a mark that changes when its content does.
    """

    __slots__ = ("blind", "sources", "trail", "unknown")

    def __init__(self) -> None:
        self.sources: Sources = {}
        self.unknown = False
        self.blind = False
        self.trail: list[tuple[Any, Any]] = []

    def same(self, other: Found) -> bool:
        """Whether both looks met the same objects with the same contents."""
        pairs = zip(self.trail, other.trail, strict=False)
        return len(self.trail) == len(other.trail) and all(a is b and m == n for (a, m), (b, n) in pairs)


class TensorOrigins(Protocol):
    """What knows where tensors come from."""

    def is_tensor(self, value: Any) -> bool:
        """Whether it is the one to ask about ``value``."""
        ...

    def given(self, tensor: Any) -> None:
        """Note a tensor of the run's own inputs."""
        ...

    def returned(self, tensor: Any, call: int, kind: EdgeKind) -> None:
        """Note a tensor that a call returned."""
        ...

    def look(self, tensor: Any, found: Found) -> None:
        """Add what is known of a tensor to ``found``."""
        ...


class _Known:
    """An object that was met: kept, so that its id stays its own."""

    __slots__ = ("mark", "parts", "sources", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.sources: Sources = {}
        self.parts = parts_in(value)
        self.mark = mark_of(value)


class Origins:
    """Follows objects by identity. What identity says nothing about (small integers, booleans, single
    characters) is never evidence.

    Args:
        tensors: what follows tensors, where torch is loaded.
    """

    def __init__(self, tensors: TensorOrigins | None = None) -> None:
        self.tensors = tensors
        self._known: dict[int, _Known] = {}
        self._texts: list[tuple[int, str]] = []

    def given(self, value: Any) -> None:
        """Note an input or a constant of the run."""
        for part in everything(value, self._is_tensor):
            if self._is_tensor(part):
                assert self.tensors is not None
                self.tensors.given(part)
            elif not is_shared(part):
                self._note(part)

    def returned(self, call: int, value: Any) -> bool:
        """Note the output of a call.

        Returns:
            Whether there is anything in it besides tensors.
        """
        more = False
        for part in everything(value, self._is_tensor):
            kind: EdgeKind = "is" if part is value else "derives"
            if self._is_tensor(part):
                assert self.tensors is not None
                self.tensors.returned(part, call, kind)
                continue
            more = more or not is_container(part)
            if not is_shared(part):
                self._add(part, {call: kind})
            if type(part) is str and len(part) >= _SHORTEST_TEXT:
                self._texts.append((call, part))
        return more

    def derived(self, value: Any, sources: Sources) -> bool:
        """Note what an operation on tensors gave besides tensors; whether that was anything."""
        more = False
        for part in everything(value, self._is_tensor):
            if self._is_tensor(part):
                continue
            more = more or not is_container(part)
            if not is_shared(part):
                self._add(part, sources)
        return more

    def changed(self, call: int, value: Any, before: Found) -> None:
        """Note what a call changed in one of its inputs."""
        marks = {id(part): mark for part, mark in before.trail}
        for part in everything(value, self._is_tensor):
            if self._is_tensor(part) or is_shared(part):
                continue
            known = self._known.get(id(part))
            same = known is None or _same(parts_in(part), known.parts)
            if id(part) not in marks or marks[id(part)] != mark_of(part) or not same or part is value:
                self._add(part, {call: "derives"})

    def look(self, value: Any) -> Found:
        """What is known of a value and of everything inside it."""
        found = Found()
        stack = [value]
        seen: set[int] = set()
        while stack:
            part = stack.pop()
            if id(part) in seen or is_silent(part):
                continue
            seen.add(id(part))
            if len(seen) > MOST_OBJECTS:
                found.unknown = found.blind = True
                break
            if self._is_tensor(part):
                assert self.tensors is not None
                self.tensors.look(part, found)
            else:
                stack.extend(self._look_at(part, part is value, found))
        return found

    def _look_at(self, part: Any, whole: bool, found: Found) -> list[Any]:
        """Add what is known of one object; returns what else to look at."""
        mark = mark_of(part)
        found.trail.append((part, mark))
        known = None if is_shared(part) else self._known.get(id(part))
        if known is not None:
            for call, kind in known.sources.items():
                add(found.sources, call, "holds" if kind == "is" and not whole else kind)
            if known.mark != mark:
                found.unknown = True
        parts = parts_in(part)
        if known is None and parts is None:
            return self._look_behind(part, found)
        if known is not None and _same(parts, known.parts):
            # What is inside came with it; only what can change by itself is looked at.
            return [p for p in parts or () if not unchangeable(p)]
        return parts or []

    def _look_behind(self, part: Any, found: Found) -> list[Any]:
        """An object that was never met: the array it is a view of, or texts that contain each other."""
        base = getattr(part, "base", None) if is_array(part) else None
        while base is not None:
            known = self._known.get(id(base))
            if known is not None and known.mark == mark_of(base):
                for call, kind in known.sources.items():
                    add(found.sources, call, "inferred" if kind == "inferred" else "derives")
                return []
            base = getattr(base, "base", None)
        found.unknown = True
        if type(part) is str and len(part) >= _SHORTEST_TEXT:
            for call, text in self._texts:
                if text in part or part in text:
                    add(found.sources, call, "derives")
        return []

    def _is_tensor(self, value: Any) -> bool:
        return self.tensors is not None and self.tensors.is_tensor(value)

    def _note(self, value: Any) -> _Known:
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = _Known(value)
        return known

    def _add(self, value: Any, sources: Sources) -> None:
        known = self._note(value)
        known.parts, known.mark = parts_in(value), mark_of(value)
        for call, kind in sources.items():
            add(known.sources, call, kind)


def _same(now: list[Any] | None, before: list[Any] | None) -> bool:
    if now is None or before is None:
        return now is before
    return len(now) == len(before) and all(a is b for a, b in zip(now, before, strict=True))
