"""``hyperfunc probe``: what a model server makes of sampler parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hyperfunc.llm.probe.report import ProbeReport
    from hyperfunc.llm.secrets import Secret

__all__ = ["command"]

PROVIDERS = ("auto", "llamacpp", "koboldcpp", "openai", "openai-chat")
COLORS = {"honored": "green", "ignored": "red", "rejected": "yellow", "unknown": "dim"}


@click.command("probe")
@click.argument("url", metavar="URL")
@click.option("--model", metavar="NAME", help="Model to ask for; the first that the server lists by default.")
@click.option(
    "--provider",
    type=click.Choice(PROVIDERS),
    default="auto",
    show_default=True,
    help="How to speak to the server.",
)
@click.option("--key", metavar="VARIABLE", help="Environment variable (or line of .env) that holds the key.")
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the report to this file, for searches to read.",
)
def command(url: str, model: str | None, provider: str, key: str | None, file: Path | None) -> None:
    """Find out which sampler parameters a model server honors, and which it drops without a word.

    Makes about eighty calls of a few tokens each. Under a high temperature answers differ from seed to
    seed; an extreme truncation that acts makes them equal, and a strong penalty that acts changes the
    greedy answer. Also told: whether seeds repeat, whether the temperature comes first or last of the
    samplers, what becomes of unknown fields, and the server's speed.

    \b
    Example:
      hyperfunc serve-model --port 8080 &
      hyperfunc probe http://127.0.0.1:8080 --json probe.json
    """
    if file is not None and not file.parent.is_dir():
        raise click.BadParameter(f"the folder {file.parent} does not exist", param_hint="--json")
    import asyncio

    from hyperfunc.llm.probe.probing import probe

    report = asyncio.run(probe(url, provider=provider, model=model, key=_secret(key)))
    if file is not None:
        file.write_text(report.to_json(), encoding="utf-8")
    _show(report)
    if file is not None:
        click.echo(f"written to {file}")


def _secret(name: str | None) -> Secret | None:
    if name is None:
        return None
    from hyperfunc.errors import ModelError
    from hyperfunc.llm.secrets import find_key, shown_variable

    found = find_key(name)
    if found is None:
        raise ModelError(f"the variable {shown_variable(name)} holds no key; set it, or put it into .env")
    return found


def _show(report: ProbeReport) -> None:
    from rich.table import Table

    from hyperfunc.cli.console import plain, stdout

    console = stdout()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("field", "parameter", "server", "seen"):
        table.add_column(heading)
    for found in report.findings:
        status = found.status.value
        echo = (
            ""
            if found.echoed is None
            else "; its settings show the value"
            if found.echoed
            else "; not in its settings"
        )
        table.add_row(
            plain(found.field),
            plain(found.parameter, "dim"),
            plain(status, COLORS[status]),
            plain(found.evidence + echo),
        )
    console.print(
        plain(f"{report.url} as {report.provider}: {report.server or 'a server'}, model {report.model}")
    )
    console.print(table)
    for line in _sentences(report):
        console.print(plain(line))


def _sentences(report: ProbeReport) -> list[str]:
    place = {
        "last": "the temperature comes last, after every truncation",
        "first": "the temperature comes first, before truncation: the same numbers mean other distributions",
    }.get(report.temperature, "the place of the temperature among the samplers could not be told")
    lines = [place]
    if report.order:
        lines.append(f"stated order: {', '.join(report.order)}")
    lines.append(f"unknown fields are {report.unknown_fields}")
    speed = []
    if report.latency_s is not None:
        speed.append(f"{report.latency_s * 1000:.0f} ms for one token")
    if report.tokens_per_s is not None:
        speed.append(f"{report.tokens_per_s:,.0f} tok/s alone")
    if report.tokens_per_s_together is not None:
        speed.append(f"{report.tokens_per_s_together:,.0f} tok/s with 8 calls at once")
    return [*lines, f"{', '.join(speed) or 'its speed could not be told'}; {report.requests} calls"]
