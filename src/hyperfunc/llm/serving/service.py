"""What a server answers with: the embedded models, and how much they have done."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hyperfunc.errors import ModelError, UnknownModel, did_you_mean
from hyperfunc.llm.client import Request, Response
from hyperfunc.llm.local.client import LocalClient, shared_local_client
from hyperfunc.llm.local.jobs import Piece
from hyperfunc.llm.local.registry import LocalModel, local_model, local_model_names
from hyperfunc.rng import seed_of

__all__ = ["Done", "Service", "choices_of"]

Part = tuple[int, Piece | Response]
"""The number of a request, and what came of it: a piece, or at last the whole response."""


@dataclass
class Done:
    """What has been answered since the start."""

    since: float = field(default_factory=time.monotonic)
    requests: int = 0
    flying: int = 0
    last: Response | None = None


class Service:
    """Answers requests for the models it has; all of them form common batches.

    Args:
        models: names of embedded models, or models by name; the first answers where a route names none.
        strict: refuse a request with a field that would not be honored, instead of reporting the field.
        client: answers; by default the one that this process shares, or one of its own for other models.

    Raises:
        UnknownModel: a name is none of an embedded model.

    Example::

        with background(Service(["local/prose"])) as url:
            print(url)                       # http://127.0.0.1:40123
    """

    def __init__(
        self,
        models: Sequence[str] | Mapping[str, LocalModel] = ("local/prose", "local/office"),
        *,
        strict: bool = False,
        client: LocalClient | None = None,
    ) -> None:
        self.models = (
            dict(models) if isinstance(models, Mapping) else {name: _embedded(name) for name in models}
        )
        if not self.models:
            raise ModelError("models is empty; serve at least one")
        self.strict = strict
        self.done = Done()
        own = isinstance(models, Mapping)
        self._client = client or (LocalClient(self.models) if own else shared_local_client())

    def model(self, name: str | None = None) -> LocalModel:
        """A model by name; the first one for ``None``.

        Raises:
            UnknownModel: it is not served.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            hint = did_you_mean(name, self.models) or ";"
            raise UnknownModel(
                f"the model {name!r} is not served here{hint} there is {', '.join(self.models)}"
            )
        return self.models[name]

    async def complete(self, requests: Sequence[Request]) -> list[Response]:
        """Answer requests together; responses are in their order."""
        self.done.flying += len(requests)
        try:
            responses = await asyncio.gather(*(self._client.complete(request) for request in requests))
        finally:
            self.done.flying -= len(requests)
        self._count(responses)
        return responses

    async def stream(self, requests: Sequence[Request]) -> AsyncGenerator[Part, None]:
        """Answer requests together and give what comes of each as it comes; its response is its last part."""
        queue: asyncio.Queue[Part | Exception] = asyncio.Queue()

        async def answer(number: int, request: Request) -> None:
            try:
                async with contextlib.aclosing(self._client.stream(request)) as pieces:
                    async for piece in pieces:
                        queue.put_nowait((number, piece if piece.response is None else piece.response))
            except Exception as error:
                queue.put_nowait(error)

        self.done.flying += len(requests)
        tasks = [asyncio.create_task(answer(number, request)) for number, request in enumerate(requests)]
        unfinished = len(tasks)
        try:
            while unfinished:
                part = await queue.get()
                if isinstance(part, Exception):
                    raise part
                if isinstance(part[1], Response):
                    unfinished -= 1
                    self._count([part[1]])
                yield part
        finally:
            self.done.flying -= len(requests)
            for task in tasks:
                task.cancel()

    def _count(self, responses: Sequence[Response]) -> None:
        self.done.requests += len(responses)
        self.done.last = responses[-1]


def choices_of(request: Request, number: int) -> list[Request]:
    """Requests for several answers to one prompt; the first is the request itself.

    A seed gives each its own, which depends on that seed and the place alone.
    """
    if request.seed is None:
        return [request] * number
    others = (replace(request, seed=seed_of(request.seed, "choice", i)) for i in range(1, number))
    return [request, *others]


def _embedded(name: str) -> LocalModel:
    known = local_model_names()
    if name not in known:
        hint = did_you_mean(name, known) or ";"
        raise UnknownModel(f"there is no embedded model {name!r}{hint} there are {', '.join(known)}")
    return local_model(name)
