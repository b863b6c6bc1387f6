"""Ollama's own routes: ``/api/chat`` and ``/api/embed``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.llm.client import Request, Response, TokenLogprob, Usage
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.http.sse import lines, parsed
from hyperfunc.llm.providers.parameters import OLLAMA, wire
from hyperfunc.llm.providers.reading import bad_reply, calls_of, chat_messages, logprobs_of, number, usage_of
from hyperfunc.llm.providers.server import Asked, Embeddings, Piece
from hyperfunc.llm.structured import schema_of

__all__ = ["Ollama"]


@dataclass(frozen=True, kw_only=True)
class Ollama:
    """Chat with the template of the model's own metadata, which the server applies.

    Args:
        model: the server's name of the model.
        context: tokens that prompt and answer may have together. Ollama cuts off what is longer than its own
            default without a word, so set it for long prompts.
        extra: further fields of every request.
    """

    model: str
    context: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def enforces_schemas(self) -> bool:
        """It does, by a grammar."""
        return True

    @property
    def asks_first(self) -> bool:
        """Nothing has to be asked."""
        return False

    async def asked(self, exchange: Exchange, request: Request, stream: bool) -> Asked:
        """A chat request."""
        options = wire(OLLAMA, request.sampling, request.seed)
        if request.stop:
            options["stop"] = list(request.stop)
        if self.context is not None:
            options["num_ctx"] = self.context
        body: dict[str, Any] = {
            "model": self.model, "messages": chat_messages(request), "stream": stream, "options": options,
        }  # fmt: skip
        if request.response_format is not None:
            body["format"] = schema_of(request.response_format)
        if request.tools:
            body["tools"] = [dict(tool) for tool in request.tools]
        if request.logprobs is not None:
            body |= {"logprobs": True, "top_logprobs": request.logprobs}
        return Asked("/api/chat", {**body, **self.extra})

    def answer(self, where: str, request: Request, reply: Mapping[str, Any]) -> Response:
        """The message."""
        text, calls = self._message(where, reply)
        return Response(
            text=text,
            finish_reason=_reason(reply, calls),
            usage=_usage(request, text, reply),
            tool_calls=calls,
            logprobs=_logprobs(where, reply),
            model=str(reply.get("model") or self.model),
        )

    async def pieces(
        self, where: str, request: Request, stream: AsyncIterator[bytes]
    ) -> AsyncIterator[Piece]:
        """One JSON object a line; the one that says ``done`` has the counts."""
        ended, text = False, ""
        async for line in lines(stream, where):
            if not line.strip():
                continue
            reply = parsed(line, where)
            added, calls = self._message(where, reply)
            text += added
            ended = bool(reply.get("done"))
            yield Piece(
                text=added,
                finish_reason=_reason(reply, calls) if ended else None,
                usage=_usage(request, text, reply) if ended else None,
                tool_calls=calls,
                logprobs=_logprobs(where, reply),
            )
        if not ended:
            raise bad_reply(where, "the end of its stream")

    def embedding(self, texts: Sequence[str]) -> Asked:
        """A request for vectors."""
        return Asked("/api/embed", {"model": self.model, "input": list(texts)})

    def vectors(self, where: str, reply: Mapping[str, Any]) -> Embeddings:
        """Vectors in the order of the texts."""
        try:
            vectors = tuple(tuple(map(float, row)) for row in reply["embeddings"])
        except (KeyError, TypeError, ValueError) as error:
            raise bad_reply(where, "embeddings") from error
        tokens = number(reply.get("prompt_eval_count"))
        return Embeddings(
            vectors, None if tokens is None else Usage(prompt_tokens=tokens, completion_tokens=0)
        )

    def _message(self, where: str, reply: Mapping[str, Any]) -> tuple[str, tuple[Mapping[str, Any], ...]]:
        message = reply.get("message")
        if not isinstance(message, Mapping) or not isinstance(message.get("content", ""), str):
            raise bad_reply(where, "a message")
        return message.get("content") or "", calls_of(where, message.get("tool_calls"))


def _reason(reply: Mapping[str, Any], calls: Sequence[Any]) -> str:
    return "tool_calls" if calls else str(reply.get("done_reason") or "stop")


def _usage(request: Request, text: str, reply: Mapping[str, Any]) -> Usage:
    return usage_of(request, text, reply.get("prompt_eval_count"), reply.get("eval_count"))


def _logprobs(where: str, reply: Mapping[str, Any]) -> tuple[TokenLogprob, ...] | None:
    found = reply.get("logprobs")
    if found is None:
        return None
    try:
        return logprobs_of(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise bad_reply(where, "readable log-probabilities") from error
