"""``llm_stream``: an answer piece by piece, for programs that people watch."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol, runtime_checkable

from hyperfunc.program.binding import current_frame

from .client import Message, Request
from .completion import llm_completion, request_for
from .registry import route_for

__all__ = ["Streaming", "llm_stream"]


@runtime_checkable
class Streaming(Protocol):
    """A client that can also answer piece by piece."""

    def stream(self, request: Request) -> AsyncGenerator[Any, None]:
        """Yield pieces with a ``text``."""
        ...


async def llm_stream(
    model: str,
    messages: str | Sequence[Message | Mapping[str, str]],
    hp: Any = None,
    **options: Any,
) -> AsyncIterator[str]:
    """Ask a model and yield its answer as it is written.

    Inside an evaluation nobody watches, and an answer has to be shared, kept and charged as a whole: there
    the whole text comes as one piece, as :func:`llm_completion` gives it. The same holds for clients without
    streams.

    Args:
        model: such as ``"openai/gpt-..."``.
        messages: one user text, or messages with ``role`` and ``content``.
        hp: a parameter group such as :class:`~hyperfunc.LMParam`.
        options: as for :func:`llm_completion`.

    Raises:
        ModelError: the model or a parameter is unknown.
        InfrastructureError: the stream broke, or never began.

    Example::

        async for text in llm_stream("llamacpp/http://127.0.0.1:8080", "Tell me a story"):
            print(text, end="", flush=True)
    """
    client = route_for(model).client
    if current_frame() is not None or not isinstance(client, Streaming):
        yield (await llm_completion(model, messages, hp, **options)).text
        return
    async with aclosing(client.stream(request_for(model, messages, hp, **options))) as pieces:
        async for piece in pieces:
            if piece.text:
                yield piece.text
