"""Labels: what counts as equal, and that a wrong label is told from what is none."""

from __future__ import annotations

import pytest

from hyperfunc import ClassificationAccuracy
from hyperfunc.errors import MetricError

TEAMS = ("billing", "shipping")


@pytest.mark.parametrize(
    ("scorer", "output", "expected", "score"),
    [
        (ClassificationAccuracy(), "Billing.", "billing", 1.0),
        (ClassificationAccuracy(), ' "billing"\n', "Billing", 1.0),
        (ClassificationAccuracy(case_sensitive=True), "Billing", "billing", 0.0),
        (ClassificationAccuracy(), "not billing", "billing", 0.0),
        (ClassificationAccuracy(), 1, "1", 1.0),
        (ClassificationAccuracy(), True, 1, 0.0),
        (ClassificationAccuracy(), None, "none", 0.0),
        (ClassificationAccuracy(), ["billing"], "billing", 0.0),
        (ClassificationAccuracy(), "  ", "billing", 0.0),
    ],
)
def test_values(scorer: ClassificationAccuracy, output: object, expected: object, score: float) -> None:
    assert scorer.score(output, expected, {}).score == score


def test_a_wrong_label_and_no_label_get_different_feedback() -> None:
    scorer = ClassificationAccuracy(TEAMS)
    assert scorer.score("shipping", "billing", {}).feedback == "got 'shipping', expected 'billing'"
    assert scorer.score("both", "billing", {}).feedback == (
        "got 'both', expected 'billing'; only the labels 'billing', 'shipping' exist"
    )
    assert scorer.score([], "billing", {}).feedback == "the prediction is no label: []; expected 'billing'"


def test_wrong_labels_are_errors() -> None:
    with pytest.raises(MetricError, match="none of the labels 'billing', 'shipping'"):
        ClassificationAccuracy(TEAMS).score("billing", "tech", {})
    with pytest.raises(MetricError, match="expects None, which is no label"):
        ClassificationAccuracy().score("billing", None, {})
    with pytest.raises(MetricError, match="is one text"):
        ClassificationAccuracy("billing")
    with pytest.raises(MetricError, match="'' is no label"):
        ClassificationAccuracy(("billing", ""))
