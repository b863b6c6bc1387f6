"""What a retest shows: both the p-value and the interval have a say, and the model's own distribution."""

from __future__ import annotations

import pytest

from hyperfunc.apps.sampler_search.verdict import Verdict, verdict


@pytest.mark.parametrize(
    ("difference", "p", "interval", "gain", "gain_p", "outcome"),
    [
        (0.4, 0.01, (0.1, 0.7), 0.5, 0.01, Verdict.HELD),
        (0.4, 0.01, None, None, None, Verdict.HELD),
        (0.4, 0.2, (0.1, 0.7), None, None, Verdict.OPEN),
        (0.4, 0.01, (-0.1, 0.9), None, None, Verdict.OPEN),
        (-0.4, 0.01, (-0.7, -0.1), 0.5, 0.01, Verdict.LOST),
        (-0.4, 0.01, (-0.9, 0.1), None, None, Verdict.OPEN),
        (0.0, 0.01, (0.0, 0.0), None, None, Verdict.OPEN),
        (0.4, 0.01, (0.1, 0.7), -0.5, 0.01, Verdict.NEUTRAL),
        (0.4, 0.01, (0.1, 0.7), -0.5, 0.2, Verdict.HELD),
    ],
)
def test_what_a_retest_shows(
    difference: float, p: float, interval: tuple[float, float] | None, gain: float | None,
    gain_p: float | None, outcome: Verdict,
) -> None:  # fmt: skip
    assert verdict(difference, p, interval, gain, gain_p) is outcome
