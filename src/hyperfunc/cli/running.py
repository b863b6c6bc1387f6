"""Carrying out a run for a command: display, interruption, and what is said at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hyperfunc.cli.console import plain, stderr, stdout
from hyperfunc.cli.main import INTERRUPTED
from hyperfunc.cli.opening import report_path
from hyperfunc.cli.progress import Progress, watching
from hyperfunc.cli.screen import screen

if TYPE_CHECKING:
    from hyperfunc.runs.result import Result

__all__ = ["carry_out"]


def carry_out(start: Callable[[Progress], Result], *, report: bool = True) -> None:
    """Runs something under a display, then shows its result and writes its report.

    Args:
        start: given the display, runs until there is a result.
        report: whether an HTML report is written beside the ledger.
    """
    watch = watching(stderr())
    try:
        with watch:
            result = start(watch)
    except KeyboardInterrupt:
        _interrupted(watch)
    _conclude(result, report)


def _interrupted(watch: Progress) -> None:
    """Says how to go on; there is no run to go on with before the start is measured."""
    console = stderr()
    if watch.run_id is None:
        console.print("stopped before the run began; nothing is lost")
    else:
        console.print(
            plain(f"stopped; what was done and paid is kept. resume with: hyperfunc resume {watch.run_id}")
        )
    raise click.exceptions.Exit(INTERRUPTED)


def _conclude(result: Result, report: bool) -> None:
    from hyperfunc.analysis.report import build, write_report

    ledger, console = result.ledger, stdout()
    assert ledger is not None, "commands always run with a ledger"
    for line in screen(build(ledger, result.run_id)):
        console.print(line)
    console.print()
    if report:
        file = write_report(ledger, result.run_id, report_path(ledger, result.run_id))
        console.print(plain(f"report  {_short(file)}"))
    console.print(plain(f"values  hyperfunc export {result.run_id} values.json"))
    ledger.close()


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
