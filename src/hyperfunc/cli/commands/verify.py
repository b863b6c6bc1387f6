"""``hyperfunc verify``: every figure of an exported certificate, made again from the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.opening import reading
from hyperfunc.cli.options import ledger_option

__all__ = ["command"]


@click.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@ledger_option
def command(file: Path, ledger: str | None) -> None:
    """Make every figure of an exported certificate again from the ledger, and say what does not come out.

    FILE is what export wrote. No model is called and nothing is paid for. The exit status is 1 when a figure
    differs. Changes made by accident or by hand are found; it is no proof against somebody who makes a new
    ledger.

    \b
    Example:
      hyperfunc export last support.json
      hyperfunc verify support.json
    """
    from hyperfunc.analysis.certificate import verify
    from hyperfunc.cli.console import plain, stdout

    with reading(ledger) as opened:
        found = verify(file, opened)
    console = stdout()
    for line in found.certificate.lines():
        console.print(plain(line))
    for name in found.recorded:
        console.print(plain(f"compared with the ledger's record only: {name} (a metric over sets)", "dim"))
    for mismatch in found.mismatches:
        console.print(plain(f"differs  {mismatch}", "red"))
    if not found:
        differ = len(found.mismatches)
        raise click.ClickException(f"{differ} of {len(found.checked)} figures of {file} do not come out")
    console.print(plain(f"verified: {len(found.checked)} figures come out as the file says", "green"))
