"""What all routes share: reading a body, wording a refusal, one answer, and a stream of events."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hyperfunc.errors import ModelError, UnknownModel
from hyperfunc.llm.client import Request
from hyperfunc.llm.local.registry import LocalModel
from hyperfunc.llm.serving.fields import Fields
from hyperfunc.llm.serving.service import Service

__all__ = ["DONE", "IGNORED", "Asked", "EventStream", "answer", "events", "json_body", "left_out", "refusals"]

IGNORED = "X-Ignored-Fields"
DONE = "[DONE]"


@dataclass(frozen=True)
class Asked:
    """A request as it was understood.

    Args:
        model: answers.
        requests: one for each answer wanted.
        stream: whether text is sent as it grows.
        ignored: fields that take no part in the answer.
        include_usage: whether a stream ends with its usage.
    """

    model: LocalModel
    requests: Sequence[Request]
    stream: bool
    ignored: Sequence[str]
    include_usage: bool = False


class EventStream:
    """Server-sent events on one response, which begins with the first of them: a refusal comes before."""

    def __init__(self, http: web.Request, response: web.StreamResponse, event: str) -> None:
        self.response = response
        self._http = http
        self._event = f"event: {event}\n" if event else ""

    async def __call__(self, data: dict[str, Any] | str) -> None:
        """Send one event."""
        if not self.response.prepared:
            await self.response.prepare(self._http)
        text = data if isinstance(data, str) else json.dumps(data)
        await self.response.write(f"{self._event}data: {text}\n\n".encode())


async def json_body(http: web.Request) -> Any:
    """The body of a request.

    Raises:
        ModelError: it is no JSON.
    """
    try:
        return json.loads(await http.read())
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the body is no JSON: {error}") from None


def left_out(service: Service, fields: Fields) -> list[str]:
    """Fields that take no part in the answer.

    Raises:
        ModelError: there are some, and the service is strict.
    """
    names = fields.left()
    if names and service.strict:
        raise ModelError(f"this route does not know {', '.join(names)}; leave out what it cannot honor")
    return names


def answer(body: dict[str, Any], asked: Asked) -> web.Response:
    """One answer; fields that took no part are named in it and in a header."""
    if not asked.ignored:
        return web.json_response(body)
    return web.json_response({**body, "ignored_fields": list(asked.ignored)}, headers=_headers(asked))


@contextlib.asynccontextmanager
async def events(http: web.Request, asked: Asked, event: str = "") -> AsyncIterator[EventStream]:
    """A stream of events; a failure after its start is sent as its last event."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache", **_headers(asked)}
    )
    send = EventStream(http, response, event)
    try:
        yield send
    except ModelError as error:
        if not response.prepared:
            raise
        await send({"error": {"message": str(error), "type": "server_error"}})
    await response.write_eof()


@web.middleware
async def refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Errors as JSON: 404 for what does not exist, 400 for a wrong request, each with one sentence."""
    try:
        return await handler(request)
    except UnknownModel as error:
        return _refusal(request, 404, str(error))
    except ModelError as error:
        return _refusal(request, 400, str(error))
    except web.HTTPNotFound:
        known = sorted({route.resource.canonical for route in request.app.router.routes() if route.resource})
        # A wrong base address is the usual mistake: the end of the path is right then.
        near = [path for path in known if path.rpartition("/")[2] == request.path.rpartition("/")[2]]
        hint = f"use {' or '.join(near)}" if near else f"there are {', '.join(known)}"
        return _refusal(request, 404, f"there is no {request.path}; {hint}")
    except web.HTTPMethodNotAllowed as error:
        allowed = " or ".join(sorted(error.allowed_methods))
        return _refusal(request, 405, f"{request.path} does not take {request.method}; use {allowed}")
    except web.HTTPRequestEntityTooLarge:
        return _refusal(request, 413, f"the body is longer than {request.client_max_size} bytes; send less")


def _refusal(http: web.Request, status: int, sentence: str) -> web.Response:
    if http.path.startswith("/api/"):
        return web.json_response({"detail": {"msg": sentence, "type": "invalid_request"}}, status=status)
    error = {"message": sentence, "type": "invalid_request_error", "code": status}
    return web.json_response({"error": error}, status=status)


def _headers(asked: Asked) -> dict[str, str]:
    # A field's name is the sender's: what no header can carry is shown escaped.
    names = (name.encode("ascii", "backslashreplace").decode() for name in asked.ignored)
    clean = ("".join(c if c.isprintable() else "?" for c in name)[:80] for name in names)
    return {IGNORED: ", ".join(clean)} if asked.ignored else {}
