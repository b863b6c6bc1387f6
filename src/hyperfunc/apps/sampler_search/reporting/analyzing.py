"""From texts and their scores to what may be claimed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hyperfunc.apps.sampler_search.verdict import LEVEL
from hyperfunc.errors import EvidenceError, MetricError
from hyperfunc.evaluation.statistics import Interval, holm, mean_interval, variance_components

from .adjusting import Means, adjusted
from .comparing import compare
from .findings import Analysis, Components, Family, Finding
from .importance import effects
from .overview import caveats, overview
from .posterior import Beliefs, axes_of, beliefs
from .recommending import recommend
from .records import Search, Setting, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["analysis"]

_RESAMPLES = 1000


def analysis(search: Search) -> Analysis:
    """What a search found out: families, importance, the region of the best, chances, a recommendation.

    Args:
        search: from :func:`read_results`.

    Returns:
        The analysis; the order of entries in the files does not change it.

    Raises:
        EvidenceError: the search has no settings.

    Example::

        found = analysis(read_results(paths))
        print(found.recommendation.why)

    Source: the best is the highest posterior mean of a Gaussian process on all means; the region are the
    settings that a paired test with Holm's correction does not tell from it.
    """
    if not search.settings:
        raise EvidenceError("the search has no settings to analyze; read files with results")
    settings = search.settings
    scale = _scale(settings)
    means = adjusted(settings)
    believed = beliefs(settings, means)
    findings = _findings(search, means, believed, scale)
    families = _families(findings, believed, scale)
    components = _components(settings, means)
    recommendation = recommend(search, findings, means)
    return Analysis(
        search=search,
        findings=findings,
        families=families,
        components=components,
        recommendation=recommendation,
        overview=overview(search, findings),
        warnings=(*search.warnings, *caveats(search, findings)),
        scale=scale,
    )


def _scale(settings: Sequence[Setting]) -> float:
    """1, 10 or 100: the smallest that holds all scores, which bounds what an unseen prompt may do."""
    largest = max(abs(text.score) for setting in settings for text in setting.texts)
    return next((scale for scale in (1.0, 10.0, 100.0) if largest <= scale), largest)


def _findings(search: Search, means: Means, believed: Beliefs, scale: float) -> tuple[Finding, ...]:
    settings = search.settings
    order = sorted(
        range(len(settings)),
        key=lambda s: (-round(float(believed.mean_S[s]), 9), -round(float(means.mean_S[s]), 9), s),
    )
    best = settings[order[0]]
    against = [compare(settings[place], best, means.text) for place in order[1:]]
    p_values = [1.0, *(holm([c.p for c in against]).tolist() if against else [])]
    chances = _chances(settings, believed)
    return tuple(
        Finding(
            setting=settings[place],
            interval=_interval(settings[place].texts, scale),
            expected=float(believed.mean_S[place]),
            p_best=chances[place],
            against_best=None if rank == 0 else against[rank - 1],
            p=p_values[rank],
            in_region=rank == 0 or p_values[rank] > LEVEL or against[rank - 1].difference > 0,
        )
        for rank, place in enumerate(order)
    )


def _chances(settings: Sequence[Setting], believed: Beliefs) -> list[float]:
    """As the search had them when it had them all, else from our own surfaces."""
    recorded = [setting.p_best for setting in settings if setting.p_best is not None]
    if len(recorded) == len(settings) and 0.99 < sum(recorded) < 1.01:
        return recorded
    return [float(p) for p in believed.p_best_S]


def _interval(texts: Sequence[Text], scale: float) -> Interval:
    """Of the mean, on the scale of the scores; prompts kept together where there are several."""
    prompts = [text.prompt for text in texts]
    groups = prompts if "" not in prompts and len(set(prompts)) > 1 else None
    scores_N = np.array([text.score for text in texts]) / scale
    found = mean_interval(scores_N, groups=groups, resamples=_RESAMPLES)
    return Interval(found.low * scale, found.high * scale, found.estimate * scale, found.level, found.method)


def _families(findings: Sequence[Finding], believed: Beliefs, scale: float) -> tuple[Family, ...]:
    names = dict.fromkeys(finding.setting.family for finding in findings)
    return tuple(
        _family([f for f in findings if f.setting.family == name], believed, scale) for name in names
    )


def _family(findings: Sequence[Finding], believed: Beliefs, scale: float) -> Family:
    name = findings[0].setting.family
    settings = sorted((f.setting for f in findings), key=lambda setting: str(setting.parameters))
    texts = sorted(text for setting in settings for text in setting.texts)
    surface = believed.surfaces.get(name)
    region = [finding.setting.numbers() for finding in findings if finding.in_region]
    ranges = {}
    for axis in axes_of(settings) if region else ():
        inside = [numbers[axis.name] for numbers in region if axis.name in numbers]
        if inside:
            ranges[axis.name] = (min(inside), max(inside))
    return Family(
        name=name,
        settings=len(settings),
        texts=len(texts),
        interval=_interval(texts, scale),
        best=findings[0],
        p_best=min(1.0, math.fsum(finding.p_best for finding in findings)),
        effects=effects(surface.surrogate, surface.axes) if surface else (),
        surface=surface,
        region=ranges,
    )


def _components(settings: Sequence[Setting], means: Means) -> Components:
    scores_N = np.array([text.score for setting in settings for text in setting.texts])
    setting_N = [place for place, setting in enumerate(settings) for _ in setting.texts]
    prompts = [text.prompt for setting in settings for text in setting.texts]
    between, within = _two(scores_N, setting_N)
    prompt, text = None, within
    if "" not in prompts and len(set(prompts)) > 1:
        rest_N = scores_N - np.array([settings[s].mean for s in setting_N])
        prompt, text = _two(rest_N, prompts)
    share = None
    spread = float(means.mean_S.var(ddof=1)) if len(settings) > 1 else 0.0
    if means.variance_S is not None and spread > 0:
        share = min(1.0, float(means.variance_S.mean()) / spread)
    return Components(between, prompt, text, share)


def _two(values_N: NDArray[np.float64], groups: Sequence[object]) -> tuple[float | None, float | None]:
    """Standard deviations between and within groups, where the values can show them."""
    try:
        found = variance_components(values_N, groups)
    except MetricError:
        return None, None
    return math.sqrt(found.item), math.sqrt(found.repeat)
