"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["FILE", "budget_option", "ledger_option", "run_argument", "seed_option"]

FILE = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)
"""A file that is there."""


class BudgetText(click.ParamType[str]):
    """A budget that reads; it stays text, which is how a run remembers it."""

    name = "budget"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuses what cannot be read, with the grammar."""
        from hyperfunc.errors import BudgetSyntax
        from hyperfunc.ledger.budget import Budget

        try:
            return str(Budget.parse(value))
        except BudgetSyntax as error:
            self.fail(str(error), param, ctx)


def ledger_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--ledger``: where runs are kept."""
    return click.option(
        "--ledger",
        metavar="PATH",
        envvar="HYPERFUNC_LEDGER",
        show_envvar=True,
        help="Folder or file that keeps the runs; .hyperfunc/ in this folder by default.",
    )(command)


def seed_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--seed``: the same seed gives the same run."""
    return click.option(
        "--seed",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="The same seed gives the same run.",
    )(command)


def budget_option(default: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """``--budget``: limits that are never exceeded."""
    return click.option(
        "--budget",
        type=BudgetText(),
        default=default,
        show_default=default is not None,
        help='Limits that are never exceeded, such as "2000 calls, $5, 30 min".',
    )


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """``RUN``: an id, as much of its beginning as tells it from the others, or ``last``."""
    return click.argument("run", metavar="RUN")(command)
