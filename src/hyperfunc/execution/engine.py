"""The engine: fills the cells that are wanted and that the ledger does not have yet."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.memory import check_memory
from hyperfunc.program.binding import FRAME, Binding
from hyperfunc.spaces import LowRankStack, Population
from hyperfunc.types import Cell

from .account import Account, Charge
from .filling import Filling
from .folding import Evaluations, Execution, fold_rows
from .frames import LaneFrame
from .fused.members import Members
from .fused.run import FusedRun
from .fused.stacked import CannotFuse
from .lanes import Lane
from .session import Session
from .settings import Program, Settings
from .shelf import Shelf
from .tracing.tensor_trace import recorded
from .traffic import Traffic
from .waves.waves import Waves

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.spaces import Candidate

__all__ = ["Engine", "Program", "Settings"]

T = TypeVar("T")


@dataclass
class Engine:
    """Runs lanes of one program.

    Args:
        program: what runs.
        settings: limits and seed.
        ledger: where cells and paid requests are kept, or ``None``.
        account: what calls are charged to.
    """

    program: Program
    settings: Settings = field(default_factory=Settings)
    ledger: Ledger | None = None
    account: Account = field(default_factory=Account)
    _traffic: Traffic | None = field(default=None, init=False, repr=False)

    async def evaluate(
        self, candidates: Population | Sequence[Candidate], examples: tuple[Example, ...], metric: Metric, *,
        repeats: Sequence[int] = (0,), origin: str = "",
    ) -> Evaluations:  # fmt: skip
        """The value of the metric for each candidate, in the fastest mode that gives what plain gives.

        Args:
            candidates: K of them.
            examples: N of them.
            metric: of any kind.
            repeats: R numbers, each with its own luck.
            origin: names this evaluation inside its run.

        Raises:
            BudgetError: a limit was reached.
            InfrastructureError: no cell of a candidate could be filled.
        """
        done, why = self.at_once(candidates, examples, metric, repeats=repeats, origin=origin)
        if done is not None:
            return done
        return await self.lane_by_lane(candidates, examples, metric, repeats=repeats, origin=origin, why=why)

    async def lane_by_lane(
        self, candidates: Population | Sequence[Candidate], examples: tuple[Example, ...], metric: Metric, *,
        repeats: Sequence[int] = (0,), origin: str = "", why: str = "",
    ) -> Evaluations:  # fmt: skip
        """The evaluation in lanes; ``why`` says why not all of them at once.

        Raises:
            DoesNotFit: the members' matrices, which lanes need written out.
        """
        _check_written_out(candidates, why)
        bound = [(c.id, self.program.bind(c)) for c in candidates]
        rows, session = await self._filled(bound, examples, metric, repeats, origin)
        waves = {} if session.waves is None else session.waves.report
        mode = "waves" if any(row["batched"] for row in waves.values()) else "plain"
        execution = Execution(mode, why, waves=waves)
        return await fold_rows(metric, rows, examples, len(repeats), execution, session.charges)

    def _shared(self) -> Traffic:
        """What evaluations at the same time share, on the running loop."""
        if self._traffic is None or self._traffic.loop is not asyncio.get_running_loop():
            self._traffic = Traffic(self.settings.concurrency, self.ledger, self.account)
        return self._traffic

    def _batching(self, loop: asyncio.AbstractEventLoop, lanes: int, traced: bool) -> Waves | None:
        """What makes calls of so many lanes in batches, where that is allowed and can pay."""
        settings, fuser = self.settings, self.program.fuser
        if traced or settings.execution == "plain":
            return None
        if settings.execution == "waves":
            return Waves(loop, settings.device)
        pays = fuser is not None and Waves.pay(fuser.functions, lanes)
        return Waves(loop, settings.device, frugal=True) if pays else None

    def at_once(
        self, candidates: Population | Sequence[Candidate], examples: tuple[Example, ...], metric: Metric, *,
        repeats: Sequence[int] = (0,), origin: str = "",
    ) -> tuple[Evaluations | None, str]:  # fmt: skip
        """The fused evaluation, or ``None`` and why there is none."""
        settings, fuser = self.settings, self.program.fuser
        if settings.trace or settings.exchanges or metric.traced:
            asked = settings.trace or settings.exchanges
            return None, "calls are traced" if asked else "the metric judges calls"
        if settings.execution not in ("auto", "fused") or fuser is None:
            return None, f"execution={settings.execution!r}"
        if settings.timeout_s is not None:
            return None, "a lane has a time limit"
        members = Members(candidates)
        try:
            run = FusedRun(fuser, members, examples, metric, settings, self.ledger, self.program, origin)
            return run.evaluations(repeats, self.account), ""
        except CannotFuse as error:
            if settings.execution == "fused":
                warnings.warn(f"the program cannot be fused: {error}", stacklevel=2)
            return None, str(error)

    async def fill(
        self,
        candidates: Sequence[tuple[str, Binding]],
        examples: Sequence[Example],
        metric: Metric,
        *,
        repeats: Sequence[int] = (0,),
        origin: str = "",
    ) -> list[list[Cell]]:
        """Run each candidate on each example.

        Args:
            candidates: content id and values of each, K of them.
            examples: N of them.
            metric: judges each prediction when it is per item.
            repeats: R numbers, each with its own luck.
            origin: names this evaluation inside its run.

        Returns:
            K rows of N·R cells, example by example, repeats inside.

        Raises:
            BudgetError: a limit was reached; what was filled by then is in the ledger.
        """
        return (await self._filled(candidates, examples, metric, repeats, origin))[0]

    async def aside(
        self, values: Binding, work: Callable[[], Awaitable[T]], *, origin: str, luck: str
    ) -> tuple[T, dict[str, Charge]]:
        """Do something else as a lane does it: its model calls are shared, kept and charged.

        Args:
            values: what hyperfunctions that it calls are given.
            work: what to do.
            origin: names it inside its run.
            luck: what its seeds depend on.

        Returns:
            What came of it, and the calls that it used.

        Raises:
            BudgetError: a limit was reached, whatever ``work`` made of that.
        """
        session = Session(seed=self.settings.seed, traffic=self._shared(), origin=origin)
        lane = Lane(session, values, luck, 0)
        with session.branches():
            token = FRAME.set(LaneFrame(lane))
            try:
                outcome = await work()
            except Exception:
                # An error that ``work`` made of a limit that was reached is still that limit.
                if lane.fault is None:
                    raise
            finally:
                FRAME.reset(token)
                await lane.end()
        if lane.fault is not None:
            raise lane.fault
        return outcome, lane.charges

    async def _filled(
        self, candidates: Sequence[tuple[str, Binding]], examples: Sequence[Example], metric: Metric,
        repeats: Sequence[int], origin: str,
    ) -> tuple[list[list[Cell]], Session]:  # fmt: skip
        """The cells, and the session they were filled in."""
        settings = self.settings
        traced = settings.trace or settings.exchanges or metric.traced
        session = Session(seed=settings.seed, traffic=self._shared(), origin=origin)
        session.shares = not settings.trace
        session.waves = self._batching(session.loop, len(candidates) * len(examples) * len(repeats), traced)
        session.hosts = self.program.hosts or traced or session.waves is not None
        shelf = Shelf(self.ledger, self.program.fingerprint, settings, metric, origin)
        wanted = [(k, n, r) for k in range(len(candidates)) for n in range(len(examples)) for r in repeats]
        ids = [c for c, _ in candidates]
        lanes = [(ids[k], examples[n], r) for k, n, r in wanted]
        stored = [None] * len(wanted) if settings.trace else shelf.find(lanes)
        for row in stored:
            if row is not None:
                self.account.hit_all(row.charges)
                session.charges.update(row.charges)
        work = Filling(self.program, settings, session, shelf, candidates, examples, metric)
        # Only edges need what tensors went through; looking for tensors costs more than a small evaluation.
        with session.branches(), recorded(settings.trace or metric.traced) as work.tensors:
            cells = await work.run(wanted, stored)
        width = len(examples) * len(repeats)
        return [cells[k * width : (k + 1) * width] for k in range(len(candidates))], session


def _check_written_out(candidates: Population | Sequence[Candidate], why: str) -> None:
    if not isinstance(candidates, Population):
        return
    stacks = [column for column in candidates.columns.values() if isinstance(column, LowRankStack)]
    check_memory(
        4.0 * len(candidates) * sum(math.prod(stack.center.shape) for stack in stacks),
        f"lane by lane ({why}), the written out matrices of a population of {len(candidates)}",
        "give a smaller population",
    )
