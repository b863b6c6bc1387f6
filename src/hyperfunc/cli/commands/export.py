"""``hyperfunc export``: the recommended values of a run as a file."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.opening import reading
from hyperfunc.cli.options import ledger_option, run_argument

__all__ = ["command"]


@click.command("export")
@run_argument
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@ledger_option
def command(run: str, file: Path, ledger: str | None) -> None:
    """Write the recommended values of a run, with their certificate, as JSON; - for the terminal.

    RUN may be an experiment, too: its values are written with its scores, as a baseline for compare and gate.
    Nothing in the file is executed when it is loaded.

    \b
    Example:
      hyperfunc export last support.json
    then, in Python:
      system.load("support.json")
    """
    from hyperfunc.analysis.artifact import artifact, experiment_artifact, written
    from hyperfunc.analysis.experiment import experiment_in, named

    with reading(ledger) as opened:
        found, is_experiment = named(opened, run)
        row = experiment_artifact(experiment_in(opened, found)) if is_experiment else artifact(opened, found)
    text = written(row)
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}; name another file") from error
    click.echo(file)
