"""The tables and sentences of a report, the same in every format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hyperfunc.analysis.report import text
from hyperfunc.evaluation.statistics import Interval

from .findings import Analysis, Family, Finding
from .servers import exports

__all__ = [
    "Grid",
    "aligned",
    "components",
    "effect_sentence",
    "families",
    "headline",
    "importance",
    "named",
    "noise_sentence",
    "region_sentence",
    "servers",
    "settings",
    "shown_sentence",
    "span",
]

_SHOWN = 20
"""Settings in the table; the files have all."""


class Grid(NamedTuple):
    """Names of columns, rows of text, and how many columns from the left are words."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1


def headline(analysis: Analysis) -> str:
    """The one thing to know."""
    recommended = analysis.recommendation
    best = named(recommended.finding)
    if recommended.winner:
        return f"Use {best}"
    first = analysis.findings[0]
    if recommended.finding is first:
        return f"No winner; {best} is expected to be best"
    return f"No winner; the search chose {best}, and {named(first)} is expected to be best"


def named(finding: Finding) -> str:
    """A setting in words: its sampler and parameters."""
    setting = finding.setting
    values = ", ".join(f"{name} {text.plain(value)}" for name, value in setting.parameters.items())
    return f"{setting.family} ({values})" if values else setting.family


def families(analysis: Analysis) -> Grid:
    """Performance per family."""
    rows = tuple(
        (
            family.name,
            f"{family.settings:,}",
            f"{family.texts:,}",
            span(family.interval),
            span(family.best.interval),
            text.score(family.best.expected),
            _share(family.p_best),
        )
        for family in analysis.families
    )
    columns = ("sampler", "settings", "texts", "mean", "its best setting", "expected", "P(best)")
    return Grid(columns, rows)


def settings(analysis: Analysis) -> Grid:
    """The settings with the highest expected scores."""
    rows = tuple(
        (
            named(finding),
            f"{len(finding.setting.texts):,}",
            span(finding.interval),
            text.score(finding.expected),
            _share(finding.p_best),
            _against(finding),
            "yes" if finding.in_region else "",
        )
        for finding in analysis.findings[:_SHOWN]
    )
    columns = ("setting", "texts", "mean", "expected", "P(best)", "minus the best", "as good")
    return Grid(columns, rows)


def importance(family: Family) -> Grid:
    """Shares of the surface's variance."""
    rows = tuple(
        (" × ".join(effect.names), _share(effect.share), f"{_share(effect.low)} to {_share(effect.high)}")
        for effect in family.effects
    )
    return Grid(("parameter", "share of variance", "90 % of likely surfaces"), rows)


def shown_sentence(analysis: Analysis) -> str:
    """What the table of settings compares, and that it is not all of them; nothing for a single one."""
    count = len(analysis.findings)
    if count < 2:
        return ""
    said = "A difference to the best is over the prompts and seeds that both settings have."
    return said if count <= _SHOWN else f"The {_SHOWN} best of {count}; the result files have all. {said}"


def components(analysis: Analysis) -> Grid:
    """Where the spread of scores comes from."""
    found = analysis.components
    pairs = (
        ("between settings", found.setting),
        ("between prompts", found.prompt),
        ("between texts of one prompt" if found.prompt is not None else "between texts", found.text),
    )
    rows = tuple((name, text.score(value)) for name, value in pairs)
    return Grid(("source", "standard deviation"), rows)


def noise_sentence(analysis: Analysis) -> str:
    """How much of what separates the means is luck."""
    share = analysis.components.noise_share
    if share is None:
        return "No setting has two texts, so nothing tells differences of settings from luck."
    return f"{share:.0%} of the variance among the settings' means is noise."


def region_sentence(family: Family) -> str:
    """Where in a family the settings are that are not significantly worse than the best."""
    if not family.region and not family.best.in_region:
        return f"{family.name}: every setting is significantly worse than the best."
    ranges = [f"{name} {_range(low, high)}" for name, (low, high) in family.region.items()]
    return f"{family.name}: {', '.join(ranges)}" if ranges else f"{family.name}: {named(family.best)}"


def servers(analysis: Analysis) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Name, parameters as JSON and warnings of each server, for the recommended setting."""
    numbers = analysis.recommendation.finding.setting.numbers()
    return tuple(
        (server, text.compact(export.payload) if export.payload is not None else "", export.warnings)
        for server, export in exports(numbers).items()
    )


def effect_sentence(family: Family) -> str:
    """What a reader takes from the importance of a family."""
    if not family.effects:
        few = f"{family.name}: too few settings for a surface"
        return f"{few}; at least four that differ in a number are needed."
    top = family.effects[0]
    return f"{family.name}: {' × '.join(top.names)} explains {top.share:.0%} of the predicted surface."


def span(interval: Interval) -> str:
    """A mean with its interval."""
    ends = f"{text.score(interval.low)} to {text.score(interval.high)}"
    return f"{text.score(interval.estimate)} ({ends})"


def aligned(grid: Grid) -> list[str]:
    """The table as lines of text: words to the left, numbers to the right."""
    rows = [[_one_line(cell) for cell in row] for row in (grid.columns, *grid.rows)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(grid.columns))]
    return [_line(row, widths, grid.words) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int], words: int) -> str:
    cells = [
        cell.ljust(width) if place < words else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _one_line(cell: str) -> str:
    return text.visible(cell).replace("\n", " ").replace("\t", " ")


def _against(finding: Finding) -> str:
    found = finding.against_best
    if found is None:
        return "the best"
    return f"{text.signed(found.difference)} (p {finding.p:.2g})"


def _share(value: float) -> str:
    return f"{value:.0%}"


def _range(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
