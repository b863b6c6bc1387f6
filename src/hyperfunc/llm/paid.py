"""Paid requests: the key they are kept under, the most they can use, and their row in the ledger.

Evaluations and clients that are composed by hand go through the same functions, so that what one has
paid for, the other finds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from hyperfunc.errors import ModelError

from .client import Request, Response
from .codec import decode_response, encode_response, request_json
from .redaction import scrub_request, scrub_response

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = [
    "ASSUMED_COMPLETION",
    "find_response",
    "find_responses",
    "is_repeatable",
    "keep_response",
    "most_tokens",
    "request_key",
    "used",
]

ASSUMED_COMPLETION = 4096
"""The longest completion, in tokens, of a request that does not say ``max_tokens``."""

_MESSAGE_TOKENS = 16


def request_key(identity: str, request: Request) -> str:
    """Content key of a request to whatever answers under ``identity``: 32 hex digits.

    Raises:
        ModelError: the request has something that cannot be sent or kept as JSON.
    """
    try:
        asked = request_json(request)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"the request to {request.model} cannot be written as JSON: {error}") from error
    return hashlib.blake2b(f"request {identity}\n".encode() + asked, digest_size=16).hexdigest()


def is_repeatable(request: Request) -> bool:
    """Whether equal requests mean equal answers: it is greedy, or has a seed."""
    return request.seed is not None or request.sampling.temperature == 0


def most_tokens(request: Request) -> int:
    """A bound: no tokenizer makes more tokens than bytes."""
    prompt = sum(len(m.content.encode()) + _MESSAGE_TOKENS for m in request.messages)
    for declared in (*request.tools, request.response_format):
        if declared:
            prompt += len(json.dumps(declared, default=dict).encode()) + _MESSAGE_TOKENS
    return prompt + (request.sampling.max_tokens or ASSUMED_COMPLETION)


def used(
    request: Request, response: Response, price: Callable[[Request], float | None]
) -> tuple[int, float | None]:
    """Tokens and dollars of an answered request; the most they can be where the server does not say."""
    tokens = most_tokens(request) if response.usage is None else response.usage.total_tokens
    return tokens, price(request) if response.cost is None else response.cost


def find_response(ledger: Ledger, key: str) -> Response | None:
    """The answer that was paid for under this key, or ``None``."""
    stored = ledger.get_request(key)
    return None if stored is None else decode_response(stored.response_json)


def find_responses(ledger: Ledger, keys: Collection[str]) -> dict[str, Response]:
    """The answers that were paid for under these keys; those that are there."""
    return {key: decode_response(row.response_json) for key, row in ledger.get_requests(keys).items()}


def keep_response(
    ledger: Ledger, key: str, request: Request, response: Response, run_id: str | None = None
) -> None:
    """Put a paid answer, without any key that is in it; flush the ledger before anyone builds on it."""
    usage = response.usage
    ledger.put_request(
        key, request.model, request_json(scrub_request(request)), encode_response(scrub_response(response)),
        usage.prompt_tokens if usage else 0, usage.completion_tokens if usage else 0,
        response.cost, run_id,
    )  # fmt: skip
