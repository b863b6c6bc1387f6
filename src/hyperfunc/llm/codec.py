"""Requests and responses as JSON bytes, for the ledger."""

from __future__ import annotations

import dataclasses
import json

from .client import Request, Response, TokenLogprob, Usage

__all__ = ["decode_response", "encode_response", "request_json"]

_OPTIONAL = ("seed", "stop", "logprobs", "response_format", "tools")
_RESPONSE, _USAGE = (tuple(field.name for field in dataclasses.fields(kind)) for kind in (Response, Usage))
_encode = json.JSONEncoder(default=dict).encode
_encode_sorted = json.JSONEncoder(default=dict, sort_keys=True, allow_nan=False, separators=(",", ":")).encode


def request_json(request: Request) -> bytes:
    """A request as the one JSON text it has; unset fields are left out.

    Raises:
        TypeError, ValueError: it has something that JSON does not have.
    """
    fields: dict[str, object] = {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "sampling": request.sampling.given(),
    }
    for name in _OPTIONAL:
        value = getattr(request, name)
        if value is not None and value != ():
            fields[name] = value
    return _encode_sorted(fields).encode("ascii")


def encode_response(response: Response) -> bytes:
    """A response as JSON."""
    # By hand, because dataclasses.asdict copies everything it meets.
    fields = {name: getattr(response, name) for name in _RESPONSE}
    if response.usage is not None:
        fields["usage"] = {name: getattr(response.usage, name) for name in _USAGE}
    if response.logprobs is not None:
        fields["logprobs"] = [
            {"token": t.token, "logprob": t.logprob, "top": t.top} for t in response.logprobs
        ]
    return _encode(fields).encode()


def decode_response(data: bytes) -> Response:
    """The inverse of :func:`encode_response`."""
    row = json.loads(data)
    if row["usage"] is not None:
        row["usage"] = Usage(**row["usage"])
    row["tool_calls"] = tuple(row["tool_calls"])
    if row["logprobs"] is not None:
        row["logprobs"] = tuple(
            TokenLogprob(t["token"], t["logprob"], tuple((a, b) for a, b in t["top"]))
            for t in row["logprobs"]
        )
    return Response(**row)
