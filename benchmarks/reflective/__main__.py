"""``python -m benchmarks.reflective [--quick]``: reflective evolution on HiddenRules, beside GEPA."""

from __future__ import annotations

import importlib
import sys

from benchmarks.reflective import world
from benchmarks.report_table import Table, run

PARTS = ("searches", "timing", "budgets", "resuming", "injections")


def measure(table: Table) -> None:
    """All figures, one part after the other, for some of them are times."""
    for name in PARTS:
        if name != "injections" and (why := world.missing()):
            table.not_measured(name, why)
            continue
        importlib.import_module(f"benchmarks.reflective.{name}").measure(table)


if __name__ == "__main__":
    sys.exit(run("reflective", measure))
