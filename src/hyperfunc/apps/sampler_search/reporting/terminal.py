"""The report as plain text for a terminal: foreign text without anything that acts on it."""

from __future__ import annotations

from hyperfunc.analysis.report.text import visible

from .findings import Analysis
from .tables import (
    Grid,
    aligned,
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

__all__ = ["terminal"]


def terminal(analysis: Analysis) -> str:
    """The report as lines of text, tables aligned.

    Args:
        analysis: of a search.

    Returns:
        Text that ends with a newline and holds no control characters.

    Example::

        print(terminal(analysis(read_results(paths))))
    """
    overview = Grid(("", ""), tuple(analysis.overview), 2)
    lines = [headline(analysis), analysis.recommendation.why, ""]
    lines += [f"! {warning}" for warning in analysis.warnings]
    lines += _part("Overview", aligned(overview)[1:])
    lines += _part("Performance per sampler (95 % intervals)", aligned(families(analysis)))
    more = [sentence] if (sentence := shown_sentence(analysis)) else []
    lines += _part("Settings", [*aligned(settings(analysis)), *more])
    lines += _part("Not significantly worse than the best", [region_sentence(f) for f in analysis.families])
    for family in analysis.families:
        table = aligned(importance(family)) if family.effects else []
        lines += _part(f"What matters in {family.name}", [effect_sentence(family), *table])
    lines += _part("Where the spread comes from", [*aligned(components(analysis)), noise_sentence(analysis)])
    lines += _part("For your server", _servers(analysis))
    return "\n".join(visible(line).replace("\n", " ") for line in lines) + "\n"


def _part(title: str, lines: list[str]) -> list[str]:
    return ["", title, *[f"  {line}" for line in lines]]


def _servers(analysis: Analysis) -> list[str]:
    lines = []
    for server, payload, warnings in servers(analysis):
        lines += [f"{server}: {payload or 'not possible'}", *[f"  ! {warning}" for warning in warnings]]
    return lines
