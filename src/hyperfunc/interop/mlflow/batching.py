"""Many callers that want one thing each, and an evaluation that takes many at once and never two together."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["Batches"]

Evaluate = Callable[[dict[str, str], list[dict[str, Any]]], Sequence[Any]]
"""Prompts by name and records to results, as MLflow calls it."""

_Wanted = tuple[Any, "asyncio.Future[Any]"]


class Batches:
    """Collects what is wanted while an evaluation runs, and evaluates all that want the same prompts at once.

    Args:
        evaluate: called in one thread, one call after another.
        max_size: records of one call at the most.
    """

    def __init__(self, evaluate: Evaluate, max_size: int) -> None:
        self._evaluate = evaluate
        self._max_size = max_size
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hyperfunc-mlflow")
        self._waiting: dict[tuple[tuple[str, str], ...], list[_Wanted]] = {}
        self._busy = False

    async def ask(self, prompts: Mapping[str, str], record: dict[str, Any]) -> Any:
        """The result of one record under these prompts.

        Raises:
            Exception: what the evaluation raised, for every record of its batch.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        self._waiting.setdefault(tuple(prompts.items()), []).append((record, answer))
        if not self._busy:
            self._busy = True
            # Whoever is about to ask may do so first: lanes of one candidate start together. No task is made
            # for it: one that is made in a lane ends with the lane.
            loop.call_soon(self._begin, loop, context=contextvars.Context())
        return await answer

    def close(self) -> None:
        """Evaluate nothing more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Evaluate the next batch, if anybody waits."""
        wanted: list[_Wanted] = []
        while self._waiting and not wanted:
            prompts, all_wanted = next(iter(self._waiting.items()))
            wanted = [each for each in all_wanted[: self._max_size] if not each[1].done()]
            if not (later := all_wanted[self._max_size :]):
                del self._waiting[prompts]
            else:
                self._waiting[prompts] = later
        if not wanted:
            self._busy = False
            return
        records = [record for record, _ in wanted]
        work = loop.run_in_executor(self._thread, self._results, dict(prompts), records)
        work.add_done_callback(lambda done: self._answer(loop, wanted, done))

    def _results(self, prompts: dict[str, str], records: list[Any]) -> Sequence[Any]:
        results = self._evaluate(prompts, records)
        if len(results) != len(records):
            raise ValueError(f"eval_fn gave {len(results)} results for {len(records)} records")
        return results

    def _answer(
        self, loop: asyncio.AbstractEventLoop, wanted: Sequence[_Wanted], done: asyncio.Future[Sequence[Any]]
    ) -> None:
        error = None if done.cancelled() else done.exception()
        for number, (_, answer) in enumerate(wanted):
            if answer.done():
                continue
            if done.cancelled():
                answer.cancel()
            elif error is None:
                answer.set_result(done.result()[number])
            else:
                answer.set_exception(error)
        self._begin(loop)
