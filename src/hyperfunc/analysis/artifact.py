"""The artefact of a run or an experiment: values with what may be said of them, from the ledger alone.

Its layout is described in docs/saving.md. Fields may join it; ``hyperfunc``, the number of the layout,
changes when one that is there changes its meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import LedgerError

if TYPE_CHECKING:
    from hyperfunc.analysis.experiment import Experiment
    from hyperfunc.ledger import Ledger

__all__ = ["FORMAT", "PARTS", "artifact", "experiment_artifact", "read_artifact", "written"]

FORMAT = 1
"""Of the file; another number is another layout."""

PARTS = ("kinds", "requests")
"""What stands beside the values: the kind of each knob, and what each function sends with them."""


def artifact(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """What ``export`` writes of a run.

    Raises:
        LedgerError: the run has no result yet.
    """
    results = ledger.events(run_id, "result")
    if not results:
        raise LedgerError(f"run {run_id} has no result yet: go on with hyperfunc resume {run_id}")
    certificates = ledger.events(run_id, "certificate")
    return {
        "hyperfunc": FORMAT,
        "run": run_id,
        "values": results[-1].payload["best"],
        **{part: results[-1].payload[part] for part in PARTS if part in results[-1].payload},
        "certificate": certificates[-1].payload if certificates else None,
    }


def experiment_artifact(experiment: Experiment) -> dict[str, Any]:
    """What ``export`` writes of an experiment."""
    return {
        "hyperfunc": FORMAT,
        "values": dict(experiment.values),
        "experiment": {**experiment.head(), "cells": experiment.rows()},
    }


def written(row: Mapping[str, Any]) -> str:
    """The text of an artefact's file; the same row has the same text."""
    return json.dumps(row, indent=2, ensure_ascii=False) + "\n"


def read_artifact(file: Path) -> tuple[str, dict[str, Any]]:
    """The text of an artefact's file, and what it says.

    Raises:
        LedgerError: it cannot be read, or ``export`` did not write it.
    """
    try:
        text = file.read_text(encoding="utf-8")
        row = json.loads(text)
    except OSError as error:
        raise LedgerError(f"cannot read {file}: {error.strerror}; name a file that export wrote") from error
    except (ValueError, RecursionError) as error:
        raise LedgerError(f"{file} is no JSON ({error}); name a file that export wrote") from error
    if not isinstance(row, dict) or "values" not in row:
        raise LedgerError(f"{file} is no export of a run; make one with hyperfunc export RUN FILE")
    return text, row
