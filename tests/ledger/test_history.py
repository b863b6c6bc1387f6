from __future__ import annotations

import io
import sqlite3

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger

ARRAYS = hnp.arrays(
    st.sampled_from(["f4", "f8", ">f8", "i8", "u1", "?", "U3", "c16"]),
    hnp.array_shapes(min_dims=0, min_side=0),
)


def test_candidates_keep_their_origin(ledger: Ledger) -> None:
    ledger.put_candidate("run", {"route.prompt": "Say."}, "id1", (), "start")
    ledger.put_candidate("run", {"route.prompt": "Say it."}, "id2", ("id1",), "step 1")
    ledger.put_candidate("later", {"route.prompt": "Say it."}, "id2", (), "start")
    child = ledger.get_candidate("id2")
    assert child is not None
    assert (child.run_id, child.value, child.parents, child.born) == (
        "run", {"route.prompt": "Say it."}, ("id1",), "step 1",
    )  # fmt: skip
    assert [row.id for row in ledger.candidates("run")] == ["id1", "id2"]
    assert [row.born for row in ledger.candidates("later")] == ["start"]
    assert ledger.get_candidate("id3") is None


def test_steps_come_back_in_order_with_their_scores(ledger: Ledger) -> None:
    scores_KN = np.array([[0.5, np.nan], [1.0, 0.0]], dtype=np.float32)
    ledger.put_step("run", 1, "digest1", np.array([0.25]), {})
    ledger.put_step("run", 0, "digest0", scores_KN, {"note": "edit", "best": float("inf")})
    first, second = ledger.steps("run")
    assert (first.step, first.digest, first.note) == (0, "digest0", {"note": "edit", "best": float("inf")})
    assert first.scores.dtype == np.float32
    np.testing.assert_array_equal(first.scores, scores_KN)
    assert (second.step, second.digest, second.scores.tolist()) == (1, "digest1", [0.25])
    assert ledger.get_step("run", 2) is None
    assert ledger.steps("other") == ()


def test_a_step_that_is_there_stays(ledger: Ledger) -> None:
    ledger.put_step("run", 0, "first", np.zeros(1), {})
    ledger.put_step("run", 0, "second", np.ones(1), {})
    step = ledger.get_step("run", 0)
    assert step is not None
    assert (step.digest, step.scores.tolist()) == ("first", [0.0])


def test_events_come_back_in_order(ledger: Ledger) -> None:
    for i in range(5):
        ledger.add_event("run", "step" if i % 2 else "warning", {"i": i})
    ledger.add_event("other", "step", {})
    events = ledger.events("run")
    assert [event.payload["i"] for event in events] == [0, 1, 2, 3, 4]
    assert [event.seq for event in events] == sorted(event.seq for event in events)
    assert [event.payload["i"] for event in ledger.events("run", "step")] == [1, 3]
    assert ledger.events("run", "none") == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.dictionaries(st.text(), ARRAYS, max_size=3))
def test_any_arrays_come_back_unchanged(ledger: Ledger, arrays: dict[str, np.ndarray]) -> None:
    ledger.put_state("run", "optimizer", {"step": 3}, arrays)
    state = ledger.get_state("run", "optimizer")
    assert state is not None
    assert state.value == {"step": 3}
    assert list(state.arrays) == list(arrays)
    for name, array in arrays.items():
        assert state.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(state.arrays[name], array)


def test_the_latest_state_counts(ledger: Ledger) -> None:
    for step in range(3):
        ledger.put_state("run", "optimizer", step, {"mean": np.full(2, step)})
    state = ledger.get_state("run", "optimizer")
    assert state is not None
    assert (state.value, state.arrays["mean"].tolist()) == (2, [2, 2])
    assert ledger.get_state("run", "other") is None
    assert ledger.stats().rows["states"] == 1


def test_python_objects_are_never_pickled(ledger: Ledger) -> None:
    with pytest.raises(
        LedgerError, match="array 'mean' of state 'optimizer' of run run: it holds Python objects"
    ):
        ledger.put_state("run", "optimizer", {}, {"mean": np.array([object()])})
    with pytest.raises(LedgerError, match="cannot keep event 'step' of run run"):
        ledger.add_event("run", "step", {"x": np.zeros(2)})


def test_a_pickle_in_the_file_is_not_loaded(filed: Ledger) -> None:
    stream = io.BytesIO(b'["mean"]\n')
    stream.seek(0, io.SEEK_END)
    np.save(stream, np.array([object()]), allow_pickle=True)
    filed.put_state("run", "optimizer", {}, {"mean": np.zeros(1)})
    filed.flush()
    with sqlite3.connect(filed.path) as db:
        db.execute("UPDATE states SET arrays = ?", (stream.getvalue(),))
    db.close()
    with pytest.raises(LedgerError, match=r"cannot read an array of the ledger: .*allow_pickle=False"):
        filed.get_state("run", "optimizer")


def test_stats_say_how_much_there_is(filed: Ledger) -> None:
    filed.put_call("key", "route", b"x" * 1000)
    stats = filed.stats()
    assert stats.path == str(filed.path)
    assert stats.rows["calls"] == 1
    assert stats.rows["cells"] == stats.content_bytes["cells"] == 0
    assert stats.content_bytes["calls"] == 1000
    assert stats.file_bytes > 1000
