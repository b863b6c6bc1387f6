"""``hyperfunc demo``: see it work."""

from __future__ import annotations

import importlib
from typing import Any

import click

from hyperfunc.cli.options import budget_option, ledger_option, seed_option

__all__ = ["DEMOS", "command"]

DEMOS = {"office": "hyperfunc.apps.demo.office_demo", "sampler": "hyperfunc.apps.demo.sampler_demo"}


@click.command("demo")
@click.argument("name", type=click.Choice(list(DEMOS)), default="office")
@budget_option(None)
@seed_option
@ledger_option
@click.option("--report/--no-report", default=True, help="Write an HTML report beside the ledger.")
def command(name: str, budget: str | None, seed: int, ledger: str | None, report: bool) -> None:
    """Train a small system and show what was learnt: no key, no network, no GPU.

    \b
    office   a help desk of three steps on an embedded language model: prompts,
             exemplars and sampling numbers are learnt together, from poor to good
    sampler  sampling parameters of an embedded language model, tuned alone

    \b
    Example:
      hyperfunc demo
      hyperfunc demo sampler --seed 1 --budget "60 s"
    """
    from hyperfunc.cli.running import carry_out

    options: dict[str, Any] = {"seed": seed, "ledger": ledger}
    if budget is not None:
        options["budget"] = budget
    demo = importlib.import_module(DEMOS[name])
    carry_out(lambda watch: demo.run(callbacks=(watch,), **options), report=report)
