"""A run as it happens: a live display on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hyperfunc.analysis.report import text
from hyperfunc.analysis.report.trend import trend
from hyperfunc.cli.console import plain, sparkline
from hyperfunc.runs.callbacks import Callback
from hyperfunc.runs.progress import PHASES, spent

if TYPE_CHECKING:
    from hyperfunc.ledger import Spend
    from hyperfunc.runs.result import Result, RunInfo, StepRecord

__all__ = ["LineProgress", "LiveProgress", "Progress", "watching"]


class Progress(Callback):
    """What is known about a run under way; a subclass shows it.

    Args:
        console: where it is shown.
        clock: seconds; another one in tests.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self.clock = clock
        self.run: RunInfo | None = None
        self.spend: Spend | None = None
        self.steps: list[StepRecord] = []
        self.phase = "measuring the start"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""

    @property
    def run_id(self) -> str | None:
        """Of the run, once it has one: from then on it can be resumed."""
        return self.run.run_id if self.run else None

    def on_start(self, run: RunInfo) -> None:
        """The run begins or goes on."""
        self.run = run

    def on_phase(self, name: str) -> None:
        """Search, then confirmation."""
        self.phase = PHASES.get(name, name)

    def on_calls(self, spend: Spend) -> None:
        """The spend changed."""
        self.spend = spend

    def on_step(self, record: StepRecord) -> None:
        """A step is done."""
        self.steps.append(record)
        if self.spend is None or record.spend.seconds > self.spend.seconds:
            self.spend = record.spend

    def on_end(self, result: Result) -> None:
        """The run is over."""
        self.phase = "done"

    def scores(self) -> list[float | None]:
        """Where the search stands after each step."""
        return trend([step.best_value for step in self.steps], [step.incumbent_value for step in self.steps])

    def spent(self) -> str:
        """Such as ``1,231 of 2,000 calls · 0:41 of 5 min``."""
        return spent(self.spend, self.run.budget if self.run else None)


class LineProgress(Progress):
    """A line at the start, one every few seconds, one at every change of phase: for logs and pipes."""

    every = 5.0
    _last = float("-inf")

    def on_start(self, run: RunInfo) -> None:
        """Say what begins."""
        super().on_start(run)
        verb = "resuming" if run.resumed else "run"
        learnt = f"{text.count(len(run.knobs), 'knobs')} on {text.count(run.n_train, 'examples')}"
        self.console.print(
            plain(f"{verb} {run.run_id}: {learnt}, {run.n_test} held out, budget {run.budget}")
        )

    def on_phase(self, name: str) -> None:
        """Say what comes next."""
        super().on_phase(name)
        self.console.print(plain(self.phase))

    def on_step(self, record: StepRecord) -> None:
        """Say how it stands, unless a line was written just now."""
        super().on_step(record)
        if self.clock() - self._last < self.every:
            return
        self._last = self.clock()
        score = text.score(self.scores()[-1])
        self.console.print(
            plain(f"step {record.step}  score {score}  {self.spent()}  {text.shorten(record.note, 60)}")
        )


class LiveProgress(Progress):
    """A few lines that keep up with the run and vanish with it: its result says what stays."""

    def __enter__(self) -> Self:
        self._live = Live(
            get_renderable=self.render,
            console=self.console,
            refresh_per_second=8,
            transient=True,
            screen=False,
        )
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def render(self) -> Group:
        """The display now."""
        if self.run is None:
            return Group(plain(f"{self.phase} …", "dim"))
        head = Text.assemble(
            plain(self.run.run_id, "bold"),
            plain(
                f"  {self.phase}, {text.count(len(self.run.knobs), 'knobs')}, budget {self.run.budget}", "dim"
            ),
        )
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim", no_wrap=True)
        rows.add_column(no_wrap=True, overflow="ellipsis")
        rows.add_row("score", self._score())
        rows.add_row("spent", self._meters())
        rows.add_row("trying", plain(text.shorten(self.steps[-1].note, 200) if self.steps else "…"))
        return Group(head, rows)

    def _score(self) -> Text:
        scores = self.scores()
        if not scores:
            return Text("…", style="dim")
        shown = Text.assemble((text.score(scores[-1]), "bold green"), "  ", (sparkline(scores), "green"))
        return shown.append(f"  step {self.steps[-1].step}, on a few training examples each", style="dim")

    def _meters(self) -> Text:
        share = self._share()
        bar = Text() if share is None else Text(_bar(share, 24), style="cyan").append("  ")
        return bar.append(self.spent() or "nothing yet")

    def _share(self) -> float | None:
        """How much of the budget's scarcest part is used."""
        if self.spend is None or self.run is None:
            return None
        limits, amounts = asdict(self.run.budget), asdict(self.spend)
        shares = [amounts[name] / limit for name, limit in limits.items() if limit]
        return min(1.0, max(shares)) if shares else None


def _bar(share: float, width: int) -> str:
    full = round(share * width)
    return "━" * full + "─" * (width - full)


def watching(console: Console) -> Progress:
    """The display that fits the console."""
    return LiveProgress(console) if console.is_terminal else LineProgress(console)
