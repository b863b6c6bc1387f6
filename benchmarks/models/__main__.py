"""``python -m benchmarks.models [--quick]``."""

from __future__ import annotations

import importlib
import sys

from benchmarks.report_table import Table, run

PARTS = ("throughput", "faults", "conformance", "probe", "policy", "secrets")


def measure(table: Table) -> None:
    """All figures; a part that lacks something says what."""
    for name in PARTS:
        try:
            part = importlib.import_module(f"benchmarks.models.{name}")
        except ModuleNotFoundError as missing:
            # What people may leave out is named; a module of the library has to be there.
            if (missing.name or "").partition(".")[0] == "hyperfunc":
                raise
            table.not_measured(name, f"there is no module {missing.name}")
            continue
        part.measure(table)


if __name__ == "__main__":
    sys.exit(run("models", measure))
