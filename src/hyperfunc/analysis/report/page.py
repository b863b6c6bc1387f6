"""The report as one HTML page: no script, no external resource, light and dark, good on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import text
from .chart import gain_figure, history_figure, milestones
from .data import Item, Outcome, ReportData, Step
from .markup import Markup, el, join
from .reproduce import commands, facts
from .values import change_block
from .words import changes_title, gain_sentence, headline, history_rows, spend_rows, winner_name

__all__ = ["document", "render_html"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Even if something foreign slipped through as markup, a browser would neither run nor load it."""


def render_html(data: ReportData) -> str:
    """The page; everything foreign in it is escaped text.

    Args:
        data: of :func:`hyperfunc.analysis.report.build`.

    Returns:
        A whole HTML document.
    """
    name = data.about("system") or "run"
    return document(f"{name} · {data.run_id} · hyperfunc", _top(data), *_sections(data))


def document(title: str, *content: Markup | None, style: str = "") -> str:
    """A page of its own, in light and dark and good on paper, that runs and loads nothing.

    Args:
        title: of the page.
        content: of its main part.
        style: rules beside those that all reports have.
    """
    rules = (Path(__file__).parent / "style.css").read_text(encoding="utf-8") + style
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", title),
        el("style", Markup(rules)),
    )
    body = el("body", el("main", *content))
    return "<!doctype html>\n" + el("html", head, body, lang="en") + "\n"


def _top(data: ReportData) -> Markup:
    outcome = data.outcome
    when = datetime.fromtimestamp(data.created, UTC).strftime("%-d %B %Y, %H:%M UTC")
    line = [data.about("system"), f"run {data.run_id}", when]
    return el(
        "header",
        el("p", " · ".join(part for part in line if part), class_="over"),
        el("h1", headline(data)),
        el("p", gain_sentence(data), class_="lead"),
        gain_figure(outcome, winner_name(data)) if outcome else None,
        _tally(outcome) if outcome else None,
        _tiles(data),
    )


def _tally(outcome: Outcome) -> Markup | None:
    """Better, equal and worse examples as one bar."""
    counts = outcome.tally
    total = sum(counts)
    if not total:
        return None
    names = ("better", "equal", "worse")
    bars = [el("i", class_=n, style=f"flex-grow:{c}") for n, c in zip(names, counts, strict=True) if c]
    words = [el("span", el("b", str(c)), f" {n}", class_=n) for n, c in zip(names, counts, strict=True)]
    return el(
        "div",
        el("div", *bars, class_="bar"),
        el("p", "Of ", el("b", str(total)), " held-out examples: ", *_between(words, ", ")),
        class_="tally",
    )


def _between(items: Sequence[Markup], separator: str) -> Sequence[object]:
    return [part for item in items for part in (separator, item)][1:]


def _tiles(data: ReportData) -> Markup:
    tried = sum(step.candidates for step in data.steps)
    tiles = [
        (text.count(len(data.steps)), "steps"),
        (text.count(tried), "candidates tried"),
        *[(str(spent), name) for name, spent, _, _ in spend_rows(data) if name != "evaluations"],
    ]
    return el("dl", *[el("div", el("dd", value), el("dt", name)) for value, name in tiles], class_="tiles")


def _sections(data: ReportData) -> list[Markup | None]:
    return [
        _section("Read this first", _list(data.warnings), "warnings") if data.warnings else None,
        _section(changes_title(data), _changed(data)),
        _section("How it got there", _history(data.steps)) if data.steps else None,
        _section("Held-out examples, side by side", _items(data.items, winner_name(data)))
        if data.items
        else None,
        _section("Certificate", _facts(data.certificate)) if data.certificate else None,
        _section("What it cost", _cost(data)) if data.spend else None,
        _section("Failures", _failures(data.failures)) if data.failures else None,
        _section("Do it again", _again(data)),
    ]


def _section(title: str, content: Markup | None, class_: str | None = None) -> Markup:
    return el("section", el("h2", title), content, class_=class_)


def _list(lines: Sequence[str]) -> Markup:
    return el("ul", *[el("li", line) for line in lines])


def _changed(data: ReportData) -> Markup:
    if data.outcome is None:
        return el("p", "The run has not finished; nothing is recommended yet.", class_="quiet")
    if not data.changes:
        return el("p", "Nothing: the search preferred the values of the start.", class_="quiet")
    return join(*[change_block(change) for change in data.changes])


def _history(steps: Sequence[Step]) -> Markup:
    marks = [
        el("li", el("span", step.note or f"step {step.number}"), " ", el("b", text.score(step.incumbent)))
        for step in milestones(steps)
    ]
    names, cells = history_rows(steps)
    rows = [el("tr", *[el("td", cell) for cell in row]) for row in cells]
    return join(
        history_figure(steps),
        el("ol", *marks, class_="milestones") if marks else None,
        el(
            "details",
            el("summary", f"All {text.count(len(steps), 'steps')}"),
            el("div", _table(names, rows), class_="scroll"),
        ),
    )


def _table(columns: Sequence[str], rows: Sequence[Markup]) -> Markup:
    head = el("thead", el("tr", *[el("th", column) for column in columns]))
    return el("table", head, el("tbody", *rows))


def _items(items: Sequence[Item], winner: str) -> Markup:
    return join(*[_item(item, winner) for item in items])


def _item(item: Item, winner: str) -> Markup:
    return el(
        "article",
        el("div", *_inputs(item.inputs), class_="inputs"),
        el(
            "div",
            _answer("expected", item.expected, None),
            _answer("start", item.start, item.score_start),
            _answer(winner, item.best, item.score_best),
            class_="answers",
        ),
        el("p", item.feedback, class_="feedback") if item.feedback and item.score_best != 1 else None,
        class_="item",
    )


def _inputs(inputs: Any) -> list[Markup]:
    """Named inputs with their names, unless there is only one."""
    if isinstance(inputs, Mapping) and len(inputs) == 1:
        inputs = next(iter(inputs.values()))
    if not isinstance(inputs, Mapping):
        return [el("p", inputs)]
    return [el("p", el("span", f"{name} ", class_="label"), value) for name, value in inputs.items()]


def _answer(label: str, value: Any, score: float | None) -> Markup:
    mark = el("b", text.score(score, 2)) if score is not None else None
    shown = "—" if value is None else text.readable(value)
    return el("div", el("p", f"{label} ", mark, class_="label"), el("pre", shown))


def _cost(data: ReportData) -> Markup:
    rows = []
    for name, spent, limit, share in spend_rows(data):
        meter = (
            el("div", el("i", style=f"width:{100 * min(share, 1):.1f}%"), class_="meter")
            if share is not None
            else None
        )
        rows.append(
            el(
                "tr",
                el("th", name),
                el("td", spent, class_="number"),
                el("td", limit and f"of {limit}"),
                el("td", meter),
            )
        )
    stopped = data.outcome.stopped if data.outcome else ""
    return join(
        el("table", el("tbody", *rows), class_="cost"),
        el("p", f"Stopped: {stopped}.", class_="quiet") if stopped else None,
    )


def _failures(failures: Sequence[tuple[str, int]]) -> Markup:
    rows = [
        el("tr", el("td", f"{times:,} ×", class_="number"), el("td", reason)) for reason, times in failures
    ]
    return join(
        el("p", "Each of these cost its own example a score of 0 and nothing else.", class_="quiet"),
        el("table", el("tbody", *rows)),
    )


def _again(data: ReportData) -> Markup:
    lines = [el("div", el("span", f"# {why}\n", class_="comment"), line) for line, why in commands(data)]
    return join(_facts(facts(data)), el("pre", *lines, class_="commands"))


def _facts(pairs: Sequence[tuple[str, str]]) -> Markup:
    return el("dl", *[el("div", el("dt", n), el("dd", v)) for n, v in pairs], class_="facts")
