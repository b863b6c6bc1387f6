"""What the text of a call says about its arguments: which of them are constants, and which names they read.

Values that cannot be followed (numbers, texts that were put together) are traced by the expression that
made them. What the text does not settle stays open; nothing is guessed.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

from hyperfunc.execution.sharing import unchangeable

__all__ = ["CallSite", "Reads"]

_UNION = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.JoinedStr, ast.FormattedValue, ast.Tuple,
    ast.List, ast.Set, ast.Dict, ast.Subscript, ast.Slice,
)  # fmt: skip
"""Expressions whose value comes from their parts and nothing else."""

_PURE = {"abs", "bool", "dict", "float", "int", "len", "list", "max", "min", "range", "repr", "round",
         "set", "sorted", "str", "sum", "tuple"}  # fmt: skip
_HIDING = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Reads:
    """What an argument's expression reads.

    Args:
        values: of the names in it that may have been computed.
        parameters: whether it reads parameters of the function around it.
    """

    values: tuple[Any, ...] = ()
    parameters: bool = False


@dataclass
class _Scope:
    """The names of one function: assigned from expressions, or bound in ways that are not followed."""

    parameters: set[str] = field(default_factory=set)
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)
    opaque: set[str] = field(default_factory=set)


class CallSite:
    """One call in the text of a program.

    Args:
        frame: that makes the call, at the call.
        fn: what is called.
        of_run: the parameters of the function around are inputs of the run.
        of_call: they are inputs of a traced call.
    """

    def __init__(self, frame: FrameType, fn: Any, of_run: bool, of_call: bool) -> None:
        self.of_run = of_run
        self._frame = frame
        self._sure = of_run or of_call
        self._call: ast.Call | None = None
        file = _file(frame.f_code.co_filename)
        found = file.calls.get(_position(frame)) if file is not None else None
        if file is None or found is None:
            return
        call, function = found
        if function is None or function.name != frame.f_code.co_name:
            return
        self._rebound = file.rebound
        self._scope = _scope(function)
        if self._named(call.func) is fn and not any(isinstance(n, ast.NamedExpr) for n in ast.walk(call)):
            self._call = call

    def reads(self, argument: int | str) -> Reads | None:
        """What an argument, by position or by name, reads; ``None`` when the text does not settle it."""
        if self._call is None:
            return None
        expression = self._argument(self._call, argument)
        return None if expression is None else self._expression(expression)

    def _argument(self, call: ast.Call, argument: int | str) -> ast.expr | None:
        if isinstance(argument, str):
            return next((k.value for k in call.keywords if k.arg == argument), None)
        if argument >= len(call.args) or any(isinstance(a, ast.Starred) for a in call.args[: argument + 1]):
            return None
        return call.args[argument]

    def _expression(self, node: ast.expr) -> Reads | None:
        if isinstance(node, ast.Constant):
            return Reads()
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.Call):
            known = isinstance(node.func, ast.Name) and self._is_builtin(node.func.id)
            return self._all([*node.args, *(k.value for k in node.keywords)]) if known else None
        if isinstance(node, _UNION):
            return self._all([c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)])
        return None

    def _all(self, nodes: list[ast.expr]) -> Reads | None:
        values: list[Any] = []
        parameters = False
        for node in nodes:
            found = self._expression(node)
            if found is None:
                return None
            values.extend(found.values)
            parameters = parameters or found.parameters
        return Reads(tuple(values), parameters)

    def _name(self, name: str) -> Reads | None:
        frame, scope = self._frame, self._scope
        local = name in scope.parameters or name in scope.assigned or name in scope.opaque
        if local and name not in frame.f_locals:
            return None
        if not local and name in frame.f_locals:
            return Reads((frame.f_locals[name],))
        if not local:
            return self._global(name)
        value = frame.f_locals[name]
        if unchangeable(value) and self._is_settled(name, set()):
            return Reads(parameters=self._reads_parameters(name, set()))
        return Reads((value,))

    def _global(self, name: str) -> Reads | None:
        """A constant of the module, as long as no function of the file assigns it."""
        if name not in self._frame.f_globals:
            return None
        value = self._frame.f_globals[name]
        return Reads() if unchangeable(value) and name not in self._rebound else Reads((value,))

    def _is_settled(self, name: str, around: set[str]) -> bool:
        """Whether every value that the name ever has comes from constants and sure parameters."""
        scope = self._scope
        if name in scope.opaque or name in around:
            return False
        if name in scope.parameters and not self._sure:
            return False
        if name not in scope.parameters and name not in scope.assigned:
            return False
        inner = around | {name}
        return all(self._is_constant(e, inner) for e in scope.assigned.get(name, ()))

    def _is_constant(self, node: ast.expr, around: set[str]) -> bool:
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return unchangeable(self._frame.f_locals.get(node.id)) and self._is_settled(node.id, around)
        if isinstance(node, _UNION):
            return all(
                self._is_constant(c, around) for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)
            )
        return False

    def _reads_parameters(self, name: str, around: set[str]) -> bool:
        if name in self._scope.parameters:
            return True
        names = {
            n.id for e in self._scope.assigned.get(name, ()) for n in ast.walk(e) if isinstance(n, ast.Name)
        }
        return any(self._reads_parameters(n, around | {name}) for n in names - around - {name})

    def _is_builtin(self, name: str) -> bool:
        scope, frame = self._scope, self._frame
        bound = name in frame.f_locals or name in frame.f_globals or name in scope.opaque
        return name in _PURE and not bound and hasattr(builtins, name)

    def _named(self, node: ast.expr) -> Any:
        """The object that a name or a chain of attributes stands for, without running any code."""
        if isinstance(node, ast.Name):
            return self._frame.f_locals.get(node.id, self._frame.f_globals.get(node.id))
        if isinstance(node, ast.Attribute):
            owner = self._named(node.value)
            return None if owner is None else inspect.getattr_static(owner, node.attr, None)
        return None


@dataclass(frozen=True, slots=True)
class _File:
    """The calls of a file by position, each with the function it stands in; names that functions assign."""

    calls: dict[tuple[int | None, ...], tuple[ast.Call, ast.FunctionDef | ast.AsyncFunctionDef | None]]
    rebound: frozenset[str]


@lru_cache(maxsize=64)
def _file(path: str) -> _File | None:
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return None
    calls: dict[tuple[int | None, ...], Any] = {}
    for node, function in _walk(tree, None):
        if isinstance(node, ast.Call):
            calls[node.lineno, node.end_lineno, node.col_offset, node.end_col_offset] = (node, function)
    outer = (n.names for n in ast.walk(tree) if isinstance(n, ast.Global | ast.Nonlocal))
    return _File(calls, frozenset(name for names in outer for name in names))


def _walk(node: ast.AST, function: Any) -> Iterator[tuple[ast.AST, Any]]:
    """Every node with the function whose own frame runs it, if that is sure."""
    for child in ast.iter_child_nodes(node):
        yield child, function
        inner = child if isinstance(child, _FUNCTIONS) else None if isinstance(child, _HIDING) else function
        yield from _walk(child, inner)


def _position(frame: FrameType) -> tuple[int | None, ...]:
    return _positions(frame.f_code)[frame.f_lasti // 2]


@lru_cache(maxsize=1024)
def _positions(code: CodeType) -> list[tuple[int | None, ...]]:
    return [(first, last, left, right) for first, last, left, right in code.co_positions()]


@lru_cache(maxsize=1024)
def _scope(function: ast.FunctionDef | ast.AsyncFunctionDef) -> _Scope:
    given = function.args
    scope = _Scope({a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)})
    scope.opaque |= {a.arg for a in (given.vararg, given.kwarg) if a is not None}
    followed: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and all(isinstance(t, ast.Name) for t in node.targets):
            for target in node.targets:
                assert isinstance(target, ast.Name)
                scope.assigned.setdefault(target.id, []).append(node.value)
                followed.add(id(target))
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and id(node) not in followed:
            scope.opaque.add(node.id)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            scope.opaque |= set(node.names)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and node is not function:
            scope.opaque.add(node.name)
        elif isinstance(node, ast.alias):
            scope.opaque.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.opaque.add(node.rest)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            scope.opaque.add(node.name)
    return scope
