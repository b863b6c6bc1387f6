"""``hyperfunc evaluate``: score a system and keep the scores."""

from __future__ import annotations

from pathlib import Path

import click

from hyperfunc.cli.options import FILE, budget_option, ledger_option, seed_option

__all__ = ["command"]


@click.command("evaluate")
@click.argument("system", metavar="MODULE:SYSTEM")
@click.option("--data", type=FILE, required=True, help="Examples: .jsonl, .csv, .tsv or .parquet.")
@click.option("--metric", required=True, metavar="METRIC", help="exact, contains, json, or MODULE:FUNCTION.")
@click.option("--values", type=FILE, help="Values that export wrote; the system's own by default.")
@click.option("--name", default="", help="Yours, such as a branch; the newest of a name is found by it.")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=1, show_default=True, help="Runs of each example."
)
@budget_option(None)
@seed_option
@ledger_option
def command(
    system: str, data: Path, metric: str, values: Path | None, name: str, repeats: int, budget: str | None,
    seed: int, ledger: str | None,
) -> None:  # fmt: skip
    """Score a system on examples, and keep the scores for compare and gate.

    MODULE:SYSTEM, the data and the metric are as for optimize; nothing is learnt. The scores are kept as an
    experiment with an id. Evaluating the same again pays nothing.

    \b
    Example:
      hyperfunc evaluate support:system --data test.jsonl --metric exact --name main
      hyperfunc evaluate support:system --data test.jsonl --metric exact --values support.json
      hyperfunc compare main last
    """
    from hyperfunc.analysis.report.text import count
    from hyperfunc.cli.console import plain, stderr, stdout
    from hyperfunc.cli.loading import load_metric, load_system
    from hyperfunc.evaluation.dataset import load_examples
    from hyperfunc.ledger import Ledger

    judged, judge = load_system(system), load_metric(metric)
    examples = load_examples(data)
    if values is not None:
        judged.load(values)
    stderr().print(plain(f"evaluating {count(len(examples), 'examples')}"))
    try:
        with Ledger.open(ledger) as opened:
            experiment = judged.experiment(
                examples, judge, name=name, repeats=repeats, budget=budget, seed=seed, ledger=opened
            )
    except KeyboardInterrupt:
        stderr().print("stopped; what was paid for is kept, and the same command goes on from there")
        raise
    stdout().print(plain(str(experiment)))
