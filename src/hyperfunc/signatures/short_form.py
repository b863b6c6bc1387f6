"""The short form of a signature, ``"question -> answer: float"``. Nothing in it is evaluated."""

from __future__ import annotations

import ast
from typing import Any, Literal

from hyperfunc.errors import ProgramError

__all__ = ["parse_short_form"]

_NAMES: dict[str, Any] = {
    "str": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict, "Any": Any,
}  # fmt: skip
Fields = list[tuple[str, Any]]


def parse_short_form(text: str) -> tuple[Fields, Fields]:
    """Inputs and outputs by name, each with its type.

    Raises:
        ProgramError: the text is no such form.
    """
    given, arrow, wanted = text.partition("->")
    if not arrow or not given.strip() or not wanted.strip():
        raise ProgramError(
            f"the signature {text!r} has no inputs -> outputs; write 'question -> answer: str'"
        )
    return _fields(given, text), _fields(wanted, text)


def _fields(part: str, text: str) -> Fields:
    try:
        body = ast.parse(f"def _({part.strip()}): ...").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        body = []
    define = body[0] if len(body) == 1 else None
    if not isinstance(define, ast.FunctionDef):
        raise _unread(part, text)
    arguments = define.args
    more = (
        arguments.vararg,
        arguments.kwarg,
        *arguments.kwonlyargs,
        *arguments.posonlyargs,
        *arguments.defaults,
    )
    if any(more) or define.returns is not None or len(define.body) != 1:
        raise _unread(part, text)
    return [
        (each.arg, str if each.annotation is None else _type(each.annotation, text))
        for each in arguments.args
    ]


def _type(node: ast.expr, text: str) -> Any:
    match node:
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Constant(value=None):
            return type(None)
        case ast.BinOp(op=ast.BitOr()):
            return _type(node.left, text) | _type(node.right, text)
        case ast.Subscript(value=ast.Name(id="Literal")):
            return Literal[tuple(_option(each, text) for each in _parts(node.slice))]
        case ast.Subscript(value=ast.Name(id="Optional")):
            return _type(node.slice, text) | None
        case ast.Subscript(value=ast.Name(id="list")):
            return list[_type(node.slice, text)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[ast.Name(id="str"), item])):
            return dict[str, _type(item, text)]  # type: ignore[misc]
    raise _unread(ast.unparse(node), text)


def _parts(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _option(node: ast.expr, text: str) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
    raise _unread(ast.unparse(node), text)


def _unread(part: str, text: str) -> ProgramError:
    return ProgramError(
        f"{part.strip()!r} in the signature {text!r} cannot be read; write fields as name or name: type, "
        "with str, int, float, bool, Any, list[...], dict[str, ...], Literal[...], Optional[...] or |"
    )
