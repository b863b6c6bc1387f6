"""The display of a run: numbers as they come, foreign text as text."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hyperfunc.cli.console import BARS, sparkline
from hyperfunc.cli.progress import LineProgress, LiveProgress, Progress, watching
from hyperfunc.ledger import Budget, Spend
from hyperfunc.runs.result import RunInfo, StepRecord

HOSTILE = "[red]edit[/] \x1b[2Jroute.prompt"


def info(**changes: Any) -> RunInfo:
    values: dict[str, Any] = {
        "run_id": "run-7",
        "budget": Budget(calls=2000, seconds=300),
        "n_train": 80,
        "n_test": 40,
        "knobs": ("route.prompt", "route.hp.temperature"),
        "optimizer": "automatic",
        "resumed": False,
    }
    return RunInfo(**{**values, **changes})


def record(
    step: int, value: float, incumbent: float | None = None, note: str = "edit route.prompt"
) -> StepRecord:
    spend = Spend(calls=12 * (step + 1), evaluations=12 * (step + 1), seconds=0.5 * (step + 1))
    return StepRecord(step, note, 1, 1, 12, value, incumbent, spend, 0.5 * (step + 1))


def console(terminal: bool) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=terminal, width=120, markup=False, emoji=False, highlight=False
    )


def written(progress: Progress) -> str:
    assert isinstance(progress.console.file, io.StringIO)
    return progress.console.file.getvalue()


def test_the_display_fits_the_console() -> None:
    assert isinstance(watching(console(True)), LiveProgress)
    assert isinstance(watching(console(False)), LineProgress)


def test_lines_say_what_begins_how_it_stands_and_not_too_often() -> None:
    now = iter([0.0, 0.0, 1.0, 2.0, 9.0, 9.0, 9.5])
    progress = LineProgress(console(False), clock=lambda: next(now))
    with progress:
        progress.on_start(info())
        progress.on_phase("search")
        for step in range(4):
            progress.on_step(record(step, 0.2 + step / 10))
    lines = written(progress).splitlines()
    assert lines[0] == "run run-7: 2 knobs on 80 examples, 40 held out, budget 2000 calls, 5 min"
    assert lines[1] == "searching"
    assert [line.split("  ")[0] for line in lines[2:]] == ["step 0", "step 3"]
    assert "48 of 2,000 calls · 2 s of 5 min" in lines[-1]


def test_lines_without_a_terminal_hold_no_escape_sequence() -> None:
    progress = LineProgress(console(False), clock=lambda: 0.0)
    progress.on_start(info(run_id=HOSTILE, resumed=True))
    progress.on_step(record(0, 0.5, note=HOSTILE))
    assert written(progress).startswith("resuming [red]edit[/]")
    assert "\x1b" not in written(progress)


def test_the_live_display_shows_score_spend_and_what_is_tried() -> None:
    progress = LiveProgress(console(True))
    assert "measuring the start" in shown(progress)
    progress.on_start(info())
    progress.on_phase("search")
    for step in range(3):
        progress.on_step(record(step, 0.3, incumbent=0.25 * (step + 1)))
    progress.on_calls(Spend(calls=1000, seconds=30))
    text = shown(progress)
    for part in (
        "run-7",
        "searching",
        "0.750",
        "1,000 of 2,000 calls",
        "━━━━━━━━━━━━────────────",
        "edit route.prompt",
    ):
        assert part in text


def test_a_hostile_note_is_text_on_a_terminal() -> None:
    progress = LiveProgress(console(True))
    progress.on_start(info())
    progress.on_step(record(0, 0.5, note=HOSTILE))
    text = shown(progress)
    assert "[red]edit[/] \\x1b[2Jroute.prompt" in text
    assert "\x1b[2J" not in text


def shown(progress: LiveProgress) -> str:
    with progress.console.capture() as capture:
        progress.console.print(progress.render())
    return capture.get()


def test_a_live_display_leaves_the_terminal_as_it_was() -> None:
    progress = LiveProgress(console(True))
    progress.__enter__()
    progress.on_start(info())
    progress.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    hidden, back = written(progress).rfind("\x1b[?25l"), written(progress).rfind("\x1b[?25h")
    assert -1 < hidden < back


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(float("-inf"))), max_size=90))
def test_a_sparkline_has_a_bar_per_value_and_ends_with_the_newest(values: list[float | None]) -> None:
    line = sparkline(values, 40)
    known = [value for value in values if value is not None and value != float("-inf")]
    assert len(line) == min(len(known), 40)
    assert set(line) <= set(BARS)
    if known and len(known) <= 40 and known[-1] == max(known) > min(known):
        assert line[-1] == BARS[-1]
