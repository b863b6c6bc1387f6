"""A missed goal fails, a figure that was not measured says so, and figures mean what they say."""

from __future__ import annotations

import math

import pytest
from benchmarks.reflective.curves import HORIZON, Curve
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


@pytest.mark.parametrize(("unit", "judged"), [("µs", False), ("x", False), ("calls", True), ("", True)])
def test_times_and_speeds_may_be_shown_without_being_judged(
    unit: str, judged: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(table: Table) -> None:
        table.add("figure", 99.0, unit, at_most=40)

    assert run("engine", measure, []) == 1
    assert run("engine", measure, ["--any-speed"]) == int(judged)
    assert capsys.readouterr().out.count("MISS") == 2, "it is shown all the same"


def test_a_curve_is_read_as_a_step_function() -> None:
    curve = Curve(((0, 0.0, 0.0), (500, 1.0, 0.5), (1000, 2.0, 0.9), (2100, 3.0, 1.0)), oracle=1.0)
    assert [curve.at(calls) for calls in (0, 499, 500, 1000, HORIZON)] == [0.0, 0.0, 0.5, 0.9, 0.9]
    assert curve.area == pytest.approx((500 * 0.0 + 500 * 0.5 + 1000 * 0.9) / HORIZON)
    assert (curve.calls_to(0.5), curve.seconds_to(0.8)) == (500, 2.0)
    assert curve.calls_to(1.1) == math.inf
