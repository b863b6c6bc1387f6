"""The report as Markdown, in which nothing foreign is markup."""

from __future__ import annotations

from hyperfunc.analysis.report.markdown import fence, inline

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

__all__ = ["markdown"]


def markdown(analysis: Analysis) -> str:
    """The report for a pull request or a wiki.

    Args:
        analysis: of a search.

    Returns:
        CommonMark; tables stand in fenced blocks.

    Example::

        Path("report.md").write_text(markdown(found), encoding="utf-8")
    """
    overview = aligned(Grid(("", ""), tuple(analysis.overview), 2))[1:]
    matters = [
        inline(effect_sentence(family)) + ("\n\n" + _table(importance(family)) if family.effects else "")
        for family in analysis.families
    ]
    parts = [
        f"# {inline(headline(analysis))}",
        inline(analysis.recommendation.why),
        _part("Read this first", fence("\n".join(" ".join(warning.split()) for warning in analysis.warnings)))
        if analysis.warnings
        else "",
        _part("Overview", fence("\n".join(overview))),
        _part("Performance per sampler", _table(families(analysis))),
        _part("Settings", _table(settings(analysis)), *filter(None, [inline(shown_sentence(analysis))])),
        _part(
            "Not significantly worse than the best",
            "\n".join(f"- {inline(region_sentence(family))}" for family in analysis.families),
        ),
        _part("What matters", *matters),
        _part("Where the spread comes from", _table(components(analysis)), inline(noise_sentence(analysis))),
        _part("For your server", *[_server(*row) for row in servers(analysis)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _part(title: str, *blocks: str) -> str:
    return "\n\n".join([f"## {title}", *blocks])


def _table(grid: Grid) -> str:
    return fence("\n".join(aligned(grid)))


def _server(server: str, payload: str, warnings: tuple[str, ...]) -> str:
    said = "".join(f"\n- {inline(warning)}" for warning in warnings)
    block = fence(payload, "json") if payload else ""
    return "\n\n".join(part for part in (f"### {inline(server)}", block, said.strip()) if part)
