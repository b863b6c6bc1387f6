"""``hyperfunc optimize``: train a system of yours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyperfunc.cli.options import FILE, budget_option, ledger_option, seed_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from hyperfunc.cli.progress import Progress
    from hyperfunc.runs.result import Result

__all__ = ["command", "starter"]


@click.command("optimize")
@click.argument("system", metavar="MODULE:SYSTEM")
@click.option("--data", type=FILE, required=True, help="Examples: .jsonl, .csv, .tsv or .parquet.")
@click.option("--metric", required=True, metavar="METRIC", help="exact, contains, json, or MODULE:FUNCTION.")
@click.option("--validation", type=FILE, help="Further examples that the search may look at.")
@click.option("--test", type=FILE, help="Held-out examples, read once; a third of the data when left out.")
@click.option("--reflector", metavar="MODEL", help="A model that reads failures and rewrites the prompts.")
@click.option("--aa", is_flag=True, help="First run the start against a copy of itself, and report.")
@budget_option(None)
@seed_option
@ledger_option
@click.option("--report/--no-report", default=True, help="Write an HTML report beside the ledger.")
def command(report: bool, **options: Any) -> None:
    """Train a system against your metric, within a budget.

    MODULE:SYSTEM names a HyperSystem, or its class, in a Python module that can be imported from this
    folder. Each line or row of the data is an example: its key "expected" is what is expected, every other
    key is an argument of the system; the cells of a CSV file are text. MODULE:FUNCTION is a
    metric(example, pred) or metric(preds, expected).

    \b
    Example:
      hyperfunc optimize support:system --data tickets.jsonl --metric exact --budget "2000 calls, $5"
    where tickets.jsonl holds lines such as
      {"ticket": "I was charged twice", "expected": "billing"}
    """
    from hyperfunc.cli.running import carry_out

    carry_out(starter(argv=_argv(options), **options), report=report)


def _argv(options: dict[str, Any]) -> list[str]:
    """The command that repeats this run from any shell in this folder."""
    words = ["optimize", options["system"]]
    for name in ("data", "metric", "validation", "test", "reflector", "budget", "seed"):
        if options[name] is not None:
            words += [f"--{name}", str(options[name])]
    words += ["--aa"] if options["aa"] else []
    return words


def starter(
    system: str,
    data: Path,
    metric: str,
    validation: Path | None,
    test: Path | None,
    reflector: str | None,
    aa: bool,
    budget: str | None,
    seed: int,
    ledger: str | None,
    argv: list[str],
    run_id: str | None = None,
) -> Callable[[Progress], Result]:
    """Checks everything that can be checked, and returns what starts the run."""
    from hyperfunc.cli.loading import load_metric, load_system
    from hyperfunc.evaluation.dataset import load_examples
    from hyperfunc.ledger import Ledger
    from hyperfunc.llm.registry import route_for
    from hyperfunc.optimizers import Reflective
    from hyperfunc.optimizers.proposers import Reflection

    trained, judge = load_system(system), load_metric(metric)
    if reflector is not None:
        route_for(reflector)
        trained.prompt_optimizer = Reflective(Reflection(reflector))
    train = load_examples(data)
    seen = load_examples(validation) if validation else ()
    held = load_examples(test) if test else None

    def start(watch: Progress) -> Result:
        result: Result = trained.optimize(
            train,
            judge,
            validation=seen,
            test=held,
            aa=aa,
            budget=budget,
            seed=seed,
            ledger=Ledger.open(ledger),
            run_id=run_id,
            callbacks=(watch,),
            notes={"argv": argv},
        )
        return result

    return start
