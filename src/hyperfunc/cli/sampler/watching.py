"""A sampler search as it happens: best so far, spent, left and the time to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from hyperfunc.analysis.report import text
from hyperfunc.cli.console import plain, sparkline
from hyperfunc.cli.progress import LineProgress, LiveProgress, Progress

if TYPE_CHECKING:
    from hyperfunc.runs.result import RunInfo, StepRecord

__all__ = ["SearchLines", "SearchLive", "watching_search"]

_TEN = 10.0


class _Standing(Progress):
    """What a search knows of itself."""

    total = 0

    def plan(self, settings: int) -> None:
        """How many settings the search tries."""
        self.total = settings

    def on_phase(self, name: str) -> None:
        """What comes next; what a run confirms on held-out examples, a search does by its retest."""
        self.phase = {
            "search": "trying settings",
            "confirmation": "testing winner and runner-up on new prompts",
        }.get(name, name)

    def done(self) -> int:
        """Settings that were tried."""
        return sum(step.n_candidates for step in self.steps)

    def best(self) -> float | None:
        """The best score measured so far, of 10; the report takes its luck out."""
        values = [step.best_value for step in self.steps]
        return _TEN * max(values) if values else None

    def to_go(self) -> float | None:
        """Seconds that are left, if settings go on taking what they took."""
        if not self.steps or not self.done() or not self.total:
            return None
        return self.steps[-1].seconds / self.done() * max(0, self.total - self.done())

    def standing(self) -> str:
        """Such as ``12 of 24 settings · 240 calls · 0:09 · about 0:09 to go``."""
        parts = [f"{self.done()} of {self.total} settings", self.spent()]
        if (left := self.to_go()) is not None:
            parts.append(f"{self.total - self.done()} left, about {text.clock(left)} to go")
        return " · ".join(part for part in parts if part)


class SearchLines(_Standing, LineProgress):
    """Lines for logs and pipes."""

    def on_phase(self, name: str) -> None:
        """Say what comes next."""
        _Standing.on_phase(self, name)
        self.console.print(plain(self.phase))

    def on_start(self, run: RunInfo) -> None:
        """Say what begins."""
        Progress.on_start(self, run)
        verb = "resuming" if run.resumed else "search"
        self.console.print(plain(f"{verb} {run.run_id}: {self.total} settings, {run.n_train} texts each"))

    def on_step(self, record: StepRecord) -> None:
        """Say how it stands, unless a line was written just now."""
        Progress.on_step(self, record)
        if self.clock() - self._last < self.every and self.done() < self.total:
            return
        self._last = self.clock()
        self.console.print(plain(f"best measured {text.score(self.best())}  {self.standing()}"))


class SearchLive(_Standing, LiveProgress):
    """A few lines that keep up with the search."""

    def render(self) -> Group:
        """The display now."""
        if self.run is None:
            return Group(plain(f"{self.phase} …", "dim"))
        rows = Table.grid(padding=(0, 2))
        rows.add_column(style="dim", no_wrap=True)
        rows.add_column(no_wrap=True, overflow="ellipsis")
        scores: list[float | None] = [step.best_value for step in self.steps]
        best = Text.assemble((text.score(self.best()), "bold green"), "  ", (sparkline(scores), "green"))
        rows.add_row("best measured", best)
        rows.add_row("spent", plain(self.standing()))
        return Group(plain(f"{self.run.run_id}  {self.phase}", "bold"), rows)


def watching_search(console: Console) -> SearchLines | SearchLive:
    """The display that fits the console."""
    return SearchLive(console) if console.is_terminal else SearchLines(console)
