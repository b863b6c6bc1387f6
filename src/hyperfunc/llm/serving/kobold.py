"""KoboldCpp's own routes, ``/api/v1/...`` and ``/api/extra/...``; they name no model: the first answers."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from aiohttp import web

from hyperfunc import __version__
from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Message, Request, Response
from hyperfunc.llm.serving.answering import Asked, answer, events, json_body, left_out
from hyperfunc.llm.serving.fields import Fields, read_sampling, settle_neutral
from hyperfunc.llm.serving.service import Service

__all__ = ["SAMPLERS", "routes"]

SAMPLERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical": "typical_p",
    "nsigma": "top_n_sigma",
    "rep_pen": "repetition_penalty",
    "presence_penalty": "presence_penalty",
}
"""Canonical parameters by field name."""

_API_VERSION = "1.2.5"
_DEFAULT_TOKENS = 256
_ORDER = [6, 0, 1, 3, 4, 2, 5]
"""Samplers by KoboldCpp's numbers, in the order the embedded engine applies them."""


def routes(service: Service) -> list[web.RouteDef]:
    """The handlers."""

    def told(value: Any) -> Any:
        async def handler(_: web.Request) -> web.StreamResponse:
            return web.json_response(value() if callable(value) else value)

        return handler

    async def generate(http: web.Request) -> web.StreamResponse:
        asked = _asked(service, Fields(await json_body(http)))
        response = (await service.complete(asked.requests))[0]
        return answer({"results": [_result(response)]}, asked)

    async def stream(http: web.Request) -> web.StreamResponse:
        asked = _asked(service, Fields(await json_body(http)))
        parts = service.stream(asked.requests)
        async with events(http, asked, "message") as send, contextlib.aclosing(parts):
            async for _, part in parts:
                ended = isinstance(part, Response)
                reason = part.finish_reason if isinstance(part, Response) else None
                await send({"token": "" if ended else part.text, "finish_reason": reason})
        return send.response

    async def token_count(http: web.Request) -> web.StreamResponse:
        prompt = Fields(await json_body(http)).text("prompt")
        if prompt is None:
            raise ModelError("prompt is missing; send a text")
        ids = service.model().encode((Message("user", prompt),))
        return web.json_response({"value": len(ids), "ids": list(ids)})

    context = service.model().transformer.architecture.context
    return [
        web.get("/api/v1/model", told({"result": service.model().name})),
        web.post("/api/v1/generate", generate),
        web.get("/api/v1/config/max_length", told({"value": min(_DEFAULT_TOKENS, context // 2)})),
        web.get("/api/v1/config/max_context_length", told({"value": context})),
        web.get("/api/extra/true_max_context_length", told({"value": context})),
        web.get("/api/v1/info/version", told({"result": _API_VERSION})),
        web.get("/api/extra/version", told({"result": "hyperfunc", "version": __version__})),
        web.post("/api/extra/tokencount", token_count),
        web.post("/api/extra/generate/stream", stream),
        web.get("/api/extra/perf", told(lambda: _perf(service))),
    ]


def _asked(service: Service, fields: Fields) -> Asked:
    model = service.model()
    context = model.transformer.architecture.context
    prompt = fields.text("prompt")
    if prompt is None:
        raise ModelError("prompt is missing; send a text")
    limit = fields.integer("max_length", lowest=1) or min(_DEFAULT_TOKENS, context // 2)
    sampling = read_sampling(fields, SAMPLERS, limit)
    seed = fields.integer("sampler_seed")
    request = Request(
        model=model.name,
        messages=(Message("user", (fields.text("memory") or "") + prompt),),
        sampling=sampling,
        # KoboldCpp draws a seed of its own when it is sent -1.
        seed=None if seed == -1 else seed,
        stop=fields.texts("stop_sequence"),
        logprobs=0 if fields.flag("logprobs") else None,
    )
    _settle(fields, context)
    settle_neutral(fields, sampling, context)
    return Asked(model, [request], stream=True, ignored=left_out(service, fields))


def _settle(fields: Fields, context: int) -> None:
    """Count as read what this server does anyway."""
    done_anyway = {"n": 1, "trim_stop": True, "sampler_order": _ORDER, "render_special": False}
    fields.settle(*(name for name, value in done_anyway.items() if fields.peek(name) == value))
    longest = fields.integer("max_context_length", lowest=1)
    if longest is not None and longest < context:
        raise ModelError(
            f"max_context_length={longest} is shorter than the model's {context}, "
            "and prompts are never cut here; leave it out"
        )


def _result(response: Response) -> dict[str, Any]:
    usage = response.usage
    result: dict[str, Any] = {"text": response.text, "finish_reason": response.finish_reason}
    if response.logprobs is not None:
        entries = [{"token": entry.token, "logprob": entry.logprob} for entry in response.logprobs]
        result["logprobs"] = {"content": entries}
    if usage is not None:
        result |= {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return result


def _perf(service: Service) -> dict[str, Any]:
    done = service.done
    usage = done.last.usage if done.last else None
    return {
        "total_gens": done.requests,
        "queue": done.flying,
        "idle": int(done.flying == 0),
        "uptime": time.monotonic() - done.since,
        "last_input_count": usage.prompt_tokens if usage else 0,
        "last_token_count": usage.completion_tokens if usage else 0,
    }
