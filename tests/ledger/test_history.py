from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger


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


def test_events_come_back_in_order(ledger: Ledger) -> None:
    for i in range(5):
        ledger.add_event("run", "step" if i % 2 else "warning", {"i": i})
    ledger.add_event("other", "step", {})
    events = ledger.events("run")
    assert [event.payload["i"] for event in events] == [0, 1, 2, 3, 4]
    assert [event.seq for event in events] == sorted(event.seq for event in events)
    assert [event.payload["i"] for event in ledger.events("run", "step")] == [1, 3]
    assert ledger.events("run", "none") == ()


def test_looks_are_counted_by_what_was_looked_at(ledger: Ledger) -> None:
    for version in ("v1", "v2", "v1", None):
        ledger.add_event("run", "look", {"version": version, "before": 0})
    assert [ledger.looks_at(version) for version in ("v1", "v2", "v3", None)] == [2, 1, 0, 0]


def test_python_objects_are_never_pickled(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="cannot keep event 'step' of run run"):
        ledger.add_event("run", "step", {"x": np.zeros(2)})


def test_stats_say_how_much_there_is(filed: Ledger) -> None:
    filed.put_call("key", "route", b"x" * 1000)
    stats = filed.stats()
    assert stats.path == str(filed.path)
    assert stats.rows["calls"] == 1
    assert stats.rows["cells"] == stats.content_bytes["cells"] == 0
    assert stats.content_bytes["calls"] == 1000
    assert stats.file_bytes > 1000


def test_a_document_that_was_broken_is_one_sentence(filed: Ledger) -> None:
    filed.add_event("run", "step", {"i": 1})
    filed.flush()
    with sqlite3.connect(filed.path) as db:
        db.execute("UPDATE events SET payload = '{\"i\": 0'")
    db.close()
    with pytest.raises(LedgerError, match="cannot read a document of the ledger"):
        filed.events("run")
