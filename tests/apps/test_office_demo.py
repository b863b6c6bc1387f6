"""The demo is a program like any other: it says what it is, and a second run pays nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from hyperfunc.apps.demo import office_data as office
from hyperfunc.apps.demo import office_demo as demo
from hyperfunc.evaluation.metrics import as_metric
from hyperfunc.execution.shelf import metric_fingerprint


def test_the_prompts_start_as_a_hurried_engineer_wrote_them() -> None:
    start = demo.Office().candidate
    assert {s: start[f"{s}.prompt"] for s in office.STEPS} == {
        s: office.NAIVE[s].prompt for s in office.STEPS
    }


def test_the_program_is_the_same_before_and_after_it_ran() -> None:
    system = demo.Office()
    before = system.program().fingerprint, metric_fingerprint(as_metric(demo.judged))
    system.evaluate(demo.examples("train", 2), demo.judged)
    demo.examples("train", 9)
    assert (system.program().fingerprint, metric_fingerprint(as_metric(demo.judged))) == before


@pytest.mark.slow
def test_a_second_run_pays_nothing_and_finds_the_same(tmp_path: Path) -> None:
    first = demo.run(seed=3, budget="150 calls", ledger=tmp_path)
    second = demo.run(seed=3, budget="150 calls", ledger=tmp_path)
    assert 0 < first.paid_calls <= 150
    assert second.paid_calls == 0
    assert second.winner == first.winner
    assert second.score_start == first.score_start
    assert second.warnings == first.warnings
    assert [r.note for r in second.history] == [r.note for r in first.history]
