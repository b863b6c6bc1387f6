"""Parameter groups: a class whose fields are knobs, and instances built from a candidate's values."""

from __future__ import annotations

import dataclasses
import sys
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin

import numpy as np

from hyperfunc.errors import SpaceError
from hyperfunc.spaces.knobs import Choice, Knob, Matrix

__all__ = ["ParameterVector", "build_group", "group_knobs", "held_tensors"]


class ParameterVector(Protocol):
    """A group that is one vector or matrix and reads itself from it.

    ``shape``, ``noise_rank`` and ``default_init`` are optional class methods beside these.
    """

    @classmethod
    def dim(cls) -> int:
        """How many numbers the group has."""
        ...

    @classmethod
    def from_tensor(cls, tensor: Any) -> Any:
        """The instance that these numbers mean."""
        ...

    def to_tensor(self, device: Any = None, dtype: Any = None) -> Any:
        """The instance's numbers."""
        ...


def group_knobs(hp_type: type) -> dict[str, Knob]:
    """The knobs of a parameter group, by field name.

    Args:
        hp_type: a preset such as ``LMParam``; or a dataclass with fields annotated
            ``Annotated[float, Real(0, 1)]``, ``Annotated[int, Integer(1, 9)]``, ``bool`` or
            ``Literal["a", "b"]``, whose defaults become the knobs' defaults, while other fields are
            constants and need a default; or a class with ``dim``, ``from_tensor`` and ``to_tensor``,
            which has the one knob ``value``.

    Returns:
        Field name to knob, in the order of the fields.

    Raises:
        SpaceError: the class is none of these, or has nothing to learn.

    Example::

        >>> from hyperfunc.spaces import LMParam
        >>> group_knobs(LMParam)["temperature"].default
        1.0
    """
    own = getattr(hp_type, "__knobs__", None)
    if own is not None:
        return dict(own())
    if _has_fields(hp_type):
        return _field_knobs(hp_type)
    if _is_vector(hp_type):
        return {"value": _vector_knob(hp_type)}
    raise SpaceError(
        f"{_name(hp_type)} is not a parameter group; make it a dataclass with fields such as "
        "Annotated[float, Real(0, 1)] = 0.5, or give it dim(), from_tensor() and to_tensor()"
    )


def build_group(hp_type: type, values: Mapping[str, Any]) -> Any:
    """An instance of a parameter group.

    Args:
        hp_type: what :func:`group_knobs` accepts.
        values: field name to value, for every knob of the group; tensors pass through unchanged.

    Raises:
        SpaceError: a value for a field that is not a knob of the group.

    Example::

        >>> from hyperfunc.spaces import LMParam
        >>> build_group(LMParam, {"temperature": 0.2}).temperature
        0.2
    """
    own = getattr(hp_type, "__build__", None)
    if own is not None:
        return own(values)
    if _has_fields(hp_type):
        unknown = values.keys() - {field.name for field in dataclasses.fields(hp_type)}
        if unknown:
            raise SpaceError(f"{_name(hp_type)} has no field {min(unknown)!r}")
        return hp_type(**values)
    if values.keys() != {"value"}:
        raise SpaceError(f"{_name(hp_type)} is built from its one knob 'value', but got {sorted(values)}")
    return hp_type.from_tensor(as_tensor(values["value"]))  # type: ignore[attr-defined]


def held_tensors(group: Any) -> tuple[Any, ...]:
    """The tensors of a built group, which code that gets the group may write into."""
    torch = sys.modules.get("torch")
    if torch is None:
        return ()
    if isinstance(group, Mapping):
        held = list(group.values())
    elif dataclasses.is_dataclass(group):
        held = [getattr(group, field.name) for field in dataclasses.fields(group)]
    else:
        held = list(getattr(group, "__dict__", {}).values())
    return tuple([value for value in held if isinstance(value, torch.Tensor) and not value.is_inference()])


def as_tensor(value: Any) -> Any:
    """A writable tensor copy of an array when torch is installed, else the array; others unchanged."""
    if not isinstance(value, np.ndarray):
        return value
    try:
        import torch
    except ImportError:
        return value
    return torch.from_numpy(value.copy())


def as_array(value: Any) -> np.ndarray:
    """A float32 array from an array or a tensor on any device."""
    detached = value.detach().cpu() if hasattr(value, "detach") else value
    return np.asarray(detached, np.float32)


def _name(hp_type: object) -> str:
    return getattr(hp_type, "__qualname__", repr(hp_type))


def _is_vector(hp_type: type) -> bool:
    return all(callable(getattr(hp_type, name, None)) for name in ("dim", "from_tensor", "to_tensor"))


def _has_fields(hp_type: type) -> bool:
    """Whether the group is built field by field rather than from one vector."""
    if not dataclasses.is_dataclass(hp_type):
        return False
    return hasattr(hp_type, "__knobs__") or _declares_knobs(hp_type) or not _is_vector(hp_type)


def _vector_knob(hp_type: Any) -> Matrix:
    shape = tuple(hp_type.shape()) if hasattr(hp_type, "shape") else (int(hp_type.dim()),)
    rank = hp_type.noise_rank() if hasattr(hp_type, "noise_rank") else None
    start = as_array(hp_type.default_init()).reshape(shape) if hasattr(hp_type, "default_init") else None
    return Matrix(shape, start, noise_rank=rank)


def _hints(hp_type: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(hp_type, include_extras=True)
    except NameError as error:
        raise SpaceError(f"the annotations of {_name(hp_type)} cannot be read: {error}") from error


def _annotated_knob(hint: Any) -> Knob | None:
    if get_origin(hint) is Annotated:
        return next((part for part in get_args(hint)[1:] if isinstance(part, Knob)), None)
    return None


def _declares_knobs(hp_type: Any) -> bool:
    hints = _hints(hp_type)
    return any(_annotated_knob(hints[field.name]) for field in dataclasses.fields(hp_type))


def _field_knobs(hp_type: Any) -> dict[str, Knob]:
    hints = _hints(hp_type)
    knobs = {}
    for field in dataclasses.fields(hp_type):
        knob = _knob_of(hints[field.name])
        if knob is not None:
            knobs[field.name] = _with_default(knob, _default_of(field), f"{_name(hp_type)}.{field.name}")
        elif field.init and _default_of(field) is dataclasses.MISSING:
            raise SpaceError(
                f"{_name(hp_type)}.{field.name} is not a knob and has no default; give it a default, "
                "or annotate it, e.g. Annotated[float, Real(0, 1)]"
            )
    if not knobs:
        raise SpaceError(f"{_name(hp_type)} has nothing to learn; annotate a field with a knob")
    return knobs


def _knob_of(hint: Any) -> Knob | None:
    if hint is bool:
        return Choice((False, True))
    if get_origin(hint) is Literal and len(get_args(hint)) > 1:
        return Choice(get_args(hint))
    return _annotated_knob(hint)


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _with_default(knob: Knob, default: Any, name: str) -> Knob:
    if default is dataclasses.MISSING:
        return knob
    return dataclasses.replace(knob, default=knob.canonical(default, name))  # type: ignore[type-var]
