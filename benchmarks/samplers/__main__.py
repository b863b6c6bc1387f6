"""``python -m benchmarks.samplers [--quick]``: searches over numbers and over sampling settings."""

from __future__ import annotations

import sys

from benchmarks.report_table import Table, run
from benchmarks.samplers import command, es, surface


def measure(table: Table) -> None:
    """All figures."""
    command.measure(table)
    es.measure(table)
    surface.measure(table)


if __name__ == "__main__":
    sys.exit(run("samplers", measure))
