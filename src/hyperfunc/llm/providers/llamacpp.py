"""llama.cpp's server: its own ``/completion`` with a prompt. Chat goes the OpenAI way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.llm.client import Request, Response, TokenLogprob
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.http.sse import events
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import LLAMACPP, LLAMACPP_COMPLETION, wire
from hyperfunc.llm.providers.raw_text import refuse_tools, stops
from hyperfunc.llm.providers.reading import bad_reply, chat_messages, encoded, logprobs_of, usage_of
from hyperfunc.llm.providers.server import Asked, Embeddings, Piece
from hyperfunc.llm.providers.templates import ChatTemplate
from hyperfunc.llm.structured import schema_of

__all__ = ["LlamaCppCompletion", "llamacpp_chat"]

_REASONS = {"eos": "stop", "word": "stop", "limit": "length"}


def llamacpp_chat(model: str, extra: Mapping[str, Any]) -> OpenAIStyle:
    """Chat with the template of the model's own metadata, which the server applies."""
    return OpenAIStyle(model=model, table=LLAMACPP, extra=extra, prefix="/v1", enforces_schemas=True)


@dataclass(frozen=True, kw_only=True)
class LlamaCppCompletion:
    """Continues a prompt.

    Args:
        template: makes messages a prompt; with ``None`` the server does (``/apply-template``).
        extra: further fields of every request.
    """

    template: ChatTemplate | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def enforces_schemas(self) -> bool:
        """It does, by a grammar."""
        return True

    @property
    def asks_first(self) -> bool:
        """The prompt, where the server makes it."""
        return self.template is None

    async def asked(self, exchange: Exchange, request: Request, stream: bool) -> Asked:
        """A completion request."""
        refuse_tools(request, "the llama.cpp server")
        body: dict[str, Any] = {"prompt": await self._prompt(exchange, request), "cache_prompt": True}
        body |= wire(LLAMACPP_COMPLETION, request.sampling, request.seed)
        ends = stops(request, self.template)
        if ends:
            body["stop"] = ends
        if request.logprobs is not None:
            body["n_probs"] = max(1, request.logprobs)
        if request.response_format is not None:
            body["json_schema"] = schema_of(request.response_format)
        if stream:
            body["stream"] = True
        return Asked("/completion", {**body, **self.extra})

    async def _prompt(self, exchange: Exchange, request: Request) -> str:
        if self.template is not None:
            return self.template.text(request.messages)
        reply = await exchange.post("/apply-template", encoded({"messages": chat_messages(request)}))
        prompt = reply.json.get("prompt")
        if not isinstance(prompt, str):
            raise bad_reply(exchange.base, "a prompt for the messages")
        return prompt

    def answer(self, where: str, request: Request, reply: Mapping[str, Any]) -> Response:
        """The completion."""
        text = reply.get("content")
        if not isinstance(text, str):
            raise bad_reply(where, "content")
        return Response(
            text=text,
            finish_reason=_REASONS.get(str(reply.get("stop_type")), "stop"),
            usage=usage_of(request, text, reply.get("tokens_evaluated"), reply.get("tokens_predicted")),
            logprobs=_logprobs(where, request, reply),
            model=str(reply.get("model") or ""),
            fingerprint=str(reply.get("system_fingerprint") or reply.get("build_info") or ""),
        )

    async def pieces(
        self, where: str, request: Request, stream: AsyncIterator[bytes]
    ) -> AsyncIterator[Piece]:
        """Pieces of text; the last one has the counts."""
        ended, text = False, ""
        async for event in events(stream, where):
            added = str(event.get("content") or "")
            text += added
            logprobs = _logprobs(where, request, event)
            if not event.get("stop"):
                yield Piece(text=added, logprobs=logprobs)
                continue
            ended = True
            yield Piece(
                text=added,
                logprobs=logprobs,
                finish_reason=_REASONS.get(str(event.get("stop_type")), "stop"),
                usage=usage_of(request, text, event.get("tokens_evaluated"), event.get("tokens_predicted")),
            )
        if not ended:
            raise bad_reply(where, "the end of its stream")

    def embedding(self, texts: Sequence[str]) -> Asked:
        """A request for vectors."""
        return llamacpp_chat("", {}).embedding(texts)

    def vectors(self, where: str, reply: Mapping[str, Any]) -> Embeddings:
        """Vectors by index."""
        return llamacpp_chat("", {}).vectors(where, reply)


def _logprobs(where: str, request: Request, reply: Mapping[str, Any]) -> tuple[TokenLogprob, ...] | None:
    found = reply.get("completion_probabilities")
    if request.logprobs is None or found is None:
        return None
    try:
        read = logprobs_of(found)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise bad_reply(where, "readable log-probabilities") from error
    return tuple(TokenLogprob(t.token, t.logprob, t.top[: request.logprobs]) for t in read)
