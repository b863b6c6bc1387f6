"""A missed goal fails, and a figure that was not measured says so."""

from __future__ import annotations

import pytest
from benchmarks.report_table import Row, Table, run


@pytest.mark.parametrize(
    ("row", "missed"),
    [
        (Row("speed-up", 9.0, "x", at_least=10), True),
        (Row("speed-up", 10.0, "x", at_least=10), False),
        (Row("cost", 41.0, "µs", at_most=40), True),
        (Row("cost", 40.0, "µs", at_most=40), False),
        (Row("cost", float("nan"), "µs", at_most=40), True),
        (Row("figure without a goal", 3.0), False),
        (Row("nothing here", None, at_least=10), False),
    ],
)
def test_a_goal_is_missed_or_met(row: Row, missed: bool) -> None:
    assert row.missed is missed


def test_the_table_shows_figures_beside_goals(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(table: Table) -> None:
        table.add("parked call", 12.0 if table.quick else 99.0, "µs", at_most=40)
        table.not_measured("on a GPU", "this machine has none")

    assert run("engine", measure, ["--quick"]) == 0
    shown = capsys.readouterr().out
    assert "engine" in shown
    assert "parked call         12 µs  ≤ 40 µs  ok" in shown
    assert "on a GPU     not measured" in shown
    assert run("engine", measure, []) == 1
    assert "MISS" in capsys.readouterr().out
