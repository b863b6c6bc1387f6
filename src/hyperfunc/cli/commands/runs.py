"""``hyperfunc runs``: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    """List the runs of a ledger, newest first.

    \b
    Example:
      hyperfunc runs
      hyperfunc runs --ledger experiments/ --limit 5
    """
    from rich.table import Table

    from hyperfunc.cli.console import stdout

    with reading(ledger) as opened:
        rows = sorted(opened.list_runs(), key=lambda row: -row.created)
        if not rows:
            click.echo("no runs yet: make one with hyperfunc demo")
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("run", "system", "status", "start", "best", "spent", "when"):
            table.add_column(name, justify="right" if name in ("start", "best") else "left", no_wrap=True)
        for row in rows[:limit]:
            table.add_row(*_cells(opened, row))
    stdout().print(table)
    if len(rows) > limit:
        click.echo(f"and {len(rows) - limit} older; see --limit")


def _cells(ledger: Ledger, row: RunRow) -> list[Text]:
    from datetime import datetime

    from hyperfunc.analysis.report import build, text
    from hyperfunc.cli.console import plain

    data = build(ledger, row.run_id)
    outcome = data.outcome
    when = datetime.fromtimestamp(row.created).astimezone().strftime("%Y-%m-%d %H:%M")
    values = [
        row.run_id,
        data.about("demo") or data.about("system"),
        row.status,
        text.score(outcome.score_start) if outcome else "",
        text.score(outcome.kept) if outcome else "",
        text.count(data.spend.get("calls") or 0, "calls"),
        when,
    ]
    return [plain(text.shorten(value, 40)) for value in values]
