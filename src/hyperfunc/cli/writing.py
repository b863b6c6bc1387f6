"""Files that commands write."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["OUT", "write"]

OUT = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
"""A file to write; ``-`` is the terminal."""


def write(file: Path, content: str) -> None:
    """Write a file, its folder if need be, and say so; ``-`` is the terminal.

    Raises:
        ClickException: it cannot be written.
    """
    if str(file) == "-":
        click.echo(content, nl=False)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {file}: {error.strerror}; name another file") from error
    click.echo(file)
