"""A run on the terminal: what the report says, in a screenful."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from hyperfunc.analysis.report import ReportData, text
from hyperfunc.analysis.report.data import Change
from hyperfunc.analysis.report.diff import list_diff, word_diff
from hyperfunc.analysis.report.trend import trend
from hyperfunc.analysis.report.words import (
    changes_title,
    gain_sentence,
    headline,
    matrix_sentence,
    spend_rows,
)
from hyperfunc.cli.console import plain, sparkline

__all__ = ["screen"]

STYLES = {"same": "", "gone": "red strike", "new": "green"}
SIGNS = {"same": " ", "gone": "-", "new": "+"}


def screen(data: ReportData) -> Iterator[Text]:
    """The lines to print, foreign text made harmless."""
    kept = data.outcome is None or data.outcome.recommended_start
    yield plain(headline(data), "bold" if kept else "bold green")
    yield plain(gain_sentence(data), "dim")
    yield from (Text.assemble(("warning: ", "yellow"), plain(line)) for line in data.warnings)
    scores = trend([step.best for step in data.steps], [step.incumbent for step in data.steps])
    if line := sparkline(scores, 60):
        yield Text.assemble(("steps  ", "dim"), (line, "green"), (f"  {len(scores)}", "dim"))
    if spent := ", ".join(_spend(*row) for row in spend_rows(data)):
        yield Text.assemble(("spent  ", "dim"), plain(spent))
    if data.outcome and data.outcome.stopped:
        yield Text.assemble(("ended  ", "dim"), plain(data.outcome.stopped))
    if data.changes:
        yield Text("")
        yield plain(changes_title(data), "bold")
        for change in data.changes:
            yield from _change(change)


def _spend(name: str, spent: str, limit: str, share: float | None) -> str:
    unit = "" if name in ("cost", "time") else f" {name}"
    return f"{spent}{f' of {limit}' if limit and share is not None else ''}{unit}"


def _change(change: Change) -> Iterator[Text]:
    yield plain(f"  {change.name}", "cyan")
    if change.kind == "text":
        yield from (Text("    ").append_text(line) for line in _words(change))
    elif change.kind == "exemplars":
        for op, item in list_diff(change.before or (), change.after or ()):
            yield plain(f"    {SIGNS[op]} {_exemplar(item)}", STYLES[op])
    elif change.kind == "matrix":
        yield plain(f"    {matrix_sentence(change)}")
    else:
        yield plain(f"    {text.plain(change.before)} → {text.plain(change.after)}")


def _words(change: Change) -> list[Text]:
    """The difference of two texts; a rewritten one as before and after."""
    pieces = word_diff(text.visible(change.before), text.visible(change.after))
    parts = [Text(piece.text, STYLES[piece.op]) for piece in pieces]
    rewritten = all(piece.op != "same" for piece in pieces)
    return list(Text("\n" if rewritten else "").join(parts).split("\n", allow_blank=True))


def _exemplar(item: Any) -> str:
    if isinstance(item, Mapping) and {"input", "output"} <= set(item):
        return f"{text.shorten(item['input'], 100)} → {text.shorten(item['output'], 60)}"
    return text.shorten(item, 160)
