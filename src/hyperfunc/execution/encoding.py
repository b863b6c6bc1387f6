"""Predictions and kept results as bytes: tagged JSON that gives back exactly the same value."""

from __future__ import annotations

import base64
import json
from typing import Any

from hyperfunc.signatures.kinds import Mismatch
from hyperfunc.signatures.prediction import Prediction

__all__ = ["decode", "encode"]

_TAG = "$hyperfunc"
_ATOMS = (str, int, float, bool, type(None))
_encode = json.JSONEncoder(ensure_ascii=False).encode


def encode(value: Any) -> bytes | None:
    """Bytes of a value made of None, bool, int, float, str, list, tuple, dict, arrays, tensors and
    predictions of signatures.

    Returns:
        ``None`` when something in it has no exact form.
    """
    try:
        return _encode(_form(value)).encode()
    except (TypeError, ValueError, RecursionError):
        return None


def decode(data: bytes) -> Any:
    """The inverse of :func:`encode`; nothing is executed."""
    return _back(json.loads(data))


def _form(value: Any) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is list:
        return [_form(v) for v in value]
    if kind is tuple:
        return {_TAG: "tuple", "items": [_form(v) for v in value]}
    if kind is dict and all(type(k) is str for k in value) and _TAG not in value:
        return {k: _form(v) for k, v in value.items()}
    if kind.__module__ == "numpy" and hasattr(value, "dtype") and not value.dtype.hasobject:
        data = base64.b64encode(value.tobytes()).decode()
        return {_TAG: "array", "dtype": value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, Prediction):
        return {_TAG: "prediction", "signature": kind.__key__, "fields": _form(_fields(value))}
    if kind.__module__ == "torch" and kind.__name__ == "Tensor":
        import torch

        flat = value.detach().cpu().contiguous().reshape(-1)
        raw = flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""
        data = base64.b64encode(raw).decode()
        return {_TAG: "tensor", "dtype": str(value.dtype), "shape": list(value.shape), "data": data}
    raise TypeError(kind.__name__)


def _fields(value: Prediction) -> Any:
    try:
        return value.to_json()
    except Mismatch as error:  # the program changed a value in it
        raise TypeError(str(error)) from error


def _back(form: Any) -> Any:
    if isinstance(form, list):
        return [_back(v) for v in form]
    if not isinstance(form, dict):
        return form
    tag = form.get(_TAG)
    if tag == "tuple":
        return tuple(_back(v) for v in form["items"])
    if tag == "array":
        import numpy

        flat = numpy.frombuffer(base64.b64decode(form["data"]), dtype=numpy.dtype(form["dtype"]))
        array = flat.reshape(form["shape"])
        return array if form["shape"] else array[()]
    if tag == "prediction":
        return Prediction.from_json(form["signature"], _back(form["fields"]))
    if tag == "tensor":
        import torch

        raw = torch.frombuffer(bytearray(base64.b64decode(form["data"])) or bytearray(1), dtype=torch.uint8)
        dtype = getattr(torch, form["dtype"].removeprefix("torch."))
        empty = not form["data"]
        return torch.empty(form["shape"], dtype=dtype) if empty else raw.view(dtype).reshape(form["shape"])
    return {k: _back(v) for k, v in form.items()}
