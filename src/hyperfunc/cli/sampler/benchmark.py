"""``hyperfunc sampler benchmark``: exported settings on fresh prompts and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hyperfunc.cli.options import FILE, ledger_option
from hyperfunc.cli.sampler.many import ManyWords

if TYPE_CHECKING:
    from hyperfunc.apps.sampler_search.benchmark import Benchmark

__all__ = ["command"]


@click.command("benchmark", cls=ManyWords)
@click.option("--samplers", type=FILE, required=True, help="YAML that sampler search or analyze exported.")
@click.option("-m", "--model", metavar="M", default="local/prose", show_default=True, help="As in search.")
@click.option("-j", "--judge-model", metavar="J", help="Model that judges; its key from .env.")
@click.option("-n", "--samples", type=click.IntRange(min=1), default=4, show_default=True)
@click.option("-p", "--custom-prompts", multiple=True, metavar="TEXT ...", help="Prompts to write on.")
@click.option("--max-length", type=click.IntRange(min=1), default=48, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@ledger_option
def command(
    samplers: Path, model: str, judge_model: str | None, samples: int, custom_prompts: tuple[str, ...],
    max_length: int, seed: int, ledger: str | None,
) -> None:  # fmt: skip
    """Measure exported settings on prompts and under luck that the search never had.

    The model's own distribution at temperature 1 stands beside them as "neutral".

    \b
    Example:
      hyperfunc sampler benchmark --samplers best.yaml
    """
    from hyperfunc.apps.sampler_search.benchmark import benchmark
    from hyperfunc.apps.sampler_search.presets import read_presets
    from hyperfunc.ledger import Ledger

    presets = read_presets(samplers)
    with Ledger.open(ledger) as opened:
        found = benchmark(
            presets, model=model, judge=judge_model, prompts=custom_prompts, samples=samples,
            max_length=max_length, seed=seed, ledger=opened,
        )  # fmt: skip
    _show(found)


def _show(found: Benchmark) -> None:
    from rich.table import Table

    from hyperfunc.analysis.report.text import count
    from hyperfunc.cli.console import plain, stdout

    console = stdout()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("setting", "sampler", "parameters", "score", "95 % interval", "P(best)", "to the best"):
        table.add_column(heading)
    for row in found.rows:
        against = "the best"
        if row.against is not None:
            against = f"{row.against['difference']:+.2f}, p {row.against['p_holm']:.2g}"
        elif row is not found.rows[0]:
            against = "not comparable"
        table.add_row(
            plain(row.name), plain(row.setting.sampler), plain(row.setting.words()),
            "none" if row.mean is None else f"{row.mean:.2f}",
            "none" if row.interval is None else "{:.2f} to {:.2f}".format(*row.interval),
            "unknown" if row.p_best is None else f"{row.p_best:.0%}", against,
        )  # fmt: skip
    texts = count(len(found.prompts) * found.samples, "texts")
    console.print(plain(f"{found.model}: {texts} of each setting, on {count(len(found.prompts), 'prompts')}"))
    console.print(table)
