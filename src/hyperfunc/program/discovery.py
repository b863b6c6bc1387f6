"""Which hyperfunctions a program refers to, and a fingerprint of the code that makes its results.

Both come from one static walk: the names that a function's code mentions, looked up in its globals
and closure, followed through plain helper functions of the same top-level package.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperfunc.ledger.keys import content_key

from .hyperfunction import HyperFunction

__all__ = ["Reach", "plain_text", "reach"]

_FACADE = "hyperfunc.system"
_LIBRARY, _PROGRAMS = "hyperfunc", "hyperfunc.apps"
_CONTAINERS = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be reached from some roots.

    Args:
        functions: hyperfunctions in the order they are met.
        fingerprint: hash of the bytecode, constants and referenced plain values; it changes when the
            program does, and differs between Python versions.
    """

    functions: tuple[HyperFunction, ...]
    fingerprint: str


def reach(roots: Iterable[Callable[..., Any]], owner: type | None = None) -> Reach:
    """Walk everything that ``roots`` refer to.

    What is looked up by a string at run time, or kept in an instance, cannot be seen; such a
    hyperfunction is found when the first evaluation reaches it.

    Args:
        roots: functions and hyperfunctions.
        owner: the class whose methods the code may call by name.
    """
    methods = {} if owner is None else _methods(owner)
    found: dict[HyperFunction, None] = {}
    seen: set[int] = set()
    parts: list[str] = []
    stack: list[Any] = list(roots)[::-1]
    while stack:
        item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, HyperFunction):
            found[item] = None
            parts.append(_declared(item))
            if item.batched is not None:
                stack.append(item.batched.implementation)
            item = item.fn
        if isinstance(item, functools.partial):
            stack.extend(reversed([*_filled_in(item, parts)]))
        plain = _plain(item)
        if plain is None:
            continue
        defaults = (plain.__defaults__, plain.__kwdefaults__)
        parts.append(_code_text(plain.__code__) + repr([plain_text(d) for d in defaults]))
        stack.extend(reversed([*_mentioned(plain, parts), *_called(plain, methods)]))
    digest = hashlib.blake2b("\n".join(parts).encode(), digest_size=8).hexdigest()
    return Reach(tuple(found), digest)


def _declared(fn: HyperFunction) -> str:
    # Runtime policy is left out: how often a call is retried does not change what it means.
    return f"{fn.name} {fn.prompt!r} {fn.hp_type and fn.hp_type.__qualname__} {fn.model}"


def _plain(item: Any) -> types.FunctionType | None:
    if isinstance(item, functools.partial):
        item = item.func
    if isinstance(item, types.MethodType):
        item = item.__func__
    return item if isinstance(item, types.FunctionType) else None


def _filled_in(item: functools.partial[Any], parts: list[str]) -> Iterator[Any]:
    """Functions among the arguments that a partial fills in; plain ones go into ``parts``."""
    plain = _plain(item)
    for name, value in [*enumerate(item.args), *sorted(item.keywords.items())]:
        parts.append(f"{name}={plain_text(value)}")
        for inner in _flatten(value):
            if isinstance(inner, HyperFunction):
                yield inner
            elif (called := _plain(inner)) is not None:
                if plain is not None and _home(called) == _home(plain):
                    yield inner
                else:
                    parts.append(f"{name}={called.__module__}.{called.__qualname__}")


def _mentioned(fn: types.FunctionType, parts: list[str]) -> Iterator[Any]:
    """Functions that the code names; plain values it names go into ``parts``."""
    home = _home(fn)
    for name, value in _named_values(fn):
        for item in _flatten(value):
            if isinstance(item, HyperFunction):
                yield item
            elif isinstance(item, type):
                if _home(item) == home and not _is_system(item):
                    yield from _methods(item).values()
            elif (plain := _plain(item)) is not None:
                if isinstance(item, functools.partial):
                    yield from _filled_in(item, parts)
                if _home(plain) == home:
                    yield item
                else:
                    parts.append(f"{name}={plain.__module__}.{plain.__qualname__}")
        simple = plain_text(value)
        if simple is not None:
            parts.append(f"{name}={simple}")


def _home(item: Any) -> str:
    """The package that an item belongs to; programs that come with the library are no part of it."""
    module = item.__module__ or ""
    top = module.partition(".")[0]
    return _PROGRAMS if top == _LIBRARY and f"{module}.".startswith(f"{_PROGRAMS}.") else top


def _methods(owner: type) -> dict[str, Any]:
    """Functions and hyperfunctions that a class has by name, its own package's bases included."""
    home = _home(owner)
    found: dict[str, Any] = {}
    for base in reversed(owner.__mro__):
        if _home(base) == home and base.__module__ != _FACADE:
            members = ((name, getattr(item, "__func__", item)) for name, item in vars(base).items())
            found |= {n: m for n, m in members if isinstance(m, HyperFunction | types.FunctionType)}
    return found


def _is_system(item: type) -> bool:
    """A system inside a system keeps its functions to itself."""
    return any(base.__module__ == _FACADE for base in item.__mro__)


def _called(fn: types.FunctionType, methods: Mapping[str, Any]) -> Iterator[Any]:
    return (methods[name] for name in _names(fn.__code__) if name in methods)


def _named_values(fn: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name in _names(fn.__code__):
        if name in fn.__globals__:
            yield name, fn.__globals__[name]
    for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _flatten(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, _CONTAINERS):
        yield from value
    else:
        yield value


def plain_text(value: Any) -> str | None:
    """Text of a value that has one: plain data, arrays, and records of them; else ``None``."""
    if value is None or isinstance(value, str | int | float | bool | bytes):
        return repr(value)
    if isinstance(value, list | tuple):
        inner = [plain_text(v) for v in value]
        return None if None in inner else f"[{', '.join(map(str, inner))}]"
    if isinstance(value, dict):
        pairs = [(plain_text(k), plain_text(v)) for k, v in value.items()]
        return None if any(None in p for p in pairs) else repr(pairs)
    if isinstance(value, set | frozenset | enum.Enum | np.ndarray) or (
        dataclasses.is_dataclass(value) and not isinstance(value, type)
    ):
        try:
            return content_key(value)
        except (TypeError, ValueError):
            return None
    return None


def _code_text(code: types.CodeType) -> str:
    constants = [
        _code_text(c) if isinstance(c, types.CodeType) else repr(sorted(map(repr, c)))
        if isinstance(c, frozenset) else repr(c)
        for c in code.co_consts
    ]  # fmt: skip
    names = (code.co_names, code.co_varnames, code.co_freevars)
    return f"{code.co_name} {code.co_code.hex()} {names} {constants}"
