"""The dialect of OpenAI and of everything that speaks like it: chat completions and embeddings."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.llm.client import Request, Response, TokenLogprob, Usage
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.http.reported import reported
from hyperfunc.llm.http.sse import events
from hyperfunc.llm.providers.parameters import Table, wire
from hyperfunc.llm.providers.reading import (
    bad_reply,
    calls_of,
    chat_messages,
    failed,
    finished,
    logprobs_of,
    number,
    usage_of,
)
from hyperfunc.llm.providers.server import Asked, Embeddings, Piece
from hyperfunc.llm.structured import schema_of

__all__ = ["OpenAIStyle"]


@dataclass(frozen=True, kw_only=True)
class OpenAIStyle:
    """Chat completions.

    Args:
        model: the server's name of the model; left out of requests when empty.
        table: of sampler parameters.
        extra: further fields of every request, as the server words them.
        prefix: of the paths.
        enforces_schemas: whether the server is known to hold answers to the schema of a request.
    """

    model: str
    table: Table
    extra: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""
    enforces_schemas: bool = False

    @property
    def asks_first(self) -> bool:
        """Nothing has to be asked."""
        return False

    async def asked(self, exchange: Exchange, request: Request, stream: bool) -> Asked:
        """A chat request."""
        body = self.body(request)
        if stream:
            body["stream"] = True
            body["stream_options"] = {"include_usage": True}
        return Asked(self.prefix + "/chat/completions", body)

    def body(self, request: Request) -> dict[str, Any]:
        """The fields of a request."""
        body: dict[str, Any] = {"model": self.model} if self.model else {}
        body["messages"] = chat_messages(request)
        body |= wire(self.table, request.sampling, request.seed)
        if request.stop:
            body["stop"] = list(request.stop)
        if request.logprobs is not None:
            body["logprobs"] = True
            body["top_logprobs"] = request.logprobs
        if request.response_format is not None:
            body["response_format"] = _response_format(request.response_format)
        if request.tools:
            body["tools"] = [dict(tool) for tool in request.tools]
        if self.extra:
            body |= self.extra
        return body

    def answer(self, where: str, request: Request, reply: Mapping[str, Any]) -> Response:
        """The first choice."""
        try:
            choice = reply["choices"][0]
            fault = reported(where, choice)
            if fault is not None:
                raise fault
            message = choice["message"]
            text = _text(message)
            calls = calls_of(where, message.get("tool_calls"))
            logprobs = _logprobs(choice)
        except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
            raise bad_reply(where, "a choice with a message") from error
        if not isinstance(text, str):
            raise bad_reply(where, "a text")
        if choice.get("finish_reason") == "error":
            raise failed(where)
        return Response(
            text=text,
            finish_reason=str(choice.get("finish_reason") or "stop"),
            usage=_usage(request, text, reply.get("usage")),
            tool_calls=calls,
            logprobs=logprobs,
            cost=_cost(reply.get("usage")),
            model=str(reply.get("model") or self.model),
            fingerprint=str(reply.get("system_fingerprint") or ""),
        )

    async def pieces(
        self, where: str, request: Request, stream: AsyncIterator[bytes]
    ) -> AsyncIterator[Piece]:
        """Deltas of the first choice; a stream that does not say why it ends is broken."""
        ended = False
        async for event in events(stream, where):
            choices = event.get("choices") or [{}]
            try:
                fault = reported(where, choices[0])
                if fault is not None:
                    raise fault
                delta = choices[0].get("delta") or {}
                reason = finished(choices[0].get("finish_reason"))
                logprobs = _logprobs(choices[0])
                text, calls = _text(delta), calls_of(where, delta.get("tool_calls"))
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise bad_reply(where, "a choice with a delta") from error
            if not isinstance(text, str):
                raise bad_reply(where, "a readable delta")
            if reason == "error":
                raise failed(where)
            ended = ended or reason is not None
            yield Piece(
                text=text, finish_reason=reason, usage=_stream_usage(event.get("usage")), tool_calls=calls,
                logprobs=logprobs,
                fingerprint=str(event.get("system_fingerprint") or ""),
            )  # fmt: skip
        if not ended:
            raise bad_reply(where, "the end of its stream")

    def embedding(self, texts: Sequence[str]) -> Asked:
        """A request for vectors."""
        body: dict[str, Any] = {"input": list(texts), "encoding_format": "float"}
        if self.model:
            body["model"] = self.model
        return Asked(self.prefix + "/embeddings", body)

    def vectors(self, where: str, reply: Mapping[str, Any]) -> Embeddings:
        """Vectors by index."""
        try:
            rows = sorted(reply["data"], key=lambda row: row["index"])
            vectors = tuple(tuple(map(float, row["embedding"])) for row in rows)
        except (KeyError, TypeError, ValueError) as error:
            raise bad_reply(where, "embeddings") from error
        said = reply.get("usage")
        tokens = number(said.get("prompt_tokens")) if isinstance(said, Mapping) else None
        return Embeddings(
            vectors, None if tokens is None else Usage(prompt_tokens=tokens, completion_tokens=0)
        )


def _response_format(given: Mapping[str, Any]) -> dict[str, Any]:
    if given.get("type") in ("json_object", "json_schema"):
        schema_of(given)
        return dict(given)
    return {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema_of(given), "strict": True},
    }


def _text(message: Mapping[str, Any]) -> Any:
    """The text of a message; some servers send it in parts, beside the model's thoughts."""
    content = message.get("content") or ""
    if not isinstance(content, list):
        return content
    return "".join(part["text"] for part in content if part["type"] == "text")


def _usage(request: Request, text: str, said: Any) -> Usage:
    said = said if isinstance(said, Mapping) else {}
    return usage_of(request, text, said.get("prompt_tokens"), said.get("completion_tokens"))


def _stream_usage(said: Any) -> Usage | None:
    if not isinstance(said, Mapping):
        return None
    prompt, completion = number(said.get("prompt_tokens")), number(said.get("completion_tokens"))
    if prompt is None or completion is None:
        return None
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


def _cost(said: Any) -> float | None:
    """What OpenRouter says a call cost in US dollars."""
    cost = said.get("cost") if isinstance(said, Mapping) else None
    if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < math.inf:
        return float(cost)
    return None


def _logprobs(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...] | None:
    found = choice.get("logprobs")
    content = found.get("content") if found else None
    return None if content is None else logprobs_of(content)
