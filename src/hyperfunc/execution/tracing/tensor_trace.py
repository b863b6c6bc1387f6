"""Which tensors come from which: a torch function mode that records every operation of a traced lane."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from hyperfunc.execution.frames import LaneFrame
from hyperfunc.program.binding import FRAME
from hyperfunc.program.graph import EdgeKind

from .anatomy import everything
from .provenance import Found, Sources, add

if TYPE_CHECKING:
    from .tracer import Tracer

__all__ = ["Before", "TensorTrace", "recorded"]

_METADATA = {
    "dim", "ndim", "requires_grad", "requires_grad_", "is_leaf", "dtype", "device", "layout", "grad_fn",
    "is_cuda", "is_cpu", "is_meta", "is_sparse", "is_nested", "is_quantized", "is_floating_point",
    "is_complex", "is_contiguous", "is_inference", "names", "has_names", "_version", "register_hook",
}  # fmt: skip
"""What is read of a tensor here carries no data of it."""

_EXPOSING = {"numpy", "__array__", "data_ptr", "untyped_storage", "storage", "__dlpack__", "from_numpy"}
"""After these, memory may be written where torch does not see it."""


Before = dict[int, tuple[Any, int]]
"""Tensors by id, each with its version."""


class _Tensor:
    """A tensor that was met: kept, so that its id stays its own."""

    __slots__ = ("inside", "sources", "tensor", "version")

    def __init__(self, tensor: Any, sources: Sources, inside: int | None) -> None:
        self.tensor = tensor
        self.sources = sources
        self.inside = inside
        self.version = _version(tensor)


class _Memory:
    """What tensors share: writing through one changes all."""

    __slots__ = ("exposed", "storage", "tensors", "written")

    def __init__(self, storage: Any) -> None:
        self.storage = storage
        self.tensors: list[_Tensor] = []
        self.written: Sources = {}
        self.exposed = False


class TensorTrace:
    """Follows the tensors of one lane by identity; tensors are kept until the trace is dropped.

    Args:
        torch: the module.
        before: tensors that were there before the run, by id, with their versions: constants of the program.
        tracer: of the lane.
    """

    def __init__(self, torch: Any, before: Before, tracer: Tracer) -> None:
        self._type: type = torch.Tensor
        self._before = before
        self._tracer = tracer
        self._tensors: dict[int, _Tensor] = {}
        self._memories: dict[int, _Memory] = {}
        self._looking = threading.local()

    def is_tensor(self, value: Any) -> bool:
        """Whether ``value`` is a tensor."""
        return issubclass(type(value), self._type)

    @contextlib.contextmanager
    def unseen(self) -> Iterator[None]:
        """What is done with tensors inside is no part of the program."""
        before = getattr(self._looking, "on", False)
        self._looking.on = True
        try:
            yield
        finally:
            self._looking.on = before

    def given(self, tensor: Any) -> None:
        """Note a tensor of the run's own inputs."""
        self._note(tensor, {})

    def returned(self, tensor: Any, call: int, kind: EdgeKind) -> None:
        """Note a tensor that a call returned."""
        known = self._note(tensor, {})
        if self._tracer.edges.is_inside(known.inside, call) and "is" not in known.sources.values():
            # What it was made of inside the call is behind the call now.
            known.sources = {}
            with self.unseen():
                memory = self._memory(tensor)
            is_inside = self._tracer.edges.is_inside
            if memory is not None and all(is_inside(t.inside, call) for t in memory.tensors):
                memory.written = {}
        add(known.sources, call, kind)

    def look(self, tensor: Any, found: Found) -> None:
        """Add what is known of a tensor to ``found``."""
        with self.unseen():
            found.trail.append((tensor, _version(tensor)))
            known, memory = self._tensors.get(id(tensor)), self._memory(tensor)
            if known is None and self._before.get(id(tensor), (None, None))[1] == _version(tensor):
                known = self._note(tensor, {})
                known.inside = None
            if known is not None:
                self._merge(known.sources, found, found.trail[0][0] is tensor)
                found.blind |= known.version != _version(tensor)
            elif memory is not None and memory.tensors:
                for other in memory.tensors:
                    self._merge(_parts_of(other.sources), found, True)
            else:
                found.blind = True
            if memory is not None:
                self._merge(memory.written, found, False)
                found.blind |= memory.exposed
            found.unknown |= found.blind

    def operate(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run one torch function and note what its results come from."""
        name = _name_of(func)
        if getattr(self._looking, "on", False) or name in _METADATA:
            return func(*args, **kwargs)
        with self.unseen(), self._tracer.lock:
            found = self._tracer.origins.look((args, kwargs))
        result = func(*args, **kwargs)
        with self.unseen(), self._tracer.lock:
            sources = _parts_of(found.sources)
            for call in self._tracer.possible(found):
                add(sources, call, "inferred")
            self._note_result(name, result, found, sources)
            self._note_writes(name, found, sources, args, kwargs)
        return result

    def _note_result(self, name: str, result: Any, found: Found, sources: Sources) -> None:
        parts = [part for part in everything(result, self.is_tensor) if self.is_tensor(part)]
        given = {id(part) for part, _ in found.trail}
        for tensor in parts:
            # What a gradient was computed from is not seen here: it stays unknown.
            if id(tensor) not in given and name != "grad":
                self._note(tensor, dict(sources))
        tensors = [part for part, _ in found.trail if self.is_tensor(part)]
        if name in _EXPOSING:
            for tensor in (*tensors, *parts):
                memory = self._memory(tensor)
                if memory is not None:
                    memory.exposed = True
        if sources and self._tracer.origins.derived(result, sources):
            self._tracer.leak(sources)

    def _note_writes(
        self, name: str, found: Found, sources: Sources, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        written = [t for t, before in found.trail if self.is_tensor(t) and _version(t) != before]
        if not written and args and self.is_tensor(args[0]) and _writes(name):
            written = [args[0]]
        if self.is_tensor(kwargs.get("out")):
            written.append(kwargs["out"])
        inside = self._tracer.current()
        for tensor in written:
            made = dict(sources)
            if inside is not None:
                add(made, inside, "derives")
            memory = self._memory(tensor)
            if memory is None:
                self._merge_into(self._note(tensor, {}).sources, made)
                continue
            self._merge_into(memory.written, made)
            for known in memory.tensors:
                known.version = _version(known.tensor)

    def _note(self, tensor: Any, sources: Sources) -> _Tensor:
        known = self._tensors.get(id(tensor))
        if known is None:
            with self.unseen():
                known = self._tensors[id(tensor)] = _Tensor(tensor, sources, self._tracer.current())
                memory = self._memory(tensor)
                if memory is not None:
                    memory.tensors.append(known)
        else:
            self._merge_into(known.sources, sources)
        return known

    def _memory(self, tensor: Any) -> _Memory | None:
        try:
            storage = tensor.untyped_storage()
            key = storage._cdata
        except (RuntimeError, NotImplementedError, AttributeError):
            return None
        memory = self._memories.get(key)
        if memory is None:
            memory = self._memories[key] = _Memory(storage)
        return memory

    def _merge(self, sources: Sources, found: Found, whole: bool) -> None:
        for call, kind in sources.items():
            add(found.sources, call, "holds" if kind == "is" and not whole else kind)

    def _merge_into(self, into: Sources, sources: Sources) -> None:
        for call, kind in sources.items():
            add(into, call, kind)


@contextlib.contextmanager
def recorded(on: bool) -> Iterator[Before | None]:
    """While it lasts, what traced lanes of this thread do with tensors is recorded.

    Args:
        on: whether anything is traced at all.

    Yields:
        The tensors that were there before, by id; ``None`` where torch is not loaded.
    """
    torch: Any = sys.modules.get("torch")
    if not on or torch is None:
        yield None
        return
    before = {id(o): (o, _version(o)) for o in gc.get_objects() if issubclass(type(o), torch.Tensor)}

    class Recording(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        """Hands each torch function to the trace of the lane that calls it."""

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            frame = FRAME.get()
            trace = frame.lane.trace if isinstance(frame, LaneFrame) else None
            if trace is None or trace.tensors is None:
                return func(*args, **(kwargs or {}))
            return trace.tensors.operate(func, args, kwargs or {})

    with Recording():
        yield before


def _parts_of(sources: Sources) -> Sources:
    """The sources of something that is made of what has these."""
    return {call: "inferred" if kind == "inferred" else "derives" for call, kind in sources.items()}


def _name_of(func: Any) -> str:
    name = getattr(func, "__name__", "")
    # The getter of a property is named for the property.
    return getattr(getattr(func, "__self__", None), "__name__", name) if name == "__get__" else name


def _version(tensor: Any) -> int:
    try:
        return int(tensor._version)
    except (RuntimeError, AttributeError):
        return -1


def _writes(name: str) -> bool:
    return name == "__setitem__" or name == "__set__" or (name.endswith("_") and not name.endswith("__"))
