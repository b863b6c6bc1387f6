"""The order of answers depends on what was asked, never on when answers came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc.runs.clock import Clock


def test_cells_are_filled_by_all_workers() -> None:
    clock = Clock(4, 10.0)
    assert clock.cells(4) == 1.0
    assert clock.cells(6) == 3.0
    assert clock.load == 2.5


def test_what_needs_no_new_cell_is_over_at_once() -> None:
    clock = Clock(4, 10.0)
    clock.cells(400)
    assert clock.cells(0) == 0.0


def test_a_consultation_takes_a_worker_for_each_request() -> None:
    clock = Clock(2, 10.0)
    clock.cells(4)
    assert clock.consultation(3) == 22.0
    assert clock.load == pytest.approx((22.0 + 12.0) / 2)


def test_a_consultation_without_requests_is_over_at_once() -> None:
    clock = Clock(1, 10.0)
    clock.cells(100)
    assert clock.consultation(0) == 0.0


def test_time_that_passed_is_no_load() -> None:
    clock = Clock(2, 10.0)
    clock.cells(8)
    clock.now = 3.0
    assert clock.load == pytest.approx(1.0)
    clock.now = 50.0
    assert clock.load == 0.0
    assert clock.cells(2) == 51.0


@given(st.integers(1, 8), st.lists(st.integers(0, 20), max_size=10))
def test_no_worker_is_idle_while_cells_wait(workers: int, asks: list[int]) -> None:
    clock = Clock(workers, 10.0)
    last = 0.0
    for count in asks:
        last = max(last, clock.cells(count))
    total = sum(asks)
    assert last == -(-total // workers)
