"""Errors that a server reports inside a reply with status 200, or in the middle of a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hyperfunc.errors import KeyRefused, QuotaExhausted, RateLimited, RequestRefused, ServerFailed
from hyperfunc.llm.secrets import redact

from .attempts import Fault

__all__ = ["UNPAID", "reported", "words_of"]

UNPAID = frozenset({"402", "insufficient_quota", "billing_hard_limit_reached"})
_REFUSED = frozenset({"400", "404", "413", "422", "invalid_request_error", "BadRequestError"})
_SHOWN = 300


def words_of(found: Any) -> tuple[str, frozenset[str]]:
    """A server's own words about an error, without any key, and its names for the error: code and type."""
    names: set[str] = set()
    while isinstance(found, dict):
        given = (found.get("code"), found.get("type"))
        names.update(str(name) for name in given if isinstance(name, str | int))
        found = next((found[k] for k in ("error", "message", "detail", "msg") if found.get(k)), "")
    words = found if isinstance(found, str) else json.dumps(found)
    return redact(" ".join(words.split()))[:_SHOWN], frozenset(names)


def reported(where: str, found: Mapping[str, Any]) -> Fault | None:
    """The fault of a reply or a part of it that is an error, ``None`` when it is none.

    Args:
        where: the server.
        found: JSON object; ``{"error": ...}``, or ``{"object": "error", ...}``.
    """
    if not found.get("error") and found.get("object") != "error":
        return None
    said, names = words_of(dict(found))
    words = f"{where} answered with an error: {said or 'without a word about it'}"
    if names & UNPAID:
        return Fault(QuotaExhausted(f"{words}; the account cannot pay"), status=402, again=False)
    if names & {"401", "403"}:
        return Fault(KeyRefused(f"{words}; see its key"), status=401, again=False)
    if "429" in names:
        return Fault(RateLimited(f"{words}; lower the limits of this model"), status=429)
    if names & _REFUSED and not any(name.startswith("5") and name.isdecimal() for name in names):
        status = 404 if "404" in names else 400
        return Fault(RequestRefused(f"{words}; see the request's parameters"), status=status, again=False)
    return Fault(ServerFailed(f"{words}; see the server's log"), load=False)
