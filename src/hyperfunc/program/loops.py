"""Waiting for a coroutine from synchronous code, with or without a running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["finish"]

T = TypeVar("T")


def finish(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` to its end and return its result.

    Where this thread already runs a loop (a notebook, a web handler), the work gets a loop of its
    own in a thread of its own, and this thread waits for it.

    Args:
        work: a coroutine that was not started yet; it runs in a copy of the current context.
    """
    if not _is_running():
        return asyncio.run(work)
    box: list[tuple[Any, BaseException | None]] = []
    begun = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = []

    async def watched() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.append((asyncio.get_running_loop(), task))
        begun.set()
        return await work

    def body() -> None:
        try:
            box.append((asyncio.run(watched()), None))
        except BaseException as error:  # carried to the caller's thread and raised there
            box.append((None, error))
        finally:
            begun.set()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(body,), daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        # Ctrl-C in a notebook: the work must not go on, and spend, behind the caller's back.
        begun.wait()
        for loop, task in running:
            with contextlib.suppress(RuntimeError):  # it has just ended by itself
                loop.call_soon_threadsafe(task.cancel)
        thread.join()
        raise
    value, error = box[0]
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]


def _is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
