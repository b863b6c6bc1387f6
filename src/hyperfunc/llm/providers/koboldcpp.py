"""KoboldCpp's own routes: ``/api/v1/generate`` continues a prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Request, Response
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.http.sse import events
from hyperfunc.llm.providers.parameters import KOBOLDCPP, wire
from hyperfunc.llm.providers.raw_text import cut, own_template, refuse_tools, stops
from hyperfunc.llm.providers.reading import bad_reply, counted, failed, finished, number, usage_of
from hyperfunc.llm.providers.server import Asked, Embeddings, Piece
from hyperfunc.llm.providers.templates import ChatTemplate

__all__ = ["KoboldCpp"]


@dataclass(kw_only=True)
class KoboldCpp:
    """Continues a prompt.

    Args:
        template: makes messages a prompt; with ``None`` the model's own is looked up once.
        context: tokens that prompt and answer may have together; the server's own when ``None``.
        extra: further fields of every request.
    """

    template: ChatTemplate | None = None
    context: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def enforces_schemas(self) -> bool:
        """Its own routes know none."""
        return False

    @property
    def asks_first(self) -> bool:
        """The model's template, once, when none was named."""
        return self.template is None

    async def asked(self, exchange: Exchange, request: Request, stream: bool) -> Asked:
        """A native request."""
        refuse_tools(request, "KoboldCpp")
        if request.logprobs is not None or request.response_format is not None:
            asked = "logprobs" if request.logprobs is not None else "response_format"
            raise ModelError(
                f"KoboldCpp's own routes have no {asked}; use its OpenAI route (openai/http://.../v1)"
            )
        if self.template is None:
            self.template = await own_template(exchange, "KoboldCpp")
        body: dict[str, Any] = {"prompt": self.template.text(request.messages)}
        body |= wire(KOBOLDCPP, request.sampling, request.seed)
        ends = stops(request, self.template)
        if ends:
            body["stop_sequence"] = ends
        body["trim_stop"] = True
        if self.context is not None:
            body["max_context_length"] = self.context
        path = "/api/extra/generate/stream" if stream else "/api/v1/generate"
        return Asked(path, {**body, **self.extra})

    def answer(self, where: str, request: Request, reply: Mapping[str, Any]) -> Response:
        """The first result."""
        try:
            result = reply["results"][0]
            text = result["text"]
        except (KeyError, IndexError, TypeError) as error:
            raise bad_reply(where, "a result with a text") from error
        if not isinstance(text, str):
            raise bad_reply(where, "a text")
        ends = stops(request, self.template)
        kept = cut(text, ends)
        said, wrote = result.get("finish_reason"), number(result.get("completion_tokens"))
        if said == "error" or (said == "length" and wrote == 0):
            raise failed(where)
        # It says "length" of what a stop text ended, too.
        short = bool(ends) and wrote is not None and wrote < (request.sampling.max_tokens or 0)
        return Response(
            text=kept,
            finish_reason=_reason(said, kept != text or short),
            usage=usage_of(request, kept, result.get("prompt_tokens"), wrote),
        )

    async def pieces(
        self, where: str, request: Request, stream: AsyncIterator[bytes]
    ) -> AsyncIterator[Piece]:
        """Tokens as they come; the server says nothing about usage here."""
        text, says, ended = "", False, False
        async for event in events(stream, where):
            token = event.get("token")
            if not isinstance(token, str):
                raise bad_reply(where, "a token")
            text += token
            reason = finished(event.get("finish_reason"))
            if reason == "error":
                raise failed(where)
            says, ended = says or "finish_reason" in event, ended or reason is not None
            yield Piece(text=token, finish_reason=None if reason is None else _reason(reason, False))
        # Versions that never give a reason end like those that break off.
        if says and not ended:
            raise bad_reply(where, "the end of its stream")
        yield Piece(usage=counted(request, text))

    def embedding(self, texts: Sequence[str]) -> Asked:
        """Refused."""
        raise ModelError(
            "KoboldCpp's own routes have no embeddings; use its OpenAI route (openai/http://.../v1)"
        )

    def vectors(self, where: str, reply: Mapping[str, Any]) -> Embeddings:
        """Never asked for."""
        raise bad_reply(where, "embeddings")


def _reason(said: Any, stopped: bool) -> str:
    return "length" if said == "length" and not stopped else "stop"
