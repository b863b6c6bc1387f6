"""What a person waits for before anything happens: processor time of importing and of the help page."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

from benchmarks.report_table import Table, run

HELP = "import sys; sys.argv = ['hyperfunc', '--help']; from hyperfunc.__main__ import main; main()"


def processor_ms(code: str, repeats: int) -> float:
    """Median processor time of a fresh interpreter that runs the code, above that of an empty one."""
    return statistics.median(_once(code) - _once("pass") for _ in range(repeats))


def _once(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measure(table: Table) -> None:
    repeats = 3 if table.quick else 15
    processor_ms(HELP, 1)  # compiles the modules once
    table.add("import hyperfunc", processor_ms("import hyperfunc", repeats), "ms", at_most=25)
    table.add("hyperfunc --help", processor_ms(HELP, repeats), "ms", at_most=150)


if __name__ == "__main__":
    sys.exit(run("start-up", measure))
