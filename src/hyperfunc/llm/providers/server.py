"""A client of one model on one server; what differs between servers is a dialect."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hyperfunc.errors import ModelError, RequestTimeout
from hyperfunc.llm.client import Request, Response, TokenLogprob, Usage
from hyperfunc.llm.http import Answered, Attempts, Endpoint, Fault, attempt
from hyperfunc.llm.http.endpoint import Permit
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.providers.reading import bad_reply, counted, encoded, probable_tokens

__all__ = ["Asked", "Dialect", "Embeddings", "Piece", "ServerClient"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in a server's words: the path and the body."""

    path: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a streamed answer.

    Args:
        text: what was added.
        finish_reason: in the piece that ends the answer.
        usage: where the server tells it.
        tool_calls: parts of tool calls, as the server words them.
        logprobs: of the tokens that were added, where the server tells them.
        fingerprint: of the server.
        response: the whole answer, in the last piece that a client yields.
    """

    text: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    fingerprint: str = ""
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector for each text, and what they cost in tokens and US dollars."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage | None = None
    cost: float | None = None


class Dialect(Protocol):
    """How one kind of server is asked and understood."""

    @property
    def asks_first(self) -> bool:
        """Whether :meth:`asked` has to ask the server something before it can put a request into words."""
        ...

    @property
    def enforces_schemas(self) -> bool:
        """Whether the server is known to hold answers to the schema of a request."""
        ...

    def asked(self, exchange: Exchange, request: Request, stream: bool) -> Coroutine[Any, Any, Asked]:
        """The request in the server's words.

        Raises:
            ModelError: the server cannot do what is asked.
            Fault: the server did not answer what it had to be asked first.
        """
        ...

    def answer(self, where: str, request: Request, reply: Mapping[str, Any]) -> Response:
        """The answer of a whole reply.

        Raises:
            Fault: parts are missing.
        """
        ...

    def pieces(self, where: str, request: Request, stream: AsyncIterator[bytes]) -> AsyncIterator[Piece]:
        """The pieces of a streamed reply."""
        ...

    def embedding(self, texts: Sequence[str]) -> Asked:
        """A request for vectors.

        Raises:
            ModelError: the server has none.
        """
        ...

    def vectors(self, where: str, reply: Mapping[str, Any]) -> Embeddings:
        """The vectors of a reply."""
        ...


class ServerClient:
    """Answers requests for one model of one server, over the process's shared connections.

    May be used from several event loops, one after another or at the same time.

    Args:
        dialect: of the server.
        exchange: how it is reached.
        endpoint: its limits, shared with every other client of the server.
        attempts: time limits and retries.
        cost: US dollars of a call by its usage; ``None`` where unknown. What the server says wins.
        model: the name that responses carry.
    """

    def __init__(
        self,
        dialect: Dialect,
        exchange: Exchange,
        endpoint: Endpoint,
        *,
        attempts: Attempts | None = None,
        cost: Callable[[Usage], float | None] = lambda usage: None,
        model: str = "",
    ) -> None:
        self.dialect = dialect
        self.exchange = exchange
        self.endpoint = endpoint
        self.attempts = attempts or Attempts()
        self._cost = cost
        self._model = model

    @property
    def enforces_schemas(self) -> bool:
        """Whether the server is known to hold answers to the schema of a request."""
        return self.dialect.enforces_schemas

    async def complete(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            InfrastructureError: network, quota or server trouble outlasted every attempt.
            ModelError: the server cannot do, or does not accept, what is asked.
        """
        began = time.perf_counter()
        asked = await self._asked(request, stream=False)
        body = encoded(asked.body)

        async def once(permit: Permit) -> Answered[Response]:
            reply = await self.exchange.post(
                asked.path, body, lambda headers: self.endpoint.heard(headers, permit)
            )
            return _answered(self.dialect.answer(self.exchange.base, request, reply.json))

        response = await attempt(self.endpoint, self.attempts, once, probable_tokens(request))
        return self._finished(request, response, time.perf_counter() - began)

    async def stream(self, request: Request) -> AsyncGenerator[Piece, None]:
        """Yield an answer as it is written; the last piece carries the whole response.

        What has been yielded cannot be taken back, so only the beginning of a stream is tried again: a stream
        that breaks later raises.
        """
        began = time.perf_counter()
        asked = await self._asked(request, stream=True)
        body = encoded(asked.body)
        base = self.exchange.base
        opened: list[AsyncGenerator[bytes, None]] = []

        async def once(permit: Permit) -> Answered[tuple[AsyncIterator[Piece], Piece, Permit]]:
            raw = self.exchange.stream(asked.path, body, lambda headers: self.endpoint.heard(headers, permit))
            opened[:] = [raw]
            pieces = self.dialect.pieces(base, request, raw)
            try:
                async for first in pieces:
                    return Answered((pieces, first, permit), goes_on=True)
                raise bad_reply(base, "a stream")
            except BaseException:
                # Closing the pieces would not close what they read from.
                await raw.aclose()
                raise

        pieces, piece, permit = await attempt(self.endpoint, self.attempts, once, probable_tokens(request))
        whole = _Whole()
        try:
            async with aclosing(pieces):  # type: ignore[type-var]
                while True:
                    whole.add(piece)
                    yield piece
                    async with asyncio.timeout(self.attempts.timeout_s):
                        piece = await anext(pieces)
        except StopAsyncIteration:
            pass
        except TimeoutError as error:
            raise RequestTimeout(
                f"{base} stopped in the middle of a stream; see whether it is overloaded"
            ) from error
        except Fault as fault:
            raise fault.error from fault
        finally:
            self.endpoint.leave(permit)
            for raw in opened:
                await raw.aclose()
        response = self._finished(request, whole.response(request), time.perf_counter() - began)
        yield Piece(response=response)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Vectors of texts, in their order.

        Raises:
            InfrastructureError: network, quota or server trouble outlasted every attempt.
            ModelError: the server has no embeddings, or does not accept the texts.
        """
        if not texts:
            return Embeddings(())
        asked = self.dialect.embedding(texts)
        body = encoded(asked.body)

        async def once(permit: Permit) -> Answered[Embeddings]:
            reply = await self.exchange.post(
                asked.path, body, lambda headers: self.endpoint.heard(headers, permit)
            )
            found = self.dialect.vectors(self.exchange.base, reply.json)
            if len(found.vectors) != len(texts):
                raise bad_reply(self.exchange.base, f"a vector for each of {len(texts)} texts")
            return Answered(found, 0, found.usage.total_tokens if found.usage else None)

        tokens = sum(map(len, texts)) / 4
        found = await attempt(self.endpoint, self.attempts, once, tokens)
        return replace(found, cost=self._cost(found.usage) if found.usage else None)

    def said(self, request: Request) -> Asked | None:
        """What is sent for a request; ``None`` where the server has to be asked something first.

        Raises:
            ModelError: the server cannot do what is asked.
        """
        if self.dialect.asks_first:
            return None
        asking = self.dialect.asked(self.exchange, request, stream=False)
        try:
            # It waits for nothing, so its first step is its last.
            asking.send(None)
        except StopIteration as done:
            asked: Asked = done.value
            return asked
        finally:
            asking.close()
        return None

    async def _asked(self, request: Request, *, stream: bool) -> Asked:
        if not self.dialect.asks_first:
            return await self.dialect.asked(self.exchange, request, stream)

        async def once(_: Permit) -> Answered[Asked]:
            return Answered(await self.dialect.asked(self.exchange, request, stream))

        return await attempt(self.endpoint, self.attempts, once, 0.0)

    def _finished(self, request: Request, response: Response, seconds: float) -> Response:
        if request.logprobs is not None and response.logprobs is None:
            raise ModelError(
                f"{self.exchange.base} sent no log-probabilities, which the request asked for; "
                "ask for none, or use another server"
            )
        cost = response.cost
        if cost is None and response.usage is not None:
            cost = self._cost(response.usage)
        return Response(
            text=response.text, finish_reason=response.finish_reason, usage=response.usage,
            tool_calls=response.tool_calls, logprobs=response.logprobs, cost=cost, latency_s=seconds,
            model=self._model or response.model, fingerprint=response.fingerprint,
        )  # fmt: skip


def _answered(response: Response) -> Answered[Response]:
    usage = response.usage
    if usage is None:
        return Answered(response)
    return Answered(response, usage.completion_tokens, usage.total_tokens)


class _Whole:
    """Puts the pieces of a stream together."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._logprobs: list[TokenLogprob] | None = None
        self._last = Piece()
        self._usage: Usage | None = None
        self._reason = "stop"

    def add(self, piece: Piece) -> None:
        self._texts.append(piece.text)
        self._usage = piece.usage or self._usage
        self._reason = piece.finish_reason or self._reason
        if piece.fingerprint:
            self._last = piece
        if piece.logprobs is not None:
            self._logprobs = self._logprobs or []
            self._logprobs += piece.logprobs
        for part in piece.tool_calls:
            self._add_call(part)

    def _add_call(self, part: Mapping[str, Any]) -> None:
        call = self._calls.setdefault(
            part.get("index", len(self._calls)), {"function": {"name": "", "arguments": ""}}
        )
        call.update({k: v for k, v in part.items() if k not in ("function", "index")})
        for key, value in (part.get("function") or {}).items():
            call["function"][key] = call["function"].get(key, "") + (value if isinstance(value, str) else "")

    def response(self, request: Request) -> Response:
        text = "".join(self._texts)
        return Response(
            text=text,
            finish_reason=self._reason,
            usage=self._usage or counted(request, text),
            tool_calls=tuple(self._calls[i] for i in sorted(self._calls)),
            logprobs=None if self._logprobs is None else tuple(self._logprobs),
            fingerprint=self._last.fingerprint,
        )
