"""One evaluation that a system was asked for: checked, then run at once or lane by lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hyperfunc.errors import ProgramError, SpaceError
from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.execution import Engine, Evaluations, Program, Settings
from hyperfunc.execution.devices import check_device
from hyperfunc.execution.folding import nothing_evaluated
from hyperfunc.ledger import Ledger
from hyperfunc.program.graph import CallGraph
from hyperfunc.spaces import Candidate, Population

__all__ = ["Evaluating", "settings_of"]

_MODES = ("auto", "fused", "waves", "plain")


def settings_of(
    *, seed: int = 0, max_concurrency: int = 512, max_batch_size: int | None = None,
    timeout_s: float | None = None, execution: str = "auto", device: str = "auto",
    collect_trace: bool = False,
) -> Settings:  # fmt: skip
    """Checked settings.

    Raises:
        ProgramError: an unknown mode, a limit below 1, or a device that is not there.
    """
    if execution not in _MODES:
        raise ProgramError(f"execution is one of {', '.join(map(repr, _MODES))}, and got {execution!r}")
    if max_concurrency < 1:
        raise ProgramError(f"max_concurrency is {max_concurrency}; give at least 1")
    if max_batch_size is not None and max_batch_size < 1:
        raise ProgramError(f"max_batch_size is {max_batch_size}; give at least 1, or None for automatic")
    check_device(device)
    return Settings(seed, max_concurrency, max_batch_size, timeout_s, execution, device, collect_trace)


class Evaluating:
    """Candidates on examples, ready to run.

    Args:
        program: what runs.
        candidates: K of them.
        examples: N of them.
        metric: of any kind.
        repeats: R; each with its own luck.
        settings: limits, seed and mode.
        ledger: where results are kept: a ledger, a place for one, or ``None``.
    """

    def __init__(
        self, program: Callable[[], Program], candidates: Population | Sequence[Candidate],
        examples: tuple[Example, ...], metric: Metric, repeats: int, settings: Settings,
        ledger: str | Path | Ledger | None,
    ) -> None:  # fmt: skip
        if not len(candidates):
            raise SpaceError("the population is empty; give at least one candidate")
        if repeats < 1:
            raise ProgramError(f"repeats is {repeats}; give at least 1")
        self._what = (candidates, examples, metric)
        self._repeats = range(repeats)
        self._given = ledger
        self._opened = Ledger.open(ledger) if isinstance(ledger, str | Path) else ledger
        self._engine = Engine(program(), settings, self._opened)

    def now(self) -> Evaluations | None:
        """The result, if it can be had without an event loop."""
        done, self._why = self._engine.at_once(*self._what, repeats=self._repeats)
        if done is not None:
            self._close()
        return done

    async def later(self) -> Evaluations:
        """The result, lane by lane after :meth:`now` gave none.

        Raises:
            InfrastructureError: nothing could be evaluated.
        """
        try:
            found = await self._engine.lane_by_lane(
                *self._what, repeats=self._repeats, origin="evaluate", why=self._why
            )  # fmt: skip
        finally:
            self._close()
        if np.isnan(found.values_K).all():
            raise nothing_evaluated(found[0].cells)
        return found

    async def traces(self) -> list[CallGraph]:
        """The call graph of each lane, by candidate, example and repeat; nothing is judged."""
        candidates, examples, metric = self._what
        bound = [(c.id, self._engine.program.bind(c)) for c in candidates]
        try:
            rows = await self._engine.fill(bound, examples, metric, repeats=self._repeats)
        finally:
            self._close()
        return [cell.trace for row in rows for cell in row]

    def _close(self) -> None:
        if self._opened is not None and self._opened is not self._given:
            self._opened.close()
