"""``hyperfunc sampler analyze``: the report of searches that were made."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.options import FILE
from hyperfunc.cli.writing import OUT, write

__all__ = ["command"]


@click.command("analyze")
@click.argument("files", type=FILE, nargs=-1)
@click.option("--latest", is_flag=True, help="The newest result of the folder.")
@click.option("--compare", is_flag=True, help="Pool the files, and report on all of them together.")
@click.option("--export", type=OUT, help="Write the best settings as YAML, for sampler benchmark.")
@click.option("--report", type=OUT, help="Write the report; HTML, or Markdown when the name ends in .md.")
@click.option(
    "-o", "--output-dir", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
    help="Folder in which --latest looks.",
)  # fmt: skip
def command(
    files: tuple[Path, ...], latest: bool, compare: bool, export: Path | None, report: Path | None,
    output_dir: Path,
) -> None:  # fmt: skip
    """Report on result files: families with intervals, what matters, the region of the best, the choice.

    FILES are hyper_search_*.json, also those that other tools wrote. The newest is taken when none is named.

    \b
    Example:
      hyperfunc sampler analyze --latest --export best.yaml
    """
    from hyperfunc.apps.sampler_search.reporting import (
        analysis,
        export_yaml,
        markdown,
        page,
        read_results,
        terminal,
    )
    from hyperfunc.apps.sampler_search.results import newest_results
    from hyperfunc.cli.console import stdout

    if latest and files:
        raise click.UsageError("--latest looks for a file by itself; leave out FILES, or leave it out")
    if compare and len(files) < 2:
        raise click.UsageError("--compare needs at least two FILES")
    chosen = files or (newest_results(output_dir),)
    groups = [chosen] if compare or len(chosen) == 1 else [(file,) for file in chosen]
    if (export or report) and len(groups) > 1:
        raise click.UsageError("--export and --report are of one report; name one file, or add --compare")
    for group in groups:
        found = analysis(read_results(group))
        stdout().print(terminal(found))
        if export is not None:
            write(export, export_yaml(found))
        if report is not None:
            write(report, markdown(found) if report.suffix == ".md" else page(found))
