"""The artefact of a run: recommended values with their certificate, from the ledger alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hyperfunc.errors import LedgerError

if TYPE_CHECKING:
    from hyperfunc.ledger import Ledger

__all__ = ["FORMAT", "artifact", "written"]

FORMAT = 1
"""Of the file; another number is another layout."""


def artifact(ledger: Ledger, run_id: str) -> dict[str, Any]:
    """What ``export`` writes.

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
        "certificate": certificates[-1].payload if certificates else None,
    }


def written(row: Mapping[str, Any]) -> str:
    """The text of an artefact's file; the same row has the same text."""
    return json.dumps(row, indent=2, ensure_ascii=False) + "\n"
