"""``hyperfunc show``: one run on the terminal."""

from __future__ import annotations

import click

from hyperfunc.cli.opening import find, reading
from hyperfunc.cli.options import ledger_option, run_argument

__all__ = ["command"]


@click.command("show")
@run_argument
@ledger_option
def command(run: str, ledger: str | None) -> None:
    """Show one run: what it gained, what it changed, what it cost.

    RUN is an id, as much of its beginning as tells it from the others, or "last". A run that is still
    going on can be shown, too.

    \b
    Example:
      hyperfunc show last
    """
    from hyperfunc.analysis.report import build
    from hyperfunc.analysis.report.reproduce import commands
    from hyperfunc.cli.console import plain, stdout
    from hyperfunc.cli.screen import screen

    with reading(ledger) as opened:
        data = build(opened, find(opened, run))
    console = stdout()
    console.print(plain(f"{data.about('system') or 'run'} {data.run_id} ({data.status})", "dim"))
    for line in screen(data):
        console.print(line)
    console.print()
    for words, why in commands(data)[1:]:
        console.print(plain(words), plain(f"  # {why}", "dim"), sep="")
