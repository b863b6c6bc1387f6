from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hyperfunc.errors import LedgerError
from hyperfunc.ledger import CellRow, Ledger, NewCell

KEY = ("candidate", "example", 0)
TEXTS = st.text(st.characters(exclude_categories=()))  # any code point, lone surrogates and NUL included


def put(ledger: Ledger, program: str = "program", seed: int = 0, **values: Any) -> None:
    given_values: dict[str, Any] = {
        "candidate_id": KEY[0], "example_key": KEY[1], "repeat": KEY[2], "prediction": b'"billing"',
        "failure": None, "calls": 2, "cost": 0.25, "seconds": 1.5, "scores": {"exact": (1.0, "right", b"{}")},
    }  # fmt: skip
    ledger.put_cell(program, seed, **(given_values | values))


def test_a_cell_comes_back_as_it_was_put(ledger: Ledger) -> None:
    put(ledger)
    expected = CellRow(b'"billing"', None, 2, 0.25, 1.5, 1.0, "right", b"{}")
    assert ledger.get_cells("program", 0, [KEY], "exact") == {KEY: expected}
    ledger.flush()
    assert ledger.get_cells("program", 0, [KEY], "exact") == {KEY: expected}


def test_only_what_is_there_comes_back(ledger: Ledger) -> None:
    put(ledger)
    absent = [("candidate", "example", 1), ("candidate", "other", 0), ("other", "example", 0)]
    assert set(ledger.get_cells("program", 0, [*absent, KEY], "exact")) == {KEY}
    assert ledger.get_cells("other", 0, [KEY], "exact") == {}
    assert ledger.get_cells("program", 1, [KEY], "exact") == {}
    assert ledger.get_cells("program", 0, [], "exact") == {}


def test_a_prediction_without_this_scorers_score_is_there_unjudged(ledger: Ledger) -> None:
    put(ledger)
    for scorer in ("other", None):
        row = ledger.get_cells("program", 0, [KEY], scorer)[KEY]
        assert row.prediction == b'"billing"'
        assert (row.score, row.feedback, row.details) == (None, "", None)


def test_a_second_scorer_adds_its_score(ledger: Ledger) -> None:
    put(ledger)
    ledger.flush()
    put(ledger, scores={"near": (0.5, "almost", None)})
    assert ledger.get_cells("program", 0, [KEY], "exact")[KEY].score == 1.0
    assert ledger.get_cells("program", 0, [KEY], "near")[KEY].score == 0.5


def test_the_first_prediction_stays_and_only_its_own_scores_count(ledger: Ledger) -> None:
    put(ledger)
    put(ledger, prediction=b'"tech"', scores={"exact": (0.0, "wrong", None), "near": (0.1, "", None)})
    assert ledger.get_cells("program", 0, [KEY], "exact")[KEY].score == 1.0
    row = ledger.get_cells("program", 0, [KEY], "near")[KEY]
    assert (row.prediction, row.score) == (b'"billing"', None)


def test_a_failure_is_kept_with_its_reason(ledger: Ledger) -> None:
    put(
        ledger,
        prediction=None,
        failure="KeyError: team",
        cost=None,
        scores={"exact": (0.0, "KeyError", None)},
    )
    row = ledger.get_cells("program", 0, [KEY], "exact")[KEY]
    assert (row.prediction, row.failure, row.cost, row.score) == (None, "KeyError: team", None, 0.0)


def test_any_seed_is_a_key(ledger: Ledger) -> None:
    for seed in (0, -1, 2**63, 10**40):
        put(ledger, seed=seed, calls=seed % 7)
    for seed in (0, -1, 2**63, 10**40):
        assert ledger.get_cells("program", seed, [KEY], None)[KEY].calls == seed % 7


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(TEXTS, TEXTS, st.binary(), st.floats(allow_nan=False), st.integers(0, 2**40))
def test_any_text_and_number_comes_back_unchanged(
    ledger: Ledger, failure: str, feedback: str, prediction: bytes, score: float, repeat: int
) -> None:
    program = repr((failure, feedback, prediction, score))
    put(
        ledger,
        program,
        repeat=repeat,
        failure=failure,
        prediction=prediction,
        scores={"s": (score, feedback, None)},
    )
    [row] = ledger.get_cells(program, 0, [("candidate", "example", repeat)], "s").values()
    assert (row.failure, row.prediction, row.score, row.feedback) == (failure, prediction, score, feedback)
    assert type(row.score) is float


def test_numbers_of_numpy_are_taken(ledger: Ledger) -> None:
    put(ledger, calls=np.int64(3), scores={"exact": (np.float32(0.5), "", None)})
    assert ledger.get_cells("program", 0, [KEY], "exact")[KEY].score == 0.5


@pytest.mark.parametrize(
    "values",
    [{"scores": {"s": (float("nan"), "", None)}}, {"scores": {"s": (None, "", None)}}, {"calls": None},
     {"repeat": 2**63}, {"prediction": {"a": 1}}, {"seconds": float("nan")},
     {"scores": {"s": (0.5, None, None)}}],
)  # fmt: skip
def test_a_bad_row_is_refused_and_holds_nothing_up(ledger: Ledger, values: dict[str, Any]) -> None:
    put(ledger)
    with pytest.raises(LedgerError, match=r"in the (cells|scores) of the ledger"):
        put(ledger, "bad", **values)
    put(ledger, "after")
    ledger.flush()
    assert ledger.get_cells("program", 0, [KEY], None)
    assert ledger.get_cells("after", 0, [KEY], None)
    assert not ledger.get_cells("bad", 0, [KEY], None)


def test_many_cells_at_once(ledger: Ledger) -> None:
    cells = [
        NewCell(f"c{i % 8}", f"e{i}", 0, b"1", None, 1, None, 0.0, {"s": (i / 99, "", None)})
        for i in range(99)
    ]
    ledger.put_cells("program", 0, cells)
    rows = ledger.get_cells("program", 0, [(c.candidate, c.example, 0) for c in cells], "s")
    assert [row.score for row in rows.values()] == [i / 99 for i in range(99)]


def test_more_rows_than_memory_should_hold_are_written_on_the_way(ledger: Ledger) -> None:
    cells = [NewCell("c", f"e{i}", 0, b"1", None, 1, None, 0.0, {}) for i in range(20_500)]
    ledger.put_cells("program", 0, cells)
    assert ledger.stats().rows["cells"] == 20_500


def test_any_thread_may_put_and_sees_what_it_put(ledger: Ledger) -> None:
    missing: list[tuple[int, int]] = []

    def work(worker: int) -> None:
        for i in range(60):
            key = (f"c{worker}", f"e{i}", 0)
            put(ledger, candidate_id=key[0], example_key=key[1])
            if key not in ledger.get_cells("program", 0, [key], "exact"):
                missing.append((worker, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not missing
    assert ledger.stats().rows["cells"] == 240
