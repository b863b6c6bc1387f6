"""Content keys: equal content gives equal keys, on every machine and in every process.

The canonical form is JSON with sorted keys. What JSON does not have is written as an object whose one
key starts with ``$``; an ordinary mapping that has such a key (or a key that is not a string) is
written as a list of pairs, so that no two different values share a form.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import hashlib
import json
import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["canonical_json", "content_key"]

_PLAIN = (str, int, bool, type(None))
_ENCODER = json.JSONEncoder(sort_keys=True, allow_nan=False, separators=(",", ":"))


def canonical_json(obj: object) -> bytes:
    """The one JSON text of a value, for hashing. It is not meant to be read back.

    Args:
        obj: None, bool, int, finite float, str, list, tuple, set, mapping, dataclass instance, enum
            member, bytes, numpy scalar or array, torch tensor, nested at will. Tuples count as lists,
            dataclasses as their type's name and fields, bytes, arrays and tensors as their digest.
            1, 1.0 and True differ.

    Returns:
        ASCII bytes without spaces.

    Raises:
        TypeError: a type that has no canonical form; the message names it and where it is.
        ValueError: a float that is NaN or infinite; the message names where it is.

    Example::

        >>> canonical_json({"b": (1, 2.0), "a": None})
        b'{"a":null,"b":[1,2.0]}'
    """
    try:
        return _dump(_form(obj))
    except RecursionError:
        raise TypeError("no content key for a value that contains itself or is nested too deeply") from None


def content_key(*parts: object) -> str:
    """32 hex digits (blake2b) that depend on the parts and their order alone.

    Args:
        parts: what :func:`canonical_json` takes.

    Example::

        >>> content_key("route", {"x": 1}) == content_key("route", {"x": 1})
        True
    """
    return hashlib.blake2b(canonical_json(parts), digest_size=16).hexdigest()


def _dump(form: object) -> bytes:
    return _ENCODER.encode(form).encode("ascii")


def _form(obj: object, where: str = "") -> object:
    """The value as plain JSON types; ``where`` is the path to it, for messages."""
    kind: Any = type(obj)
    if kind in _PLAIN:
        return obj
    if kind is float:
        return _finite(obj, where)  # type: ignore[arg-type]
    names = _field_names(kind)
    if names is not None:
        fields = {}
        for name in names:
            value = getattr(obj, name)
            fields[name] = value if type(value) in _PLAIN else _form(value, f"{where}.{name}")
        return {"$type": [kind.__qualname__, fields]}
    if isinstance(obj, enum.Enum):
        return {"$enum": [kind.__qualname__, obj.name]}
    if isinstance(obj, float):
        return _finite(float(obj), where)
    if isinstance(obj, list | tuple):
        return [item if type(item) in _PLAIN else _form(item, f"{where}[{i}]") for i, item in enumerate(obj)]
    if isinstance(obj, Mapping):
        return _mapping(obj, where)
    if isinstance(obj, set | frozenset):
        return {"$set": sorted((_form(item, where) for item in obj), key=_dump)}
    return _leaf(obj, where)


@functools.lru_cache(maxsize=1024)
def _field_names(kind: type) -> tuple[str, ...] | None:
    """Of a dataclass whose instances are keyed by their fields; ``None`` for any other type."""
    if not dataclasses.is_dataclass(kind) or issubclass(kind, enum.Enum | float | list | tuple | Mapping):
        return None
    return tuple(field.name for field in dataclasses.fields(kind))


def _leaf(obj: object, where: str) -> object:
    if isinstance(obj, str):
        return str.__str__(obj)
    if isinstance(obj, int):
        return int(obj)
    if isinstance(obj, bytes | bytearray | memoryview):
        return {"$bytes": hashlib.blake2b(obj, digest_size=16).hexdigest()}
    if isinstance(obj, np.generic):
        return _form(obj.item(), where)
    if isinstance(obj, np.ndarray) and obj.dtype.hasobject is False:
        little = np.ascontiguousarray(obj, dtype=obj.dtype.newbyteorder("<"))
        digest = hashlib.blake2b(little.tobytes(), digest_size=16).hexdigest()
        return {"$array": [little.dtype.str, list(obj.shape), digest]}
    if type(obj).__module__ == "torch" and type(obj).__name__ == "Tensor":
        return _tensor(obj)
    place = f" at {where.lstrip('.')}" if where else ""
    kind = f"{type(obj).__module__}.{type(obj).__qualname__}"
    raise TypeError(f"no content key for a {kind}{place}: convert it to JSON types or an array first")


def _tensor(tensor: Any) -> object:
    """A tensor by its type, shape and bytes; where it lives and whether it has a gradient do not count."""
    raw = tensor.detach().cpu().contiguous().reshape(-1)
    # As bytes, because numpy has no bfloat16; an empty tensor cannot be viewed as another type.
    data = raw.view(sys.modules["torch"].uint8).numpy().tobytes() if raw.numel() else b""
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return {"$tensor": [str(tensor.dtype), list(tensor.shape), digest]}


def _mapping(obj: Mapping[object, object], where: str) -> object:
    if all(type(key) is str and not key.startswith("$") for key in obj):
        return {key: _form(item, f"{where}.{key}") for key, item in obj.items()}
    pairs = [[_form(key, where), _form(item, f"{where}[{key!r}]")] for key, item in obj.items()]
    return {"$pairs": sorted(pairs, key=lambda pair: _dump(pair[0]))}


def _finite(number: float, where: str) -> float:
    if not math.isfinite(number):
        place = f" at {where.lstrip('.')}" if where else ""
        raise ValueError(f"no content key for the float {number}{place}: use None or a finite number")
    return number
