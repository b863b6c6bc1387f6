"""Keys out of everything that is kept: requests, answers, errors."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from .client import Request, Response
from .secrets import known_secrets, redact

__all__ = ["scrub", "scrub_error", "scrub_request", "scrub_response"]


def scrub(value: Any) -> Any:
    """A JSON value with every known key replaced, in names too; other objects come back as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {scrub(name): scrub(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(scrub, value))
    return value


def scrub_request(request: Request) -> Request:
    """The request with every known key replaced; the same object when it has none."""
    if not _shows(request):
        return request
    return replace(
        request,
        messages=tuple(replace(m, content=redact(m.content)) for m in request.messages),
        stop=tuple(map(redact, request.stop)),
        tools=tuple(scrub(dict(tool)) for tool in request.tools),
        response_format=request.response_format and scrub(dict(request.response_format)),
    )


def scrub_response(response: Response) -> Response:
    """The answer with every known key replaced; the same object when it has none.

    A key that was generated shows in the tokens piece by piece, so log-probabilities are dropped with it.
    """
    if not _shows(response):
        return response
    return replace(
        response,
        text=redact(response.text),
        tool_calls=tuple(scrub(dict(call)) for call in response.tool_calls),
        logprobs=None,
        model=redact(response.model),
        fingerprint=redact(response.fingerprint),
        finish_reason=redact(response.finish_reason),
    )


def scrub_error(error: BaseException) -> BaseException:
    """The same error, with every known key replaced in its message, its notes, and the errors behind it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        at.args = tuple(scrub(part) for part in at.args)
        if hasattr(at, "__notes__"):
            at.__notes__ = [redact(note) for note in at.__notes__]
        at = at.__cause__ or at.__context__
    return error


def _shows(record: Request | Response) -> bool:
    """Whether any known key is in the record's texts."""
    secrets = known_secrets()
    if not secrets:
        return False
    if isinstance(record, Request):
        texts = [*(m.content for m in record.messages), *record.stop]
        declared: Any = (record.tools, record.response_format)
    else:
        texts = [record.text, record.model, record.fingerprint, record.finish_reason]
        texts.append("".join(token.token for token in record.logprobs or ()))
        declared = record.tool_calls
    if any(declared):
        texts.append(json.dumps(declared, default=dict, ensure_ascii=False))
    return any(secret in text for secret in secrets for text in texts)
