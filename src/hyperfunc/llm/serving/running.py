"""Starting a server and stopping it cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator

from aiohttp import web

from hyperfunc.errors import ModelError
from hyperfunc.llm.serving import kobold, openai
from hyperfunc.llm.serving.answering import refusals
from hyperfunc.llm.serving.service import Service

__all__ = ["application", "background", "running"]

_LONGEST_BODY = 4 << 20
_SHUTDOWN_SECONDS = 1.0


def application(service: Service) -> web.Application:
    """The routes as an aiohttp application."""
    app = web.Application(middlewares=[refusals], client_max_size=_LONGEST_BODY)
    app.add_routes([web.get("/health", _health), *openai.routes(service), *kobold.routes(service)])
    return app


async def _health(_: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "ok"})


@contextlib.asynccontextmanager
async def running(service: Service, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """A server while the context lasts; requests under way at its end are cut off after a second.

    Args:
        service: answers.
        host: address to listen on; others than the loopback let other machines ask.
        port: 0 picks a free one.

    Yields:
        The URL, without a slash at its end.

    Raises:
        ModelError: the address cannot be had.
    """
    # A caller who hangs up need not be answered: the handler is cancelled, and its row leaves the batch.
    runner = web.AppRunner(
        application(service), handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS, access_log=None
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ModelError(
                f"cannot listen on {host} port {port} ({reason}); use another --port, or 0 for a free one"
            ) from error
        bound = runner.addresses[0][1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{bound}"
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def background(service: Service, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """:func:`running` in a thread of its own, for code that has no event loop.

    Example::

        with background(Service(["local/prose"])) as url:
            urllib.request.urlopen(url + "/v1/models")
    """
    started: list[str | BaseException] = []
    ready, loops = threading.Event(), []
    over = asyncio.Event()

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        async with running(service, host=host, port=port) as url:
            started.append(url)
            ready.set()
            await over.wait()

    def work() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            started.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work, name="hyperfunc-serving", daemon=True)
    thread.start()
    ready.wait()
    if isinstance(started[0], BaseException):
        thread.join()
        raise started[0]
    try:
        yield started[0]
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join()
