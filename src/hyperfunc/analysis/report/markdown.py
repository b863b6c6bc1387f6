"""The report as Markdown. Foreign text stands in fenced blocks only, which show it as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from . import text
from .data import Change, Item, ReportData, Step
from .diff import list_diff, word_diff
from .reproduce import commands, facts
from .words import (
    changes_title,
    gain_sentence,
    headline,
    history_rows,
    matrix_sentence,
    spend_rows,
    winner_name,
)

__all__ = ["render_markdown"]


def render_markdown(data: ReportData) -> str:
    """The report for a pull request, a wiki or a terminal.

    Args:
        data: of :func:`hyperfunc.analysis.report.build`.

    Returns:
        CommonMark in which nothing foreign is markup.
    """
    parts = [
        f"# {code(data.about('system') or 'run')}: {inline(headline(data))}",
        inline(gain_sentence(data)),
        _part("Read this first", [fence("\n".join(_lines(data.warnings)))] if data.warnings else []),
        _part(changes_title(data), [_change(change) for change in data.changes] or ["Nothing."]),
        _part("How it got there", [fence(_history(data.steps))] if data.steps else []),
        _part("Held-out examples", [fence(_item(item, winner_name(data))) for item in data.items]),
        _part("Certificate", [fence(_certificate(data))] if data.certificate else []),
        _part("What it cost", [fence(_cost(data))] if data.spend else []),
        _part("Failures", [fence(_failures(data))] if data.failures else []),
        _part("Do it again", [fence(_again(data))]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def inline(value: str) -> str:
    """Foreign words inside a sentence: punctuation stands for itself."""
    line = " ".join(text.visible(value).split())
    return re.sub(r"(?![.,:;%+-](?:\s|\d|$))([!-/:-@\[-`{-~])", r"\\\1", line)


def code(value: str) -> str:
    """A foreign name as a code span, fenced longer than any fence inside."""
    line = " ".join(text.visible(value).split())
    bar = "`" * (1 + max((len(run) for run in re.findall(r"`+", line)), default=0))
    return f"{bar} {line} {bar}" if "`" in line else f"{bar}{line}{bar}"


def fence(content: object, language: str = "text") -> str:
    """A block that shows its content as it is, fenced longer than any fence inside."""
    shown = text.visible(content)
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    bar = "`" * max(3, longest + 1)
    return f"{bar}{language}\n{shown}\n{bar}"


def _part(title: str, blocks: Sequence[str]) -> str:
    return "\n\n".join([f"## {title}", *blocks]) if blocks else ""


def _certificate(data: ReportData) -> str:
    return "\n".join(f"{name:<10} {value}" for name, value in data.certificate)


def _lines(values: Sequence[str]) -> list[str]:
    return [" ".join(text.visible(value).split()) for value in values]


def _change(change: Change) -> str:
    title = f"### {code(change.name)}\n\n"
    bodies = {"text": _text_lines, "exemplars": _exemplar_lines}
    if change.kind == "matrix":
        return title + matrix_sentence(change)
    if change.kind in bodies:
        return title + fence(bodies[change.kind](change), "diff")
    return title + fence(f"{_short(change.before)} -> {_short(change.after)}")


def _short(value: Any) -> str:
    return text.shorten(text.plain(value), 400)


def _text_lines(change: Change) -> str:
    """Lines that start with a minus, a plus or a blank, as a word-level difference."""
    signs = {"same": " ", "gone": "-", "new": "+"}
    pieces = word_diff(text.visible(change.before), text.visible(change.after))
    return "\n".join(
        f"{signs[piece.op]} {line.strip()}"
        for piece in pieces
        for line in piece.text.splitlines()
        if line.strip()
    )


def _exemplar_lines(change: Change) -> str:
    signs = {"same": " ", "gone": "-", "new": "+"}
    before, after = (
        value if isinstance(value, list | tuple) else [value] for value in (change.before, change.after)
    )
    return "\n".join(f"{signs[op]} {_exemplar(item)}" for op, item in list_diff(before, after))


def _exemplar(item: Any) -> str:
    if isinstance(item, dict) and {"input", "output"} <= set(item):
        return " ".join(f"{text.visible(item['input'])} -> {text.visible(item['output'])}".split())
    return " ".join(text.visible(item).split())


def _history(steps: Sequence[Step]) -> str:
    names, rows = history_rows(steps)
    widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
    return "\n".join(_aligned(row, widths) for row in [names, *rows])


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers to the right, the note at the end as it is."""
    cells = [cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _item(item: Item, winner: str) -> str:
    marks = [
        f" ({text.score(value, 2)})" if value is not None else ""
        for value in (item.score_start, item.score_best)
    ]
    pairs = [
        ("inputs", item.inputs),
        ("expected", item.expected),
        (f"start{marks[0]}", item.start),
        (f"{winner}{marks[1]}", item.best),
        ("feedback", item.feedback or None),
    ]
    return "\n".join(f"{name}: {text.readable(value)}" for name, value in pairs if value is not None)


def _cost(data: ReportData) -> str:
    lines = [
        f"{name:<12} {spent:>14}{f'  of {limit}' if limit else ''}"
        for name, spent, limit, _ in spend_rows(data)
    ]
    if data.outcome and data.outcome.stopped:
        lines.append(f"stopped: {text.shorten(data.outcome.stopped, 200)}")
    return "\n".join(lines)


def _failures(data: ReportData) -> str:
    return "\n".join(f"{times} x {text.shorten(reason, 300)}" for reason, times in data.failures)


def _again(data: ReportData) -> str:
    known = [f"{name}: {value}" for name, value in facts(data)]
    return "\n".join([*known, "", *[f"{line}    # {why}" for line, why in commands(data)]])
