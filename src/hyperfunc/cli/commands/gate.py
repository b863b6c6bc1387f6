"""``hyperfunc gate``: whether a change may pass."""

from __future__ import annotations

import time
from pathlib import Path

import click

from hyperfunc.cli.options import ledger_option
from hyperfunc.cli.writing import OUT, write

__all__ = ["command"]

SHARE = click.FloatRange(0, 1)


@click.command("gate")
@click.argument("candidate", default="last")
@click.option("--baseline", required=True, metavar="RECORD", help="What the candidate is held against.")
@click.option("--min-gain", type=SHARE, help="It must be better by this, beyond doubt; 0 for better at all.")
@click.option("--max-drop", type=SHARE, help="It must not be worse by more than this, beyond doubt.")
@click.option("--junit", type=OUT, help="Write JUnit XML to this file.")
@click.option("--summary", type=OUT, help="Write Markdown to this file; - for the terminal.")
@ledger_option
def command(
    candidate: str, baseline: str, min_gain: float | None, max_drop: float | None, junit: Path | None,
    summary: Path | None, ledger: str | None,
) -> None:  # fmt: skip
    """Let a change pass, or not: the exit status is 0 or 1.

    CANDIDATE and the baseline are named as for compare; "last", the newest run or experiment, is the
    default. A limit holds only if the lower end of the 95% interval of the gain keeps it: with --min-gain G
    it must be at least G (above 0 when G is 0), with --max-drop D at least -D. Both limits may be given.
    When the interval is too wide to tell, it is said about how many more examples it would take.

    \b
    Example:
      hyperfunc evaluate support:system --data test.jsonl --metric exact --name my-branch
      hyperfunc gate my-branch --baseline main --max-drop 0.02 --junit gate.xml --summary gate.md
    """
    from hyperfunc.analysis.gate import EvalGate, junit_of_error, summary_of_error
    from hyperfunc.cli.commands.compare import shown
    from hyperfunc.cli.console import plain, stdout
    from hyperfunc.errors import HyperfuncError

    if min_gain is None and max_drop is None:
        raise click.UsageError("a gate needs a limit: give --min-gain 0, --max-drop 0.02, or both")
    gate = EvalGate(baseline, min_gain=min_gain, max_drop=max_drop, ledger=ledger)
    try:
        result = gate.check(candidate)
    except HyperfuncError as error:
        # A report of an earlier gate that is still there must not be taken for this one's.
        _write(junit, junit_of_error(gate.limits, str(error), time.time()))
        _write(summary, summary_of_error(gate.limits, str(error)))
        raise
    console = stdout()
    for part in shown(result.comparison):
        console.print(part)
    for criterion in result.criteria:
        console.print(plain(str(criterion), "green" if criterion.passed else "red"))
    _write(junit, result.to_junit())
    _write(summary, result.to_markdown())
    console.print(plain(result.verdict, "bold green" if result else "bold red"))
    if not result:
        raise click.exceptions.Exit(1)


def _write(file: Path | None, content: str) -> None:
    if file is not None:
        write(file, content)
