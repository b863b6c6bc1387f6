"""From a type annotation to the kind of values that it names."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NotRequired, Required, get_args, get_origin

from hyperfunc.errors import ProgramError

from .base import Kind
from .compound import DictOf, ListOf, Record, Union
from .models import Model, is_model
from .single import Anything, Flag, Null, Number, OneOf, Text, Whole

__all__ = ["kind_of"]

_SINGLE: dict[Any, Kind] = {
    str: Text(), int: Whole(), float: Number(), bool: Flag(), None: Null(), type(None): Null(),
    Any: Anything(), list: ListOf(Anything()), dict: DictOf(Anything()),
}  # fmt: skip
_OPTION = (str, int, float, bool, type(None))


def kind_of(hint: Any, where: str, inside: tuple[type, ...] = ()) -> Kind:
    """The kind of values that an annotation names.

    Args:
        hint: ``str``, ``int``, ``float``, ``bool``, ``None``, ``Any``, ``Literal``, an ``Enum``,
            ``list[...]``, ``tuple[..., ...]``, ``dict[str, ...]``, a union, a dataclass, a ``TypedDict`` or a
            pydantic model.
        where: whose annotation it is, for messages.
        inside: classes that it is a part of.

    Raises:
        ProgramError: it names something else.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Annotated, NotRequired, Required):
        return kind_of(args[0], where, inside)
    if isinstance(hint, type) and hint in inside:
        raise ProgramError(
            f"{where} holds {hint.__name__}, which holds itself; use a pydantic model, or nest no deeper"
        )
    single = _SINGLE.get(hint) if isinstance(hint, type | type(None)) or hint is Any else None
    if single is not None:
        return single
    if origin is Literal:
        return _literal(args, where)
    if origin in (typing.Union, types.UnionType):
        return Union(tuple(kind_of(arg, where, inside) for arg in args))
    if origin is list or (origin is tuple and len(args) == 2 and args[1] is ...):
        return ListOf(kind_of(args[0], where, inside), origin)
    if origin is dict and args[0] is str:
        return DictOf(kind_of(args[1], where, inside))
    found = _class(hint, where, inside) if isinstance(hint, type) and origin is None else None
    if found is None:
        raise ProgramError(
            f"{where} is annotated with {getattr(hint, '__name__', hint)!s}, which has no form in a prompt; "
            "use str, int, float, bool, Literal, an Enum, list[...], dict[str, ...], a union, a dataclass, a "
            "TypedDict or a pydantic model"
        )
    return found


def _literal(args: tuple[Any, ...], where: str) -> Kind:
    options: list[Any] = []
    for arg in args:
        if isinstance(arg, enum.Enum) or not isinstance(arg, _OPTION):
            raise ProgramError(f"{where} has the option {arg!r}; use texts, numbers, truth values or None")
        options.append(arg)
    return OneOf(tuple(options), tuple(options))


def _class(hint: type, where: str, inside: tuple[type, ...]) -> Kind | None:
    if issubclass(hint, enum.Enum):
        if not len(hint):
            raise ProgramError(f"{where} is annotated with {hint.__name__}, which has no members")
        return OneOf.of_enum(hint)
    if is_model(hint):
        return Model(hint)
    if typing.is_typeddict(hint):
        return Record(hint.__name__, _parts(hint, None, where, inside), _optional(hint), dict, None)
    if dataclasses.is_dataclass(hint):
        names = [field.name for field in dataclasses.fields(hint) if field.init]
        return Record(hint.__name__, _parts(hint, names, where, inside), frozenset(), hint, hint)
    return None


def _optional(hint: Any) -> frozenset[str]:
    """Names that a ``TypedDict`` may lack, also where its annotations are texts and it does not know them."""
    marks = {
        name: get_origin(part) for name, part in typing.get_type_hints(hint, include_extras=True).items()
    }
    said = {name for name, mark in marks.items() if mark is NotRequired}
    return frozenset(said | {name for name in hint.__optional_keys__ if marks[name] is not Required})


def _parts(
    hint: type, names: list[str] | None, where: str, inside: tuple[type, ...]
) -> Mapping[str, Kind]:  # fmt: skip
    try:
        hints = typing.get_type_hints(hint, include_extras=True)
    except NameError as error:
        raise ProgramError(
            f"the annotations of {hint.__name__} in {where} cannot be read: {error}"
        ) from error
    known = hints if names is None else names
    return {
        name: kind_of(hints[name], f"{name} of {hint.__name__} in {where}", (*inside, hint)) for name in known
    }
