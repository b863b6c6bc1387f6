"""``hyperfunc export``: the recommended values of a run as a file."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.opening import reading
from hyperfunc.cli.options import ledger_option, run_argument

__all__ = ["command"]


@click.command("export")
@run_argument
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@ledger_option
def command(run: str, file: Path, ledger: str | None) -> None:
    """Write the recommended values of a run, with their certificate, as JSON; - for the terminal.

    RUN may be an experiment, too: its values are written with its scores, as a baseline for compare and gate.
    In a FILE that is a folder, or has no ending, it gets a name with the time, and a copy of it ends in
    -latest.json. Nothing in the file is executed when it is loaded.

    \b
    Example:
      hyperfunc export last support.json
    then, in Python:
      system.load("support.json")
    """
    from hyperfunc.analysis.artifact import artifact, experiment_artifact, written
    from hyperfunc.analysis.experiment import experiment_in, named
    from hyperfunc.analysis.filing import write_artifact

    with reading(ledger) as opened:
        found, is_experiment = named(opened, run)
        row = experiment_artifact(experiment_in(opened, found)) if is_experiment else artifact(opened, found)
        name = found if is_experiment else str(opened.get_run(found).meta.get("system") or "values")
    if str(file) == "-":
        click.echo(written(row), nl=False)
        return
    try:
        file = write_artifact(row, file, name)
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}; name another file") from error
    click.echo(file)
