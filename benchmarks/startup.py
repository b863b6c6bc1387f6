"""What a person waits for before anything happens: processor time of importing and of the help page."""

from __future__ import annotations

import functools
import resource
import subprocess
import sys

from benchmarks.pace import interpreter, paced
from benchmarks.report_table import Table, run

HELP = "import sys; sys.argv = ['hyperfunc', '--help']; from hyperfunc.__main__ import main; main()"


def start_up(table: Table, import_limit: float) -> None:
    """Enter what a fresh interpreter takes above an empty one, for the import and for the help page."""
    rounds = 5 if table.quick else 15
    _once(HELP)  # compiles the modules once
    for name, code, limit in (
        ("import hyperfunc, above bare Python", "import hyperfunc", import_limit),
        ("hyperfunc --help, above bare Python", HELP, 150),
    ):
        value, note = paced(functools.partial(_above_empty, code), interpreter, rounds)
        table.add(name, value, "ms", at_most=limit, note=note)


def _above_empty(code: str) -> float:
    return _once(code) - _once("pass")


def _once(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(table: Table) -> None:
    """All figures."""
    start_up(table, 25)


if __name__ == "__main__":
    sys.exit(run("start-up", measure))
