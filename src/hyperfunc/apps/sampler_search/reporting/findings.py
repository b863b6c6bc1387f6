"""What is concluded from a search, as records that every format shows."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfunc.evaluation.statistics import Interval

from .comparing import Comparison
from .importance import Effect
from .posterior import Surface
from .records import Search, Setting

__all__ = ["Analysis", "Components", "Family", "Finding", "Recommendation"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One setting with what is known of it.

    Args:
        setting: with its texts.
        interval: of its mean score, prompts kept together.
        expected: posterior mean, which noise has been taken out of.
        p_best: the chance to be the best of those tried.
        against_best: it minus the best; ``None`` for the best itself.
        p: of that difference after Holm; 1 for the best itself.
        in_region: not significantly worse than the best.
    """

    setting: Setting
    interval: Interval
    expected: float
    p_best: float
    against_best: Comparison | None
    p: float
    in_region: bool


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """All settings of one sampler.

    Args:
        name: of the sampler.
        settings, texts: how many.
        interval: of the mean over its texts, prompts kept together.
        best: the setting with the highest posterior mean.
        p_best: the chance that the best of all is one of these.
        effects: what each parameter explains of the surface; empty without one.
        surface: the surrogate, or ``None`` with too few settings.
        region: for each number that varies, the least and greatest value of its settings in the region.
    """

    name: str
    settings: int
    texts: int
    interval: Interval
    best: Finding
    p_best: float
    effects: tuple[Effect, ...]
    surface: Surface | None
    region: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Components:
    """Where the spread of scores comes from, as standard deviations; ``None`` where the texts cannot tell.

    Args:
        setting: between the true means of settings.
        prompt: between the true means of prompts.
        text: between texts of one setting and prompt.
        noise_share: how much of the variance among the settings' means is noise, in [0, 1].
    """

    setting: float | None
    prompt: float | None
    text: float | None
    noise_share: float | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to use.

    Args:
        winner: whether the setting was shown to be better than what it was compared with.
        finding: the setting.
        why: the reason, in one or two sentences.
    """

    winner: bool
    finding: Finding
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """Everything a report of a search shows.

    Args:
        search: what was read.
        findings: every setting, the highest posterior mean first.
        families: the one with the best setting first.
        components: where the spread comes from.
        recommendation: what to use, and whether it is a winner.
        overview: names and values.
        warnings: what a reader has to know before trusting the numbers.
        scale: what scores are out of: 1, 10 or 100, as far as they show.
    """

    search: Search
    findings: tuple[Finding, ...]
    families: tuple[Family, ...]
    components: Components
    recommendation: Recommendation
    overview: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    scale: float

    @property
    def region(self) -> tuple[Finding, ...]:
        """The settings that are not significantly worse than the best."""
        return tuple(finding for finding in self.findings if finding.in_region)
