"""The client of the embedded models: requests of many callers become one batch.

Requests that are made in one go are collected until the event loop has nothing else to add, then they join
the batch in the order in which they were asked. What is answered never depends on any of that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from hyperfunc.errors import ModelError, UnknownModel, did_you_mean
from hyperfunc.llm.client import Request, Response, TokenLogprob, Usage
from hyperfunc.llm.local.engine import Engine, check_job
from hyperfunc.llm.local.jobs import Completion, Generation, Job, Piece
from hyperfunc.llm.local.prefix_cache import PrefixCache
from hyperfunc.llm.local.registry import LocalModel, local_model
from hyperfunc.llm.local.workers import Ticket, Workers, available_cores

__all__ = ["LocalClient", "shared_local_client"]


@dataclass(eq=False)
class _Gathering:
    """Tickets of one event loop that wait for its present pass to end."""

    pending: list[tuple[Workers, Ticket]] = field(default_factory=list)
    scheduled: bool = False


class LocalClient:
    """Answers requests for ``local/...`` models on this machine's processor.

    What a request leaves open is neutral: temperature 1, no truncation, no penalty, a random seed, and a
    completion that ends where the model ends it or the context is full. Messages are joined by the model's
    own template (``weights/<model>.json``); roles play no part. ``tools`` and ``response_format`` are
    refused. Penalties count prompt and completion; logprobs are those of the model before any sampler.

    May be used from several event loops, one after another or at the same time.

    Args:
        models: models by name; by default those that come with the package.
        max_rows: rows that one thread computes together.
        threads: most threads at work; by default one for each core, at most 4.
        cache_bytes: memory for the beginnings of prompts, for each model.

    Example::

        client = LocalClient()
        request = Request(model="local/prose", messages=(Message("user", "In the beginning"),), seed=1)
        print((await client.complete(request)).text)
    """

    def __init__(
        self,
        models: Mapping[str, LocalModel] | None = None,
        *,
        max_rows: int = 64,
        threads: int | None = None,
        cache_bytes: int = 64 << 20,
    ) -> None:
        self._models = models
        self._max_rows = max_rows
        self._threads = threads or min(4, available_cores())
        self._cache_bytes = cache_bytes
        self._workers: dict[str, Workers] = {}
        self._gatherings: WeakKeyDictionary[asyncio.AbstractEventLoop, _Gathering] = WeakKeyDictionary()
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            ModelError: the model is unknown, the prompt does not fit, or a field is not supported.
        """
        return await self._answer(request, None)

    async def stream(self, request: Request) -> AsyncGenerator[Piece, None]:
        """Answer one request piece by piece; the pieces make up the text that :meth:`complete` gives.

        Raises:
            ModelError: as for :meth:`complete`, before the first piece.
        """
        queue: asyncio.Queue[Piece | None] = asyncio.Queue()
        growth = _Growth(self._model(request.model), queue.put_nowait)
        task = asyncio.create_task(self._answer(request, growth))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (piece := await queue.get()) is not None:
                yield piece
            response = task.result()
            rest = growth.rest(response)
            if rest.text or rest.logprobs:
                yield rest
            yield Piece(response=response)
        finally:
            task.cancel()

    async def _answer(self, request: Request, growth: _Growth | None) -> Response:
        started = time.perf_counter()
        model = self._model(request.model)
        job = _job(request, model)
        check_job(job, model.transformer.architecture.context)
        generation = await self._generate(model, job, growth)
        return _response(request, model, job, generation, time.perf_counter() - started)

    async def _generate(self, model: LocalModel, job: Job, growth: _Growth | None) -> Generation:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Generation] = loop.create_future()

        def settle(result: Generation | Exception) -> None:
            if future.done():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        def deliver(_: Ticket, result: Generation | Exception) -> None:
            try:
                loop.call_soon_threadsafe(settle, result)
            except RuntimeError:
                # The loop was closed meanwhile: nobody waits any more.
                return

        def grow(completion: Completion) -> None:
            assert growth is not None
            if (piece := growth.take(completion)) is not None:
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(growth.on_piece, piece)

        ticket = Ticket(job, deliver, None if growth is None else grow)
        self._gather(loop, self._workers_of(model), ticket)
        try:
            return await future
        finally:
            ticket.abandoned = True

    def _gather(self, loop: asyncio.AbstractEventLoop, workers: Workers, ticket: Ticket) -> None:
        with self._lock:
            gathering = self._gatherings.setdefault(loop, _Gathering())
        gathering.pending.append((workers, ticket))
        if not gathering.scheduled:
            gathering.scheduled = True
            loop.call_soon(_flush, loop, gathering, 0)

    def _model(self, name: str) -> LocalModel:
        if self._models is None:
            return local_model(name)
        if name not in self._models:
            known = sorted(self._models)
            raise UnknownModel(f"no local model {name!r}; there are {known}{did_you_mean(name, known)}")
        return self._models[name]

    def _workers_of(self, model: LocalModel) -> Workers:
        with self._lock:
            if model.fingerprint not in self._workers:
                cache = PrefixCache(self._cache_bytes)
                self._workers[model.fingerprint] = Workers(
                    lambda: Engine(model.transformer, model.tokenizer, cache, max_rows=self._max_rows),
                    self._threads,
                )
            return self._workers[model.fingerprint]


class _Growth:
    """What of a streamed completion has been handed on; used by one thread at a time."""

    def __init__(self, model: LocalModel, on_piece: Callable[[Piece], None]) -> None:
        self.on_piece = on_piece
        self._model = model
        self._text = 0
        self._tokens = 0

    def take(self, completion: Completion) -> Piece | None:
        """What has settled since the last time, if any text has."""
        settled = completion.settled()
        if len(settled) < len(self._model.template.answer_prefix):
            return None
        text = self._model.answer(settled)[self._text :]
        return self._piece(text, completion.logprobs_from(self._tokens)) if text else None

    def rest(self, response: Response) -> Piece:
        """What is left once the answer is whole."""
        return self._piece(response.text[self._text :], (response.logprobs or ())[self._tokens :])

    def _piece(self, text: str, logprobs: tuple[TokenLogprob, ...]) -> Piece:
        self._text += len(text)
        self._tokens += len(logprobs)
        return Piece(text, logprobs)


def _flush(loop: asyncio.AbstractEventLoop, gathering: _Gathering, seen: int) -> None:
    """Hand over what was gathered, once a full pass of the loop has added nothing."""
    if len(gathering.pending) > seen:
        loop.call_soon(_flush, loop, gathering, len(gathering.pending))
        return
    gathering.scheduled = False
    pending, gathering.pending = gathering.pending, []
    batches: dict[Workers, list[Ticket]] = {}
    for workers, ticket in pending:
        batches.setdefault(workers, []).append(ticket)
    for workers, tickets in batches.items():
        workers.submit(tickets)


def _job(request: Request, model: LocalModel) -> Job:
    for name in ("tools", "response_format"):
        if getattr(request, name):
            raise ModelError(f"{model.name} does not support {name!r}; leave it out or use another model")
    return Job(
        ids=model.encode(request.messages),
        sampling=request.sampling,
        seed=secrets.randbits(63) if request.seed is None else request.seed,
        stop=(*model.stop, *(text for text in request.stop if text)),
        logprobs=request.logprobs,
    )


def _response(
    request: Request, model: LocalModel, job: Job, generation: Generation, seconds: float
) -> Response:
    return Response(
        text=model.answer(generation.text),
        finish_reason=generation.finish_reason,
        usage=Usage(prompt_tokens=len(job.ids), completion_tokens=len(generation.ids)),
        logprobs=generation.logprobs,
        cost=0.0,
        latency_s=seconds,
        model=request.model,
        fingerprint=model.fingerprint,
    )


class _Shared:
    """The client of the whole process; a forked child makes its own, because threads do not fork."""

    lock = threading.Lock()
    client: LocalClient | None = None
    process = 0


def shared_local_client() -> LocalClient:
    """The client that everything in this process shares, so that all calls form common batches."""
    with _Shared.lock:
        if _Shared.client is None or _Shared.process != os.getpid():
            _Shared.client, _Shared.process = LocalClient(), os.getpid()
        return _Shared.client
