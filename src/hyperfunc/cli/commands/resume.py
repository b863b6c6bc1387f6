"""``hyperfunc resume``: go on with a run that was stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hyperfunc.cli.opening import find, reading
from hyperfunc.cli.options import ledger_option, run_argument

if TYPE_CHECKING:
    from hyperfunc.cli.progress import Progress
    from hyperfunc.runs.result import Result

__all__ = ["command"]


@click.command("resume")
@run_argument
@ledger_option
@click.option("--report/--no-report", default=True, help="Write an HTML report beside the ledger.")
def command(run: str, ledger: str | None, report: bool) -> None:
    """Go on with a run that was stopped or killed; what it has paid for is not paid for again.

    The result is the one that the run would have had without the interruption.

    \b
    Example:
      hyperfunc resume last
    """
    from hyperfunc.cli.running import carry_out

    with reading(ledger) as opened:
        run_id = find(opened, run)
        meta = opened.get_run(run_id).meta
    carry_out(_starter(run_id, meta, ledger), report=report)


def _starter(run_id: str, meta: dict[str, Any], ledger: str | None) -> Any:
    """What continues the run: its demo, or the optimize command it was made with."""
    if meta.get("demo"):
        return _demo(run_id, meta, ledger)
    if meta.get("argv"):
        return _optimize(run_id, list(meta["argv"]), ledger)
    if meta.get("sampler_search"):
        raise click.ClickException(
            f"run {run_id} is a sampler search: go on with hyperfunc sampler search --resume {run_id}"
        )
    raise click.ClickException(
        f"run {run_id} was started from Python: go on there with optimize(..., run_id={run_id!r})"
    )


def _demo(run_id: str, meta: dict[str, Any], ledger: str | None) -> Any:
    import importlib

    from hyperfunc.cli.commands.demo import DEMOS

    name = str(meta["demo"])
    if name not in DEMOS:
        raise click.ClickException(f"run {run_id} is of a demo {name!r} that this version does not have")
    demo = importlib.import_module(DEMOS[name])
    options = {"seed": meta["seed"], "budget": meta["budget"], "ledger": ledger, "run_id": run_id}

    def start(watch: Progress) -> Result:
        result: Result = demo.run(callbacks=(watch,), **options)
        return result

    return start


def _optimize(run_id: str, argv: list[str], ledger: str | None) -> Any:
    from hyperfunc.cli.commands import optimize

    context = optimize.command.make_context("optimize", [str(part) for part in argv[1:]])
    options = {name: value for name, value in context.params.items() if name not in ("ledger", "report")}
    return optimize.starter(argv=argv, run_id=run_id, ledger=ledger, **options)
