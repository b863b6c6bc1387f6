"""Cells, ledger and server keep the same books while half of all requests fail."""

from __future__ import annotations

import pytest
from benchmarks.models.faults import run_against_faults


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_every_call_is_accounted_for_and_none_is_counted_twice(seed: int) -> None:
    found = run_against_faults(150, seed)
    assert found.answered + found.missing == found.calls
    assert found.answered == found.calls
    assert (found.twice, found.astray, found.tokens_off, found.uncounted) == (0, 0, 0, 0)
    assert found.dollars_off < 1e-9
    assert found.failed > 75
