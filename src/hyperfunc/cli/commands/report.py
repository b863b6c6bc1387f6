"""``hyperfunc report``: one run as a page."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.opening import find, reading, report_path
from hyperfunc.cli.options import ledger_option, run_argument
from hyperfunc.cli.writing import write

__all__ = ["command"]


@click.command("report")
@run_argument
@ledger_option
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the page to this file.")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write Markdown to this file; - for the terminal.",
)
def command(run: str, ledger: str | None, html: Path | None, markdown: Path | None) -> None:
    """Write the report of a run: a self-contained page, or Markdown.

    The page needs no network and runs no script. Without a file name it goes beside the ledger.

    \b
    Example:
      hyperfunc report last
      hyperfunc report 20260131 --html report.html --markdown -
    """
    from hyperfunc.analysis.report import build, render_html, render_markdown

    with reading(ledger) as opened:
        data = build(opened, find(opened, run))
        if html is None and markdown is None:
            html = report_path(opened, data.run_id)
    if html is not None:
        write(html, render_html(data))
    if markdown is not None:
        write(markdown, render_markdown(data))
