"""``hyperfunc export``: the recommended values of a run as a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyperfunc.cli.opening import find, reading
from hyperfunc.cli.options import ledger_option, run_argument

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["command"]


@click.command("export")
@run_argument
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@ledger_option
def command(run: str, file: Path, ledger: str | None) -> None:
    """Write the recommended values of a run as JSON; - for the terminal.

    The file holds values only: nothing in it is executed when it is loaded.

    \b
    Example:
      hyperfunc export last support.json
    then, in Python:
      system.load("support.json")
    """
    with reading(ledger) as opened:
        run_id = find(opened, run)
        text = json.dumps(_record(opened, run_id), indent=2, ensure_ascii=False) + "\n"
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}; name another file") from error
    click.echo(file)


def _record(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """The same record that ``Result.export`` writes."""
    results = ledger.events(run_id, "result")
    if not results:
        raise click.ClickException(f"run {run_id} has no result yet: go on with hyperfunc resume {run_id}")
    result = results[-1].payload
    scores = {name: result.get(name) for name in ("score_start", "score_best", "gain")}
    return {"hyperfunc": 1, "run": run_id, **scores, "values": result["best"]}
