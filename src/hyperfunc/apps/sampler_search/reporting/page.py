"""The report as one HTML page: no script, no external resource, every foreign text escaped."""

from __future__ import annotations

from collections.abc import Sequence

from hyperfunc.analysis.report.markup import Markup, el, join
from hyperfunc.analysis.report.page import document

from .findings import Analysis, Family
from .surface import surface_figure
from .tables import (
    Grid,
    components,
    effect_sentence,
    families,
    headline,
    importance,
    noise_sentence,
    region_sentence,
    servers,
    settings,
    shown_sentence,
)

__all__ = ["page"]

_STYLE = """
svg .shade { fill: var(--accent); }
svg .outline { fill: none; stroke: var(--ink); stroke-width: 1.5; }
svg circle.dot { fill: var(--paper); stroke: var(--ink); stroke-width: 1.2; }
svg .band { fill: var(--accent); opacity: .2; }
th { white-space: nowrap; } td.number, th.number { text-align: right; }
"""


def page(analysis: Analysis) -> str:
    """The page, in light and dark and good on paper.

    Args:
        analysis: of a search.

    Returns:
        A whole HTML document.

    Example::

        Path("report.html").write_text(page(found), encoding="utf-8")
    """
    title = " · ".join(
        part for part in ("Sampler search", analysis.search.about("model"), "hyperfunc") if part
    )
    return document(title, _top(analysis), *_sections(analysis), style=_STYLE)


def _top(analysis: Analysis) -> Markup:
    parts = ("Sampler search", analysis.search.about("model"), analysis.search.about("timestamp"))
    return el(
        "header",
        el("p", " · ".join(part for part in parts if part), class_="over"),
        el("h1", headline(analysis)),
        el("p", analysis.recommendation.why, class_="lead"),
    )


def _sections(analysis: Analysis) -> list[Markup | None]:
    region = [el("li", region_sentence(family)) for family in analysis.families]
    warnings = el("ul", *[el("li", warning) for warning in analysis.warnings])
    return [
        _section("Read this first", warnings, class_="warnings") if analysis.warnings else None,
        _section("Overview", _facts(analysis.overview)),
        _section("Performance per sampler", _table(families(analysis)), _quiet(_INTERVALS)),
        *[_surface(analysis, family) for family in analysis.families],
        _section("Not significantly worse than the best", el("ul", *region), _quiet(_REGION)),
        _section("Settings", _table(settings(analysis)), _quiet(shown_sentence(analysis))),
        _section(
            "Where the spread comes from", _table(components(analysis)), _quiet(noise_sentence(analysis))
        ),
        _section("For your server", *[_server(*row) for row in servers(analysis)]),
    ]


_INTERVALS = "Means with 95 % intervals, texts of one prompt kept together. Expected: noise taken out."
_REGION = "Settings that a paired test with Holm's correction does not tell from the best at 5 %."


def _section(title: str, *content: Markup | None, class_: str | None = None) -> Markup:
    return el("section", el("h2", title), *content, class_=class_)


def _surface(analysis: Analysis, family: Family) -> Markup:
    return _section(
        f"What matters in {family.name}",
        el("p", effect_sentence(family)),
        surface_figure(analysis, family),
        _table(importance(family)) if family.effects else None,
    )


def _table(grid: Grid) -> Markup:
    def cells(tag: str, row: Sequence[str]) -> list[Markup]:
        return [el(tag, cell, class_=None if k < grid.words else "number") for k, cell in enumerate(row)]

    head = el("thead", el("tr", *cells("th", grid.columns)))
    rows = [el("tr", *cells("td", row)) for row in grid.rows]
    return el("div", el("table", head, el("tbody", *rows)), class_="scroll")


def _quiet(sentence: str) -> Markup:
    return el("p", sentence, class_="quiet")


def _facts(pairs: Sequence[tuple[str, str]]) -> Markup:
    return el("dl", *[el("div", el("dt", name), el("dd", value)) for name, value in pairs], class_="facts")


def _server(server: str, payload: str, warnings: tuple[str, ...]) -> Markup:
    return el(
        "article",
        el("h3", server),
        el("pre", payload) if payload else None,
        join(*[_quiet(warning) for warning in warnings]),
        class_="change",
    )
