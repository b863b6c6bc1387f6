"""What all dialects share when they read a reply: usage, log-probabilities, reasons to end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from hyperfunc.errors import ModelError, ServerFailed
from hyperfunc.llm.client import Request, TokenLogprob, Usage
from hyperfunc.llm.http import Fault, unreadable

__all__ = [
    "bad_reply", "calls_of", "chat_messages", "counted", "encoded", "failed", "finished", "logprobs_of",
    "number", "probable_tokens", "usage_of",
]  # fmt: skip

_BYTES_PER_TOKEN = 4
_COMPLETION = 256
_MOST_TOKENS = 1 << 40


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encoded(body: Mapping[str, Any]) -> bytes:
    """A request body as JSON.

    Raises:
        ModelError: something in it is no JSON, such as NaN.
    """
    try:
        return _encode(body).encode()
    except (TypeError, ValueError) as error:
        raise ModelError(f"the request cannot be sent as JSON: {error}") from error


def chat_messages(request: Request) -> list[dict[str, str]]:
    """Messages as chat servers take them."""
    return [{"role": message.role, "content": message.content} for message in request.messages]


def bad_reply(where: str, lacks: str) -> Fault:
    """The fault of a reply without its parts."""
    return unreadable(
        f"{where} sent a reply without {lacks}; is it the kind of server that the model's name says?"
    )


def failed(where: str) -> Fault:
    """The fault of a reply that gives ``error`` as its reason to end, and no other word about it."""
    return Fault(ServerFailed(f"{where} could not finish its answer; see the server's log"), load=False)


def calls_of(where: str, found: Any) -> tuple[Mapping[str, Any], ...]:
    """Tool calls, or parts of them, of a message.

    Raises:
        Fault: they cannot be read.
    """
    calls = found or []
    if not isinstance(calls, list) or not all(map(_is_call, calls)):
        raise bad_reply(where, "readable tool calls")
    return tuple(calls)


def _is_call(call: Any) -> bool:
    if not isinstance(call, Mapping) or not isinstance(call.get("index", 0), int):
        return False
    return isinstance(call.get("function") or {}, Mapping)


def finished(reason: Any) -> str | None:
    """Why a stream ends here; ``None`` when it goes on, which KoboldCpp says with the text ``null``."""
    return None if reason is None or reason == "null" else str(reason)


def number(value: Any) -> int | None:
    """A count of tokens, or ``None`` when the value is none."""
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS
    return value if whole else None


def counted(request: Request, text: str) -> Usage:
    """Usage by our own rough count, four bytes a token, marked as such."""
    prompt = sum(len(message.content.encode("utf-8", "replace")) for message in request.messages)
    wrote = len(text.encode("utf-8", "replace"))
    return Usage(prompt_tokens=_tokens(prompt), completion_tokens=_tokens(wrote), counted=True)


def usage_of(request: Request, text: str, prompt: Any, completion: Any) -> Usage:
    """What a server says it used; our own count when it says nothing that can be true."""
    asked, wrote = number(prompt), number(completion)
    if asked is None or wrote is None or (text and not wrote):
        return counted(request, text)
    return Usage(prompt_tokens=asked, completion_tokens=wrote)


def probable_tokens(request: Request) -> float:
    """What a request will probably take, for limits of tokens a minute."""
    prompt = sum(len(message.content) for message in request.messages)
    return prompt / _BYTES_PER_TOKEN + (request.sampling.max_tokens or _COMPLETION)


def logprobs_of(entries: Sequence[Mapping[str, Any]]) -> tuple[TokenLogprob, ...]:
    """Entries with ``token``, ``logprob`` and ``top_logprobs``.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: entries of another shape.
    """
    try:
        return _read(entries)
    except OverflowError as error:
        raise ValueError("a log-probability is out of range") from error


def _read(entries: Sequence[Mapping[str, Any]]) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(
            entry["token"],
            float(entry["logprob"]),
            tuple((top["token"], float(top["logprob"])) for top in entry.get("top_logprobs") or ()),
        )
        for entry in entries
    )


def _tokens(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)
