"""What to use, and whether it was shown to be better."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hyperfunc.analysis.report import text
from hyperfunc.apps.sampler_search.verdict import LEVEL, Verdict, verdict
from hyperfunc.errors import MetricError
from hyperfunc.evaluation.statistics import needed_examples

from .adjusting import Means
from .findings import Finding, Recommendation
from .records import Retest, Search

__all__ = ["recommend"]


def recommend(search: Search, findings: Sequence[Finding], means: Means) -> Recommendation:
    """A winner where one was shown, else the setting with the highest posterior mean and why it is none.

    A retest on held-out prompts decides when the search made one, because the search's own scores chose
    the setting. Without, a winner must be better than every other setting after Holm's correction.

    Args:
        search: with its retest, if any.
        findings: the best first.
        means: with the noise of a text.

    Returns:
        The recommendation.

    Example::

        recommend(search, found.findings, adjusted(search.settings)).winner
    """
    best = findings[0]
    if search.retest and search.retest.p is not None:
        return _by_retest(search.retest, findings)
    if len(findings) == 1:
        return Recommendation(False, best, "No winner: only one setting was tried, so nothing was compared.")
    alike = sum(finding.in_region for finding in findings)
    if alike == 1:
        why = (
            f"It is better than each of the {len(findings) - 1} other settings that were tried "
            f"(Holm, {100 * LEVEL:.0f} %). It was not tested again on new prompts."
        )
        return Recommendation(True, best, why)
    why = (
        f"No winner: {alike} of {len(findings)} settings, this one included, are not told apart at "
        f"{100 * (1 - LEVEL):.0f} %.{_more(findings, means)}"
    )
    return Recommendation(False, best, why)


def _more(findings: Sequence[Finding], means: Means) -> str:
    """How many texts would tell the best from the next."""
    variance, freedom = means.text
    gap = findings[0].expected - findings[1].expected
    if not freedom or variance <= 0 or gap <= 1e-9:
        return ""
    try:
        needed = needed_examples(gap, deviation=math.sqrt(2 * variance))
    except MetricError:
        return ""
    if needed > 1_000_000:
        return " They are alike as far as any affordable number of texts could tell."
    return f" Telling it from the next best would take about {needed:,} texts of each."


def _by_retest(retest: Retest, findings: Sequence[Finding]) -> Recommendation:
    chosen = next((f for f in findings if _same(f, retest)), findings[0])
    searched, again = text.score(chosen.setting.mean), text.score(retest.mean)
    measured = f"{searched} in the search, {again} on held-out prompts with fresh seeds"
    difference = retest.difference or 0.0
    versus = f"{text.signed(difference)} against the runner-up there (p = {retest.p:.2g} after Holm)"
    assert retest.p is not None
    found = verdict(difference, retest.p, retest.difference_interval, retest.gain, retest.gain_p)
    plain = _against_neutral(retest)
    if found is Verdict.HELD:
        return Recommendation(True, chosen, f"It scored {measured}: {versus}.{plain}")
    said = {
        Verdict.OPEN: "; the retest does not tell them apart",
        Verdict.LOST: "; the runner-up was better there, so the search's choice did not hold",
        Verdict.NEUTRAL: "",
    }[found]
    return Recommendation(False, chosen, f"No winner: {measured}, which is {versus}{said}.{plain}")


def _against_neutral(retest: Retest) -> str:
    """What the model's own distribution scored there, and how this setting compares."""
    if retest.neutral is None or retest.gain is None or retest.gain_p is None:
        return ""
    side = "better" if retest.gain > 0 else "worse"
    return (
        f" Temperature 1 with nothing cut off scored {text.score(retest.neutral)} there: this setting is "
        f"{side if retest.gain_p <= LEVEL else 'not told apart'} ({text.signed(retest.gain)}, "
        f"p = {retest.gain_p:.2g} after Holm)."
    )


def _same(finding: Finding, retest: Retest) -> bool:
    family = retest.family in ("", finding.setting.family)
    return family and dict(finding.setting.parameters) == dict(retest.parameters)
