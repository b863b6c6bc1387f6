"""What the scores of texts say: intervals, chances, and the test of winner and runner-up on new prompts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import (
    holm,
    mean_interval,
    paired_interval,
    variance_components,
    within_group_p,
)
from hyperfunc.rng import generator
from hyperfunc.types import Cell

from .families import Setting
from .measures import SCALE, text_scores
from .verdict import Verdict, verdict

__all__ = ["Scored", "best_chances", "interval_of", "paired", "retested", "scored_cells", "spread"]

_DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Scored:
    """A setting with the score of each of its texts.

    Args:
        setting: that made them.
        scores: on the scale of 0 to 10; ``None`` where missing.
        prompts: index of the prompt of each.
        takes: which text of its prompt each is.
    """

    setting: Setting
    scores: tuple[float | None, ...]
    prompts: tuple[int, ...]
    takes: tuple[int, ...]

    @property
    def known(self) -> list[tuple[float, int]]:
        """Scores that are there, with the prompt of each."""
        return [(s, p) for s, p in zip(self.scores, self.prompts, strict=True) if s is not None]

    @property
    def mean(self) -> float | None:
        """The score of the setting."""
        values = [score for score, _ in self.known]
        return math.fsum(values) / len(values) if values else None

    @property
    def deviation(self) -> float:
        """The standard deviation of the texts."""
        values = [score for score, _ in self.known]
        return float(np.std(values)) if values else 0.0


def scored_cells(setting: Setting, cells: Sequence[Cell], prompts: int, judge: str | None) -> Scored:
    """A setting with the scores of its cells, which go through all prompts take by take."""
    return Scored(
        setting,
        tuple(text_scores(cells, judge)),
        tuple(place % prompts for place in range(len(cells))),
        tuple(place // prompts for place in range(len(cells))),
    )


def interval_of(scored: Scored, seed: int) -> list[float] | None:
    """The 95 % interval of the mean, prompts kept together; ``None`` without a score."""
    if not scored.known:
        return None
    scores, prompts = zip(*scored.known, strict=True)
    found = mean_interval(np.array(scores) / SCALE, groups=prompts, seed=seed)
    return [found.low * SCALE, found.high * SCALE]


def paired(one: Scored, other: Scored, seed: int) -> dict[str, Any] | None:
    """The difference of two settings on the same prompts and takes, with its interval and p-value."""
    pairs = [
        (a - b, prompt)
        for a, b, prompt in zip(one.scores, other.scores, one.prompts, strict=True)
        if a is not None and b is not None
    ]
    if not pairs:
        return None
    differences, prompts = zip(*pairs, strict=True)
    scaled = np.array(differences) / SCALE
    interval = paired_interval(scaled, groups=prompts, seed=seed)
    return {
        "difference": float(scaled.mean() * SCALE),
        "difference_interval": [interval.low * SCALE, interval.high * SCALE],
        "p": within_group_p(scaled, groups=prompts, seed=seed),
    }


def best_chances(all_scored: Sequence[Scored], seed: int) -> list[float | None]:
    """How likely each setting is the best of them, over prompts like these: the paired bootstrap of prompts.

    Over a single prompt its texts are drawn instead, which speaks of this prompt alone.

    Returns:
        A chance for each, or ``None`` for each where single texts say nothing about others.

    Source: Field and Welsh, "Bootstrapping clustered data" (2007), prompts as clusters.
    """
    units_K = [scored.prompts for scored in all_scored]
    if len({prompt for scored in all_scored for _, prompt in scored.known}) < 2:
        units_K = [scored.takes for scored in all_scored]
    units = sorted({
        unit
        for scored, each in zip(all_scored, units_K, strict=True)
        for score, unit in zip(scored.scores, each, strict=True)
        if score is not None
    })  # fmt: skip
    if len(units) < 2:
        return [None] * len(all_scored)
    sums_KP = np.zeros((len(all_scored), len(units)))
    counts_KP = np.zeros_like(sums_KP)
    for row, scored in enumerate(all_scored):
        for score, unit in zip(scored.scores, units_K[row], strict=True):
            if score is not None:
                sums_KP[row, units.index(unit)] += score
                counts_KP[row, units.index(unit)] += 1
    drawn_DP = generator(seed, "best chances").multinomial(
        len(units), np.full(len(units), 1 / len(units)), size=_DRAWS
    )
    totals_DK, numbers_DK = drawn_DP @ sums_KP.T, drawn_DP @ counts_KP.T
    means_DK = np.where(numbers_DK > 0, totals_DK / np.maximum(numbers_DK, 1), -np.inf)
    # Those that are equally good share a draw.
    first_DK = means_DK == means_DK.max(1, keepdims=True)
    return [float(share) for share in (first_DK / first_DK.sum(1, keepdims=True)).mean(0)]


def spread(scored: Scored) -> dict[str, float] | None:
    """Variances of a setting's scores between prompts and between texts of one; ``None`` if unknown."""
    if len(scored.known) < 2:
        return None
    scores, prompts = zip(*scored.known, strict=True)
    try:
        found = variance_components(np.array(scores), prompts)
    except MetricError:
        return None
    return {"prompt": found.item, "text": found.repeat}


def retested(winner: Scored, others: dict[str, Scored], seed: int) -> tuple[dict[str, Any], bool, str]:
    """What the test on new prompts says.

    Args:
        winner: of the search.
        others: what it is held against, by name; ``runner_up`` and ``neutral``.
        seed: of the resampling.

    Returns:
        The retest of the result file, whether the winner is recommended, and why.
    """
    pairs = {name: found for name, other in others.items() if (found := paired(winner, other, seed))}
    row: dict[str, Any] = {"mean_score": winner.mean, "interval": interval_of(winner, seed)}
    for name, other in others.items():
        row[name] = {
            "sampler_type": other.setting.sampler, "parameters": dict(other.setting.parameters),
            "mean_score": other.mean, "interval": interval_of(other, seed),
        }  # fmt: skip
    if winner.mean is None or "runner_up" not in pairs:
        return row, False, "the retest gave no scores"
    adjusted = holm([found["p"] for found in pairs.values()]).tolist()
    for (name, found), p in zip(pairs.items(), adjusted, strict=True):
        (row if name == "runner_up" else row[name]).update(
            difference=found["difference"], difference_interval=found["difference_interval"], p_holm=p
        )
    plain = row.get("neutral", {})
    outcome = verdict(
        row["difference"], row["p_holm"], tuple(row["difference_interval"]), plain.get("difference"),
        plain.get("p_holm"),
    )  # fmt: skip
    runner_up = others["runner_up"]
    versus = (
        f"{winner.mean:.2f} against {runner_up.mean:.2f} of the runner-up ({runner_up.setting.sampler}: "
        f"{runner_up.setting.words()}) on held-out prompts, difference {row['difference']:+.2f}, "
        f"p = {row['p_holm']:.2g} after Holm"
    )
    if outcome is Verdict.NEUTRAL:
        why = f"temperature 1 with nothing cut off was better there, by {-plain['difference']:.2f}"
        return row, False, f"{why}; the winner scored {versus}"
    if outcome is Verdict.HELD:
        return row, True, f"the winner scored {versus}"
    if outcome is Verdict.LOST:
        return row, False, f"{versus}; the runner-up was better there, so the search's choice did not hold"
    return row, False, f"{versus}; the two are not told apart"
