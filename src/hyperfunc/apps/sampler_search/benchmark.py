"""Exported settings against each other, on prompts and under luck that no search has seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.evaluation.statistics import holm
from hyperfunc.ledger import Ledger

from .evidence import Scored, best_chances, interval_of, paired
from .families import Setting, neutral_setting
from .probing import fitting_families, knowledge_of
from .prompts import prompts_for
from .retest import measure_settings
from .servers import opened

__all__ = ["Benchmark", "Row", "benchmark"]

_FRESH = 2_000_003
"""Luck that neither a search nor its retest had."""


@dataclass(frozen=True, slots=True)
class Row:
    """A setting in a benchmark.

    Args:
        name: in the file.
        setting: itself.
        mean: score from 0 to 10; ``None`` where nothing could be scored.
        interval: of the mean, 95 %.
        p_best: how likely it is the best of the table; ``None`` where single texts do not say.
        against: difference to the first row with ``difference_interval`` and ``p_holm``.
    """

    name: str
    setting: Setting
    mean: float | None
    interval: list[float] | None
    p_best: float | None
    against: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Rows, the best first, with what they were measured on."""

    rows: tuple[Row, ...]
    model: str
    judge: str | None
    prompts: tuple[str, ...]
    samples: int


def benchmark(
    presets: Mapping[str, Setting],
    *,
    model: str = "local/prose",
    judge: str | None = None,
    prompts: Sequence[str] = (),
    samples: int = 4,
    max_length: int = 48,
    seed: int = 0,
    ledger: Ledger,
) -> Benchmark:
    """Measure settings on fresh prompts and seeds, with the model's own distribution beside them.

    Args:
        presets: settings by name, from :func:`~hyperfunc.apps.sampler_search.presets.read_presets`.
        model: that writes; see :class:`~hyperfunc.apps.sampler_search.config.SearchConfig`.
        judge: model that judges; ``None`` for the automatic measures.
        prompts: to write on; those of the retest by default.
        samples: texts for each prompt.
        max_length: longest text in tokens.
        seed: of the luck, which is none that a search with this seed had.
        ledger: where texts are kept.

    Returns:
        The table.

    Raises:
        ModelError: the model is not there, or its server ignores a parameter of a setting.
    """
    with opened(model) as server:
        known = knowledge_of(server, ledger.path.parent / "probes")
        families = dict.fromkeys(s.sampler for s in presets.values() if s.sampler != "none")
        fitting_families(known, tuple(families), chosen=True)
        chosen = tuple(prompts) or prompts_for(server.embedded)[1]
        named = _once({**presets, "neutral": neutral_setting()})
        scored, _ = measure_settings(
            list(named.values()), server.model, chosen, samples, max_length, judge, seed + _FRESH, ledger
        )
    rows = _rows(dict(zip(named, scored, strict=True)), seed)
    return Benchmark(rows, model, judge, chosen, samples)


def _once(presets: Mapping[str, Setting]) -> dict[str, Setting]:
    """Each setting under its first name: the best of all is the best of its family, too."""
    kept: dict[str, Setting] = {}
    for name, setting in presets.items():
        if setting not in kept.values():
            kept[name] = setting
    return kept


def _rows(scored: Mapping[str, Scored], seed: int) -> tuple[Row, ...]:
    order = sorted(scored, key=lambda name: -(scored[name].mean or 0.0))
    chances = dict(zip(order, best_chances([scored[name] for name in order], seed), strict=True))
    found = {name: paired(scored[name], scored[order[0]], seed) for name in order[1:]}
    compared = {name: row for name, row in found.items() if row is not None}
    p_values = holm([row["p"] for row in compared.values()]).tolist() if compared else []
    against = {n: {**row, "p_holm": p} for (n, row), p in zip(compared.items(), p_values, strict=True)}
    return tuple(
        Row(n, scored[n].setting, scored[n].mean, interval_of(scored[n], seed), chances[n], against.get(n))
        for n in order
    )
