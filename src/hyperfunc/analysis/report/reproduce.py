"""How to look at a run again, continue it, or repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from . import text
from .data import ReportData

__all__ = ["commands", "facts"]

FACTS = (
    ("run", "run_id"),
    ("seed", "seed"),
    ("optimizer", "optimizer"),
    ("why this optimizer", "why"),
    ("metric", "metric"),
    ("training examples", "n_train"),
    ("further examples seen", "n_validation"),
    ("held-out examples", "n_test"),
    ("examples' content", "examples_fp"),
    ("program's content", "program"),
    ("hyperfunc", "hyperfunc"),
    ("python", "python"),
)


def facts(data: ReportData) -> list[tuple[str, str]]:
    """What has to be equal for the run to be equal, as (name, value)."""
    known = {**data.meta, "run_id": data.run_id}
    return [(name, text.shorten(known[key], 100)) for name, key in FACTS if known.get(key) not in (None, "")]


def commands(data: ReportData) -> list[tuple[str, str]]:
    """Shell commands with what each is for."""
    run = shlex.quote(text.visible(data.run_id))
    lines = [(f"hyperfunc show {run}", "what the ledger holds about it")]
    again = _again(data)
    if again:
        lines.append(
            (again, "the same run from the start: equal calls come from the ledger, nothing is paid twice")
        )
    if data.outcome is None:
        lines.append((_resume(data, run), "continue where it stopped"))
    else:
        lines.append((f"hyperfunc export {run} values.json", "the recommended values as a file"))
        if data.certificate:
            lines.append(("hyperfunc verify values.json", "every figure of its certificate, made again"))
    return lines


def _resume(data: ReportData, run: str) -> str:
    if "sampler_search" in data.meta:
        return f"hyperfunc sampler search --resume {run}"
    if data.meta.get("argv") or data.meta.get("demo"):
        return f"hyperfunc resume {run}"
    return f"system.optimize(..., run_id={text.visible(data.run_id)!r})"


def _again(data: ReportData) -> str:
    demo, argv = data.meta.get("demo"), data.meta.get("argv")
    if isinstance(argv, Sequence) and not isinstance(argv, str) and argv:
        return text.visible(shlex.join(["hyperfunc", *map(str, argv)]))
    if demo:
        return f"hyperfunc demo {shlex.quote(text.visible(str(demo)))} --seed {data.about('seed') or '0'}"
    return ""
