"""What an object is made of, as far as tracing can see into it."""

from __future__ import annotations

import enum
import hashlib
import types
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from hyperfunc.program.hyperfunction import HyperFunction

__all__ = [
    "MOST_OBJECTS", "everything", "fresh", "is_array", "is_container", "is_shared", "is_silent", "mark_of",
    "parts_in",
]  # fmt: skip

MOST_OBJECTS = 20_000
_HEAP_TYPE = 1 << 9
_SHARED_INTS = range(-5, 1025)
_TEXTS = (str, bytes)
_ATOMS = (str, bytes, int, float, complex, range, slice)
_SILENT = (
    type(None), type(...), type(NotImplemented), type, enum.Enum, types.BuiltinFunctionType,
    types.ModuleType, types.CodeType, HyperFunction,
)  # fmt: skip
_SILENT_NAMES = {"dtype", "device", "layout", "memory_format", "lock", "RLock"}
"""Types, by name, of objects that select behaviour and carry no data: those of torch, numpy and locks."""


def fresh(value: Any) -> Any:
    """An equal value whose texts, numbers and plain containers are objects that nothing else refers to."""
    kind = type(value)
    if kind is str and len(value) > 1:
        return "".join((value[:1], value[1:]))
    if kind is bytes and len(value) > 1:
        return b"".join((value[:1], value[1:]))
    if kind is float:
        return value * 1.0
    if kind is int and value not in _SHARED_INTS:
        return (value << 1) >> 1
    if kind is list or kind is tuple:
        return kind(map(fresh, value))
    if kind is dict:
        return {name: fresh(item) for name, item in value.items()}
    return value


def everything(value: Any, is_whole: Callable[[Any], bool]) -> list[Any]:
    """A value and everything inside it that may carry data, each object once.

    Args:
        value: where to begin.
        is_whole: tells objects that are not looked into.
    """
    found: dict[int, Any] = {}
    stack = [value]
    while stack and len(found) < MOST_OBJECTS:
        part = stack.pop()
        if id(part) in found or is_silent(part):
            continue
        found[id(part)] = part
        if not is_whole(part):
            stack.extend(parts_in(part) or ())
    return list(found.values())


def parts_in(value: Any) -> list[Any] | None:
    """What an object holds; ``None`` for one that holds nothing that can be seen."""
    if isinstance(value, _ATOMS):
        return None
    if is_array(value):
        return list(value.flat) if value.dtype.hasobject else None
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return list(value)
    if isinstance(value, types.FunctionType):
        cells = [c.cell_contents for c in value.__closure__ or () if _is_filled(c)]
        return [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    if isinstance(value, types.MethodType):
        return [value.__self__]
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    return _attributes(value)


def _attributes(value: Any) -> list[Any] | None:
    own = getattr(value, "__dict__", None)
    names = [n for kind in type(value).__mro__ for n in _slots(kind)]
    if (own is None and not names) or any(map(_is_hiding, type(value).__mro__)):
        return None
    held = [member.__get__(value) for member in names if _is_set(member, value)]
    return [*(own or {}).values(), *held]


def _is_hiding(kind: type) -> bool:
    """Whether a class is written in C, so that its objects hold what cannot be seen."""
    return kind is not object and not kind.__flags__ & _HEAP_TYPE


def _slots(kind: type) -> list[types.MemberDescriptorType]:
    own = vars(kind)
    if "__slots__" not in own:
        return []
    return [m for m in own.values() if isinstance(m, types.MemberDescriptorType)]


def _is_set(member: types.MemberDescriptorType, value: Any) -> bool:
    try:
        member.__get__(value)
    except AttributeError:
        return False
    return True


def _is_filled(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - reading an empty cell raises
    except ValueError:
        return False
    return True


def is_silent(value: Any) -> bool:
    """Whether an object carries no data: ``None``, classes, modules, settings of libraries."""
    if isinstance(value, _SILENT):
        return True
    return type(value).__name__ in _SILENT_NAMES and type(value).__module__ in ("torch", "_thread", "numpy")


def is_shared(value: Any) -> bool:
    """Whether unrelated pieces of a program have this very object, so that its identity says nothing."""
    kind = type(value)
    if kind is bool or (kind is int and value in _SHARED_INTS):
        return True
    return kind in (str, bytes, tuple, frozenset) and len(value) < (2 if kind in _TEXTS else 1)


def is_container(value: Any) -> bool:
    """Whether an object only holds others."""
    return parts_in(value) is not None


def is_array(value: Any) -> bool:
    """Whether an object is a numpy array or one of numpy's numbers."""
    kind = type(value)
    return kind.__module__ == "numpy" and hasattr(value, "base") and hasattr(value, "flat")


def mark_of(value: Any) -> Any:
    """What changes when the content of an array does; ``None`` for everything else."""
    if not is_array(value) or value.dtype.hasobject:
        return None
    return hashlib.blake2b(value.tobytes(), digest_size=16).digest()
