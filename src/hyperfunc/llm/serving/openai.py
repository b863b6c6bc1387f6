"""OpenAI-style routes: ``/v1/models``, ``/v1/completions`` and ``/v1/chat/completions``."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Message, Request, Response, TokenLogprob
from hyperfunc.llm.local.jobs import Piece
from hyperfunc.llm.serving.answering import DONE, Asked, answer, events, json_body, left_out
from hyperfunc.llm.serving.fields import Fields, read_sampling, settle_neutral
from hyperfunc.llm.serving.service import Service, choices_of

__all__ = ["SAMPLERS", "routes"]

SAMPLERS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "typical_p": "typical_p",
    "top_n_sigma": "top_n_sigma",
    "repetition_penalty": "repetition_penalty",
    "repeat_penalty": "repetition_penalty",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
"""Canonical parameters by field name."""

_MOST_CHOICES = 128
_MOST_STOPS = 16
_MOST_ANSWERS = 2048
_DEFAULT_TOKENS = 16
"""What OpenAI's own completions route generates when it is told nothing."""

Logprobs = Callable[[Sequence[TokenLogprob]], Any]


@dataclass(frozen=True)
class _Shape:
    """How one of the two routes words its answers."""

    kind: str
    prefix: str
    logprobs: Logprobs
    chat: bool


def routes(service: Service) -> list[web.RouteDef]:
    """The handlers."""

    async def models(_: web.Request) -> web.StreamResponse:
        listed = [
            {"id": name, "object": "model", "created": 0, "owned_by": "hyperfunc"} for name in service.models
        ]
        return web.json_response({"object": "list", "data": listed})

    async def completions(http: web.Request) -> web.StreamResponse:
        fields = Fields(await json_body(http))
        prompts = fields.texts("prompt")
        if not prompts:
            raise ModelError("prompt is missing; send a text or a list of texts")
        number = fields.integer("logprobs", lowest=0)
        limit = _longest(fields, "max_tokens", _DEFAULT_TOKENS)
        conversations = [(Message("user", prompt),) for prompt in prompts]
        asked = _asked(service, fields, conversations, limit, number)
        return await _answer(
            service, http, asked, _Shape("text_completion", "cmpl", _legacy_logprobs, chat=False)
        )

    async def chat(http: web.Request) -> web.StreamResponse:
        fields = Fields(await json_body(http))
        messages = _messages(fields.take("messages"))
        alternatives = fields.integer("top_logprobs", lowest=0)
        number = (alternatives or 0) if fields.flag("logprobs") else None
        limit = _longest(fields, "max_completion_tokens", _longest(fields, "max_tokens", None))
        asked = _asked(service, fields, [messages], limit, number)
        return await _answer(
            service, http, asked, _Shape("chat.completion", "chatcmpl", _chat_logprobs, chat=True)
        )

    return [
        web.get("/v1/models", models),
        web.post("/v1/completions", completions),
        web.post("/v1/chat/completions", chat),
    ]


def _asked(
    service: Service,
    fields: Fields,
    conversations: Sequence[tuple[Message, ...]],
    max_tokens: int | None,
    logprobs: int | None,
) -> Asked:
    model = service.model(fields.text("model"))
    choices = fields.integer("n", lowest=1, highest=_MOST_CHOICES) or 1
    stop = fields.texts("stop")
    if len(stop) > _MOST_STOPS:
        raise ModelError(f"stop has {len(stop)} texts; send at most {_MOST_STOPS}")
    if len(conversations) * choices > _MOST_ANSWERS:
        raise ModelError(f"prompts times n are more than {_MOST_ANSWERS} answers; send several requests")
    sampling = read_sampling(fields, SAMPLERS, max_tokens)
    seed = fields.integer("seed")
    stream = fields.flag("stream")
    options = Fields(fields.take("stream_options") or {})
    include_usage = options.flag("include_usage")
    _refuse_other_forms(fields)
    settle_neutral(fields, sampling, model.transformer.architecture.context)
    requests = [
        Request(
            model=model.name, messages=messages, sampling=sampling, seed=seed, stop=stop, logprobs=logprobs
        )
        for messages in conversations
    ]
    spread = [choice for request in requests for choice in choices_of(request, choices)]
    return Asked(model, spread, stream, left_out(service, fields), include_usage)


def _longest(fields: Fields, name: str, default: int | None) -> int | None:
    """The longest completion; -1 asks for no limit, as it does of llama.cpp."""
    if fields.peek(name) == -1:
        fields.settle(name)
        return None
    return fields.integer(name, lowest=1) or default


def _refuse_other_forms(fields: Fields) -> None:
    """An answer of another form than asked for would be wrong, not merely less controlled."""
    for name in ("tools", "functions", "tool_choice", "function_call"):
        if fields.take(name) not in (None, [], "none", "auto"):
            raise ModelError(f"the embedded models call no tools; leave out {name}")
    form = fields.take("response_format")
    if form is not None and form != {"type": "text"}:
        raise ModelError(
            'the embedded models write plain text; leave out response_format or send {"type": "text"}'
        )


async def _answer(service: Service, http: web.Request, asked: Asked, shape: _Shape) -> web.StreamResponse:
    head = {
        "id": f"{shape.prefix}-{secrets.token_hex(12)}",
        "object": shape.kind,
        "created": int(time.time()),
        "model": asked.model.name,
        "system_fingerprint": asked.model.fingerprint,
    }
    if asked.stream:
        return await _stream(service, http, asked, shape, head)
    responses = await service.complete(asked.requests)
    choices = [_choice(index, response, shape) for index, response in enumerate(responses)]
    return answer({**head, "choices": choices, "usage": _usage(responses, asked)}, asked)


async def _stream(
    service: Service, http: web.Request, asked: Asked, shape: _Shape, head: dict[str, Any]
) -> web.StreamResponse:
    if shape.chat:
        head["object"] = "chat.completion.chunk"
    responses: dict[int, Response] = {}
    opened: set[int] = set()
    async with events(http, asked) as send, contextlib.aclosing(service.stream(asked.requests)) as parts:
        async for index, part in parts:
            if shape.chat and index not in opened:
                opened.add(index)
                first = {"index": index, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
                await send({**head, "choices": [first]})
            if isinstance(part, Response):
                responses[index] = part
            await send({**head, "choices": [_chunk(index, part, shape)]})
        if asked.include_usage:
            ordered = [responses[index] for index in sorted(responses)]
            await send({**head, "choices": [], "usage": _usage(ordered, asked)})
        await send(DONE)
    return send.response


def _choice(index: int, response: Response, shape: _Shape) -> dict[str, Any]:
    logprobs = None if response.logprobs is None else shape.logprobs(response.logprobs)
    said: dict[str, Any] = (
        {"message": {"role": "assistant", "content": response.text}}
        if shape.chat
        else {"text": response.text}
    )
    return {"index": index, **said, "logprobs": logprobs, "finish_reason": response.finish_reason}


def _chunk(index: int, part: Piece | Response, shape: _Shape) -> dict[str, Any]:
    if isinstance(part, Response):
        said: dict[str, Any] = {"delta": {}} if shape.chat else {"text": ""}
        return {"index": index, **said, "logprobs": None, "finish_reason": part.finish_reason}
    said = {"delta": {"content": part.text}} if shape.chat else {"text": part.text}
    logprobs = shape.logprobs(part.logprobs) if part.logprobs else None
    return {"index": index, **said, "logprobs": logprobs, "finish_reason": None}


def _usage(responses: Sequence[Response], asked: Asked) -> dict[str, int]:
    """Tokens of all choices; a prompt counts once, however many answers it gets."""
    prompts = {id(request.messages): r.usage for request, r in zip(asked.requests, responses, strict=True)}
    prompt = sum(usage.prompt_tokens for usage in prompts.values() if usage)
    completion = sum(response.usage.completion_tokens for response in responses if response.usage)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _legacy_logprobs(entries: Sequence[TokenLogprob]) -> dict[str, Any]:
    lengths = (len(entry.token) for entry in entries)
    return {
        "tokens": [entry.token for entry in entries],
        "token_logprobs": [entry.logprob for entry in entries],
        # Tokens that are parts of one character look alike; the likeliest keeps the name.
        "top_logprobs": [dict(sorted(entry.top, key=lambda pair: pair[1])) for entry in entries],
        "text_offset": list(itertools.accumulate(lengths, initial=0))[:-1],
    }


def _chat_logprobs(entries: Sequence[TokenLogprob]) -> dict[str, Any]:
    def one(token: str, logprob: float) -> dict[str, Any]:
        return {"token": token, "logprob": logprob, "bytes": list(token.encode("utf-8", "replace"))}

    return {
        "content": [
            {**one(entry.token, entry.logprob), "top_logprobs": [one(*pair) for pair in entry.top]}
            for entry in entries
        ]
    }


def _messages(sent: Any) -> tuple[Message, ...]:
    if not isinstance(sent, list) or not sent:
        raise ModelError('messages must be a list such as [{"role": "user", "content": "a text"}]')
    return tuple(_message(item, index) for index, item in enumerate(sent))


def _message(sent: Any, index: int) -> Message:
    role, content = (sent.get("role"), sent.get("content")) if isinstance(sent, dict) else (None, None)
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else None for part in content]
        texts = [part for part in parts if isinstance(part, str)]
        content = "".join(texts) if len(texts) == len(parts) else None
    if not isinstance(role, str) or not isinstance(content, str):
        raise ModelError(f'message {index} must look like {{"role": "user", "content": "a text"}}')
    return Message(role, content)
