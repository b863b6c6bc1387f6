"""``hyperfunc sampler``: find sampling settings for a model, and see that they hold."""

from __future__ import annotations

import importlib
from typing import Any

import click

from hyperfunc.errors import did_you_mean

__all__ = ["SUBCOMMANDS", "command"]

SUBCOMMANDS = ("search", "analyze", "benchmark", "doctor", "serve")


class _Group(click.Group):
    """Its commands are imported when somebody asks for them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help page."""
        return list(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None for a name that does not exist."""
        if cmd_name not in SUBCOMMANDS:
            return None
        found: click.Command = importlib.import_module(f"hyperfunc.cli.sampler.{cmd_name}").command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does it, with the nearest name in the message."""
        if args and args[0] not in SUBCOMMANDS and not args[0].startswith("-"):
            hint = did_you_mean(args[0], SUBCOMMANDS) or f"; the commands are {', '.join(SUBCOMMANDS)}"
            raise click.UsageError(f"there is no command sampler {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


@click.group("sampler", cls=_Group)
def command() -> None:
    """Find sampling settings for a model: temperature, min_p, top_p, XTC, DRY and more.

    Settings are compared on common prompts under common luck, the best is tested again on prompts that the
    search never saw, and "no winner" is an answer.

    \b
    Example:
      hyperfunc sampler search --config-section quick_test
      hyperfunc sampler benchmark --samplers results/best.yaml
    """
