"""``hyperfunc compare``: recorded scores side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hyperfunc.cli.options import ledger_option
from hyperfunc.cli.writing import OUT, write

if TYPE_CHECKING:
    from rich.text import Text

    from hyperfunc.analysis.comparison import Comparison

__all__ = ["command", "shown"]

STYLES = {"better": "green", "worse": "red"}


@click.command("compare")
@click.argument("records", nargs=-1, required=True, metavar="BASELINE OTHER...")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
@click.option("--markdown", type=OUT, help="Write Markdown to this file; - for the terminal.")
@ledger_option
def command(records: tuple[str, ...], as_json: bool, markdown: Path | None, ledger: str | None) -> None:
    """Compare runs and experiments with the first one, example by example.

    Each is a run or an experiment: its id or the beginning of it, the name of an experiment, "last" for the
    newest of all, or a file that export wrote. Of a run the values it recommends are compared, on its
    held-out examples. Compared are the examples that all have. The intervals hold examples of one group
    together; p-values are by permutation, and adjusted after Holm for the number of comparisons.

    \b
    Example:
      hyperfunc compare main last
      hyperfunc compare baseline.json my-branch other-branch --markdown comparison.md
    """
    from hyperfunc.analysis.comparison import compare
    from hyperfunc.cli.console import stdout

    if len(records) < 2:
        raise click.UsageError(f"name at least two: {records[0]} alone cannot be compared")
    comparison = compare(*records, ledger=ledger)
    if as_json:
        click.echo(json.dumps(comparison.to_json(), indent=2))
    else:
        for part in shown(comparison):
            stdout().print(part)
    if markdown is not None:
        write(markdown, comparison.to_markdown())


def shown(comparison: Comparison) -> Iterator[Text]:
    """The table and what belongs to it; a line that is too long for the terminal goes on in the next one."""
    from rich.text import Text

    from hyperfunc.cli.console import plain

    table = comparison.table()
    lines = comparison.lines()
    for row, line in zip(table, lines, strict=False):
        yield plain(line, "dim" if row is table[0] else STYLES.get(row[-1], ""))
    yield plain(comparison.basis, "dim")
    yield from (Text.assemble(("warning: ", "yellow"), plain(line)) for line in comparison.warnings)
