"""``hyperfunc runs``: what there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from hyperfunc.cli.opening import reading
from hyperfunc.cli.options import ledger_option

if TYPE_CHECKING:
    from rich.text import Text

    from hyperfunc.ledger import Ledger
    from hyperfunc.ledger.rows import RunRow

__all__ = ["command"]


@click.command("runs")
@ledger_option
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="At most that many, newest first.",
)
def command(ledger: str | None, limit: int) -> None:
    """List the runs and the experiments of a ledger, newest first.

    \b
    Example:
      hyperfunc runs
      hyperfunc runs --ledger experiments/ --limit 5
    """
    from functools import partial

    from rich.table import Table

    from hyperfunc.analysis.experiment import heads_in
    from hyperfunc.cli.console import stdout

    with reading(ledger) as opened:
        rows: list[tuple[float, Callable[[], list[Any]]]] = [
            (row.created, partial(_of_run, opened, row)) for row in opened.list_runs()
        ]
        rows += [
            (float(head["created"]), partial(_of_experiment, head)) for head in heads_in(opened).values()
        ]
        rows.sort(key=lambda row: -row[0])
        if not rows:
            click.echo("no runs yet: make one with hyperfunc demo")
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("run", "system", "status", "start", "best", "spent", "when"):
            table.add_column(name, justify="right" if name in ("start", "best") else "left", no_wrap=True)
        for created, values in rows[:limit]:
            table.add_row(*_cells([*values(), _when(created)]))
    stdout().print(table)
    if len(rows) > limit:
        click.echo(f"and {len(rows) - limit} older; see --limit")


def _cells(values: list[Any]) -> list[Text]:
    from hyperfunc.analysis.report import text
    from hyperfunc.cli.console import plain

    return [plain(text.shorten(value, 40)) for value in values]


def _when(created: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(created).astimezone().strftime("%Y-%m-%d %H:%M")


def _of_run(ledger: Ledger, row: RunRow) -> list[Any]:
    from hyperfunc.analysis.report import build, text

    data = build(ledger, row.run_id)
    outcome = data.outcome
    return [
        row.run_id,
        data.about("demo") or data.about("system"),
        row.status,
        text.score(outcome.score_start) if outcome else "",
        text.score(outcome.kept) if outcome else "",
        text.count(data.spend.get("calls") or 0, "calls"),
    ]


def _of_experiment(head: Mapping[str, Any]) -> list[Any]:
    from hyperfunc.analysis.report import text

    name = f", {head['name']}" if head["name"] else ""
    return [
        head["id"],
        f"{head['system']}{name}",
        "experiment",
        "",
        text.score(head["score"]["estimate"]),
        text.count(head["spend"].get("calls") or 0, "calls"),
    ]
