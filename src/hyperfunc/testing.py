"""Shipped fakes: test a program without a network, a key or a wait.

Example::

    client = ScriptedClient(lambda request: request.messages[-1].content.upper())
    with client.answering("mine/echo"):
        system.evaluate(examples, ExactMatch())
    assert client.calls == 3
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator

from hyperfunc.llm.client import Request, Response, Usage
from hyperfunc.llm.registry import register_client, unregister_client

__all__ = ["Answer", "ScriptedClient"]

Answer = str | Response | BaseException
"""What a script says: a text, a whole response, or an error to raise."""

Script = Callable[[Request], Answer | Awaitable[Answer]] | Iterable[Answer]


class ScriptedClient:
    """A client that answers from a script and counts what it was really asked.

    Args:
        script: ``script(request)`` gives the answer (it may be ``async``), or answers in the order of
            the requests; asking for more than there are is an error. An exception is raised.
        hold: an event that every answer waits for, for tests of what happens meanwhile.
        tokens: completion tokens that a text answer reports; prompt tokens are its characters.
        cost: US dollars that a text answer reports; ``None`` for unknown.
        enforces_schemas: what it says of itself: that its answers fit the schema of their request.

    Attributes:
        requests: what was asked, in the order it arrived.
        peak: the most requests that were in flight at once.

    Example::

        >>> import asyncio
        >>> from hyperfunc.llm.client import Message, Request
        >>> client = ScriptedClient(["yes"])
        >>> asyncio.run(client.complete(Request(model="m", messages=(Message("user", "?"),)))).text
        'yes'
        >>> client.calls
        1
    """

    def __init__(
        self,
        script: Script,
        *,
        hold: asyncio.Event | None = None,
        tokens: int = 1,
        cost: float | None = 0.0,
        enforces_schemas: bool = False,
    ) -> None:
        self._script = script if callable(script) else None
        self._answers = iter(()) if callable(script) else iter(script)
        self._hold = hold
        self._tokens = tokens
        self._cost = cost
        self.enforces_schemas = enforces_schemas
        self._lock = threading.Lock()
        self._flying = 0
        self.requests: list[Request] = []
        self.peak = 0

    @property
    def calls(self) -> int:
        """How many requests arrived, those that failed or were cut off included."""
        return len(self.requests)

    @property
    def prompts(self) -> list[str]:
        """The last message of each request, in order."""
        return [request.messages[-1].content for request in self.requests]

    async def complete(self, request: Request) -> Response:
        """Answer one request as the script says.

        Raises:
            AssertionError: a list of answers is used up.
        """
        with self._lock:
            self.requests.append(request)
            self._flying += 1
            self.peak = max(self.peak, self._flying)
        try:
            if self._hold is not None:
                await self._hold.wait()
            answer = await self._next(request)
        finally:
            with self._lock:
                self._flying -= 1
        if isinstance(answer, BaseException):
            raise answer
        return self._response(request, answer) if isinstance(answer, str) else answer

    async def _next(self, request: Request) -> Answer:
        if self._script is not None:
            answer = self._script(request)
            return await answer if inspect.isawaitable(answer) else answer
        with self._lock:
            for answer in self._answers:
                return answer
        raise AssertionError(f"the script has no answer left for request {self.calls}: give it more answers")

    def _response(self, request: Request, text: str) -> Response:
        prompt = sum(len(message.content) for message in request.messages)
        usage = Usage(prompt_tokens=prompt, completion_tokens=self._tokens)
        return Response(text=text, usage=usage, cost=self._cost, model=request.model)

    @contextlib.contextmanager
    def answering(self, model: str, price: float | None = 0.0) -> Iterator[ScriptedClient]:
        """Answer for ``model`` in this process while it lasts.

        Args:
            model: the name that programs use.
            price: the most one request may cost in US dollars; ``None`` for unknown.
        """
        register_client(model, self, price=lambda request: price)
        try:
            yield self
        finally:
            unregister_client(model)
