"""``hyperfunc sampler doctor``: what a search needs, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.options import ledger_option

__all__ = ["command"]


@click.command("doctor")
@click.option("-m", "--model", metavar="M", default="local/prose", show_default=True, help="As in search.")
@click.option("-j", "--judge-model", metavar="J", help="As in search.")
@click.option(
    "-o", "--output-dir", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
    help="Folder of the results.",
)  # fmt: skip
@ledger_option
def command(model: str, judge_model: str | None, output_dir: Path, ledger: str | None) -> None:
    """Check the server, its samplers, the model, the judge with its key, and the disk.

    Asks the model for a few tokens, and the judge for one mark. Exits 1 when something is missing.

    \b
    Example:
      hyperfunc sampler doctor --model http://127.0.0.1:5001 --judge-model openai/gpt-4.1-mini
    """
    from hyperfunc.apps.sampler_search.doctor import examined
    from hyperfunc.cli.console import plain, stdout

    console = stdout()
    checks = examined(model, judge_model, output_dir, ledger)
    for check in checks:
        mark, style = ("ok", "green") if check.fine else ("missing", "red")
        console.print(plain(f"{mark:<8}", style), plain(f"{check.name:<9} {check.said}"))
    if not all(check.fine for check in checks):
        raise click.exceptions.Exit(1)
