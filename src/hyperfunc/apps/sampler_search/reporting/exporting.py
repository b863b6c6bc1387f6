"""The best settings as YAML, for people and for ``hyperfunc sampler benchmark``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from hyperfunc.types import JSON

from .findings import Analysis, Finding
from .servers import exports

__all__ = ["export_yaml"]


def export_yaml(analysis: Analysis) -> str:
    """The best setting of all, the best of each family, and the search they come from.

    Args:
        analysis: of a search.

    Returns:
        YAML with ``best_overall``, ``best_by_sampler`` (``description``, ``sampler``, ``parameters``,
        ``performance``), ``search_metadata``, and ``servers``: what to send to each server for the best.

    Example::

        Path("best.yaml").write_text(export_yaml(found), encoding="utf-8")
    """
    recommended = analysis.recommendation
    best = recommended.finding
    retest = analysis.search.retest
    overall = _entry(best, "Best setting of the search")
    overall |= {"winner": recommended.winner, "why": recommended.why}
    if retest is not None:
        overall["performance"]["retest_mean_score"] = retest.mean
        if retest.interval is not None:
            overall["performance"]["retest_interval"] = list(retest.interval)
    whole = {
        "best_overall": overall,
        "best_by_sampler": {
            family.name: _entry(family.best, f"Best {family.name} setting of the search")
            for family in analysis.families
        },
        "search_metadata": dict(analysis.search.metadata)
        or {"total_configurations": len(analysis.findings), "files": list(analysis.search.sources)},
        "servers": _servers(best.setting.parameters),
    }
    return str(yaml.safe_dump(_plain(whole), sort_keys=False, allow_unicode=True))


def _entry(finding: Finding, description: str) -> dict[str, Any]:
    setting, interval = finding.setting, finding.interval
    return {
        "description": description,
        "sampler": setting.family,
        "parameters": dict(setting.parameters),
        "performance": {
            "mean_score": setting.mean,
            "std_score": setting.deviation,
            "interval": [interval.low, interval.high],
            "sample_count": len(setting.texts),
            "expected_score": finding.expected,
            "p_best": finding.p_best,
        },
    }


def _servers(parameters: Mapping[str, JSON]) -> dict[str, Any]:
    numbers = {n: v for n, v in parameters.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return {
        server: {"parameters": export.payload, "warnings": list(export.warnings)}
        for server, export in exports(numbers).items()
    }


def _plain(value: Any) -> Any:
    """Made of what YAML has: a value of any other kind becomes its text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
