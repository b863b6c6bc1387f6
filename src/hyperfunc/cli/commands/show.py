"""``hyperfunc show``: one run on the terminal."""

from __future__ import annotations

import click

from hyperfunc.cli.opening import reading
from hyperfunc.cli.options import ledger_option, run_argument

__all__ = ["command"]


@click.command("show")
@run_argument
@ledger_option
def command(run: str, ledger: str | None) -> None:
    """Show one run: what it gained, what it changed, what it cost.

    RUN is an id, as much of its beginning as tells it from the others, or "last". A run that is still
    going on can be shown, too, and an experiment by its id or name.

    \b
    Example:
      hyperfunc show last
    """
    from hyperfunc.analysis.experiment import experiment_in, named
    from hyperfunc.analysis.report import build
    from hyperfunc.analysis.report.reproduce import commands
    from hyperfunc.cli.console import plain, stdout
    from hyperfunc.cli.screen import screen

    console = stdout()
    with reading(ledger) as opened:
        found, is_experiment = named(opened, run)
        if is_experiment:
            console.print(plain(str(experiment_in(opened, found))))
            return
        data = build(opened, found)
    console.print(plain(f"{data.about('system') or 'run'} {data.run_id} ({data.status})", "dim"))
    for line in screen(data):
        console.print(line)
    console.print()
    for words, why in commands(data)[1:]:
        console.print(plain(words), plain(f"  # {why}", "dim"), sep="")
