"""The ``hyperfunc`` command: its subcommands load when they are named, and every error is a sentence."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from hyperfunc.errors import HyperfuncError, did_you_mean

__all__ = ["cli", "main"]

COMMANDS = (
    "demo", "optimize", "evaluate", "compare", "gate", "runs", "show", "report", "export", "verify", "resume",
    "probe", "serve-model", "sampler",
)  # fmt: skip
"""In the order of a first acquaintance; each is ``command`` in its module of ``hyperfunc.cli.commands``."""

INTERRUPTED = 130
"""What a shell expects of a process that Ctrl-C ended."""


class LazyGroup(click.Group):
    """A group whose commands are imported when somebody asks for them.

    An error the package raises on purpose ends with one sentence and exit code 1. Any other is a defect
    of a program or of this package: it ends the same way, and ``HYPERFUNC_DEBUG=1`` shows where it happened.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help page."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None for a name that does not exist."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"hyperfunc.cli.commands.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does it, with the nearest name in the message."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], COMMANDS) or f"; the commands are {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; see the class for what becomes of its errors."""
        try:
            with _warnings_in_words():
                return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            raise click.exceptions.Exit(INTERRUPTED) from None
        except Exception as error:
            if os.environ.get("HYPERFUNC_DEBUG") == "1":
                raise
            raise click.ClickException(_sentence(error)) from error


@contextmanager
def _warnings_in_words() -> Iterator[None]:
    """Warnings of this package are sentences; those of others keep the place they come from."""
    usual = warnings.formatwarning

    def in_words(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        if category.__module__.partition(".")[0] != "hyperfunc":
            return usual(message, category, filename, lineno, line)
        from hyperfunc.analysis.report.text import visible

        return f"warning: {visible(str(message))}\n"

    warnings.formatwarning = in_words
    try:
        yield
    finally:
        warnings.formatwarning = usual


def _sentence(error: Exception) -> str:
    from hyperfunc.analysis.report.text import visible

    if isinstance(error, HyperfuncError):
        return visible(str(error))
    where = visible(f"{type(error).__name__}: {error}".rstrip(": "))
    return f"{where} (HYPERFUNC_DEBUG=1 shows where it happened)"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96},
    epilog="Start with: hyperfunc demo",
)
@click.version_option(None, "-V", "--version", package_name="hyperfunc", message="hyperfunc %(version)s")
def cli() -> None:
    """Train whole AI systems: prompts, exemplars, numbers and weights, against your metric.

    A run lives in a ledger, by default .hyperfunc/ in this folder. It can be watched, explained, exported
    and continued from there; nothing that was paid for is paid for twice.
    """


def main() -> None:
    """Entry point of ``hyperfunc`` and ``python -m hyperfunc``."""
    try:
        cli(prog_name="hyperfunc")
    except BrokenPipeError:
        # The reader of a pipe went away (head, less); the interpreter must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
