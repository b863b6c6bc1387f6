"""``hyperfunc sampler search``: find sampling settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hyperfunc.cli.options import FILE, ledger_option
from hyperfunc.cli.sampler.many import ManyWords

if TYPE_CHECKING:
    from hyperfunc.apps.sampler_search.config import SearchConfig
    from hyperfunc.apps.sampler_search.search import Found

__all__ = ["command"]


@click.command("search", cls=ManyWords)
@click.option("-m", "--model", metavar="M", help="local/prose, a GGUF file, an address, or a name.")
@click.option("-j", "--judge-model", "judge", metavar="J", help="Model that judges; its key from .env.")
@click.option("-c", "--config", type=FILE, help="YAML file; the one of the package when left out.")
@click.option("-s", "--config-section", "section", metavar="S", help="Such as quick_test.")
@click.option("--strategy", "search_strategy", metavar="STRATEGY", help="grid, random, bayesian or auto.")
@click.option("-i", "--iterations", "n_iterations", type=click.IntRange(min=2), help="Settings to try.")
@click.option(
    "-n", "--samples-per-config", type=click.IntRange(min=1), help="Texts for each prompt and setting."
)
@click.option(
    "--samplers", multiple=True, metavar="NAME ...", help="Families to search, such as min_p top_p."
)
@click.option("-p", "--custom-prompts", multiple=True, metavar="TEXT ...", help="Prompts of the search.")
@click.option("--max-length", type=click.IntRange(min=1), help="Longest text in tokens.")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same search.")
@click.option("-o", "--output-dir", type=click.Path(file_okay=False), help="Folder of the results.")
@click.option("--resume", metavar="RUN", help="Go on with a search that was stopped; last for the newest.")
@ledger_option
def command(**options: Any) -> None:
    """Find sampling settings for a model, and test the best again on prompts the search never saw.

    M is local/prose (embedded, the default), a path to a GGUF file (served by llama.cpp in this process),
    the address of a running server, a name of models.yaml, or a name such as koboldcpp/http://127.0.0.1:5001
    or openrouter/NAME. A server is probed first: a parameter of a chosen family that it ignores stops the
    search before the first text. Without a judge, texts are scored by automatic measures that know the
    language of the embedded model.

    \b
    Example:
      hyperfunc sampler search --config-section quick_test
      hyperfunc sampler search --model llama.gguf --judge-model openai/gpt-4.1-mini --samplers min_p xtc
    """
    from hyperfunc.apps.sampler_search.search import search
    from hyperfunc.cli.console import plain, stderr
    from hyperfunc.cli.main import INTERRUPTED
    from hyperfunc.cli.opening import find
    from hyperfunc.cli.sampler.watching import watching_search
    from hyperfunc.ledger import Ledger

    place, resume = options.pop("ledger"), options.pop("resume")
    console = stderr()
    if resume and (unused := _given(options)):
        console.print(plain(f"not used: {unused}; a search goes on as it was begun"))
    config, ledger = _config(options), Ledger.open(place)
    try:
        run_id = find(ledger, resume) if resume else None
        with watching_search(console) as watch:
            try:
                found = search(
                    config,
                    ledger=ledger,
                    run_id=run_id,
                    callbacks=(watch,),
                    say=lambda line: console.print(plain(line)),
                    planned=watch.plan,
                )
            except KeyboardInterrupt:
                again = watch.run_id or run_id
                line = "stopped before the search began; nothing is lost"
                if again is not None:
                    line = (
                        "stopped; what was done and paid is kept. resume with: hyperfunc sampler search "
                        f"--resume {again}"
                    )
                console.print(plain(line))
                raise click.exceptions.Exit(INTERRUPTED) from None
    finally:
        ledger.close()
    _conclude(found)


def _given(options: dict[str, Any]) -> str:
    """Flags of the command line that say what a search does."""
    context = click.get_current_context()
    flags = {each.name: each.opts[-1] for each in context.command.params}
    source = click.core.ParameterSource.COMMANDLINE
    return ", ".join(flags[name] for name in options if context.get_parameter_source(name) is source)


def _config(options: dict[str, Any]) -> SearchConfig:
    from hyperfunc.apps.sampler_search.config import STRATEGIES
    from hyperfunc.apps.sampler_search.config_file import load_config
    from hyperfunc.apps.sampler_search.families import family_named
    from hyperfunc.errors import did_you_mean

    strategy = options["search_strategy"]
    if strategy is not None and strategy not in STRATEGIES:
        hint = did_you_mean(strategy, STRATEGIES) or ";"
        raise click.UsageError(f"there is no strategy {strategy!r}{hint} choose {', '.join(STRATEGIES)}")
    config = load_config(options.pop("config"), options.pop("section"))
    families, prompts = options.pop("samplers"), options.pop("custom_prompts")
    for name in families:
        if name != "all":
            family_named(name)
    if families:
        options["sampler_types"] = () if "all" in families else tuple(dict.fromkeys(families))
    options["test_prompts"] = tuple(prompts) or None
    return config.changed(**options).check()


def _conclude(found: Found) -> None:
    from hyperfunc.apps.sampler_search.reporting import analysis, export_yaml, page, read_results, terminal
    from hyperfunc.cli.console import plain, stdout

    said = analysis(read_results(found.file))
    console = stdout()
    # Made harmless already; a terminal keeps its lines.
    console.print(terminal(said).rstrip("\n"))
    exported, html = found.file.with_suffix(".yaml"), found.file.with_suffix(".html")
    exported.write_text(export_yaml(said), encoding="utf-8")
    html.write_text(page(said), encoding="utf-8")
    console.print()
    for name, file in (("results", found.file), ("settings", exported), ("report", html)):
        console.print(plain(f"{name:<9} {_short(file)}"))
    console.print(plain(f"test them with: hyperfunc sampler benchmark --samplers {_short(exported)}"))


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
