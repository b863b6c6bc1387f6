"""The engine: fills the cells that are wanted and that the ledger does not have yet."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hyperfunc.evaluation.dataset import Example
from hyperfunc.evaluation.metrics import Metric
from hyperfunc.program.binding import Binding
from hyperfunc.types import Cell

from .account import Account
from .filling import Filling
from .folding import Evaluations, Execution, fold_rows
from .fused.members import Members
from .fused.run import FusedRun
from .fused.stacked import CannotFuse
from .session import Session
from .settings import Program, Settings
from .shelf import Shelf
from .tracing.tensor_trace import recorded
from .waves.waves import Waves

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger
    from hyperfunc.spaces import Candidate, Population

__all__ = ["Engine", "Program", "Settings"]


@dataclass
class Engine:
    """Runs lanes of one program.

    Args:
        program: what runs.
        settings: limits and seed.
        ledger: where cells and paid requests are kept, or ``None``.
        account: what calls are charged to.

    Attributes:
        waves: what the last evaluation made in batches, by function.
    """

    program: Program
    settings: Settings = field(default_factory=Settings)
    ledger: Ledger | None = None
    account: Account = field(default_factory=Account)
    waves: dict[str, Any] = field(default_factory=dict, init=False)

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
        """The evaluation in lanes; ``why`` says why not all of them at once."""
        bound = [(c.id, self.program.bind(c)) for c in candidates]
        rows = await self.fill(bound, examples, metric, repeats=repeats, origin=origin)
        mode = "waves" if any(row["batched"] for row in self.waves.values()) else "plain"
        return await fold_rows(
            metric, rows, examples, len(repeats), Execution(mode, why, waves=self.waves)
        )  # fmt: skip

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
        if settings.trace or metric.traced:
            return None, "calls are traced" if settings.trace else "the metric judges calls"
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
        settings = self.settings
        traced = settings.trace or metric.traced
        session = Session(
            seed=settings.seed, concurrency=settings.concurrency, ledger=self.ledger,
            account=self.account, origin=origin,
        )  # fmt: skip
        session.shares = not settings.trace
        session.waves = self._batching(session.loop, len(candidates) * len(examples) * len(repeats), traced)
        session.hosts = self.program.hosts or traced or session.waves is not None
        shelf = Shelf(self.ledger, self.program.fingerprint, settings.seed, metric, origin)
        wanted = [(k, n, r) for k in range(len(candidates)) for n in range(len(examples)) for r in repeats]
        ids = [c for c, _ in candidates]
        lanes = [(ids[k], examples[n], r) for k, n, r in wanted]
        stored = [None] * len(wanted) if settings.trace else shelf.find(lanes)
        for row in stored:
            if row is not None:
                self.account.hit_all(row.charges)
        work = Filling(self.program, settings, session, shelf, candidates, examples, metric)
        with session.branches(), recorded(traced) as work.tensors:
            cells = await work.run(wanted, stored)
        self.waves = {} if session.waves is None else session.waves.report
        width = len(examples) * len(repeats)
        return [cells[k * width : (k + 1) * width] for k in range(len(candidates))]
