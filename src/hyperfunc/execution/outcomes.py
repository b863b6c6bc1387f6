"""The border of a lane: runs its program, and turns what it raises into a failure of its cell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hyperfunc.errors import BudgetError, ProgramError, UnknownModel
from hyperfunc.program.binding import FRAME
from hyperfunc.types import Failure

from .frames import INFRASTRUCTURE, LaneFrame
from .hosting import Hosted
from .lanes import Lane, NeedsHost

__all__ = ["async_lane", "failed", "guarded", "plainly"]


async def plainly(entry: Callable[..., Any], inputs: Mapping[str, Any]) -> Any:
    """A synchronous program as a coroutine that never waits by itself."""
    return entry(**inputs)


async def guarded(waiting: Awaitable[Any]) -> Any:
    """The border where a failure becomes part of a cell."""
    try:
        return await waiting
    except asyncio.CancelledError as error:
        if _is_cancelled():
            raise
        return failed(error)
    except Exception as error:
        return failed(error)


async def async_lane(
    lane: Lane, entry: Callable[..., Any], inputs: Mapping[str, Any], sync: bool, limit: float | None
) -> Any:
    """Run the program of one lane, again with a host when synchronous code in it turns out to wait.

    Args:
        lane: it runs in.
        entry: the program.
        inputs: it gets.
        sync: ``entry`` is no coroutine function.
        limit: seconds it may take.
    """
    while True:
        token = FRAME.set(LaneFrame(lane, waits=sync))
        cut = None if limit is None else asyncio.timeout(limit)
        try:
            work = plainly(entry, inputs) if sync else entry(**inputs)
            if sync or lane.session.hosts:
                work = Hosted(work)
            outcome = await (work if cut is None else _within(cut, work))
        except NeedsHost:
            outcome = None
        except Exception as error:
            late = cut is not None and cut.expired() and isinstance(error, TimeoutError)
            outcome = Failure(f"CallTimeout: the lane took longer than timeout_s={limit}") if late else error
        finally:
            FRAME.reset(token)
        if not lane.needs_host:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome
        # Whatever the program made of it. Finished calls are shared, so only glue code is repeated.
        await lane.end()
        lane.over = lane.needs_host = False
        lane.calls = None


async def _within(cut: asyncio.Timeout, work: Awaitable[Any]) -> Any:
    async with cut:
        return await work


def _is_cancelled() -> bool:
    """Whether this task was asked to stop, rather than something inside it having been cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def failed(error: BaseException) -> Failure:
    """What the program raised as a failure of its cell; what stops the evaluation is raised again."""
    if isinstance(error, BudgetError | ProgramError | UnknownModel):
        raise error
    kind = "infrastructure" if _is_infrastructure(error) else "program"
    return Failure(f"{type(error).__name__}: {error}", kind)


def _is_infrastructure(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_is_infrastructure, error.exceptions))
    return isinstance(error, INFRASTRUCTURE)
