"""Seals hold still while a ledger grows, and break when a row of the run is changed."""

from __future__ import annotations

import sqlite3

import pytest

from hyperfunc.ledger import Ledger, Seal

WHERE = {"program": "p", "seed": 3, "scorer": "s"}


def fill(ledger: Ledger, run: str, candidate: str = "c1", example: str = "e1") -> None:
    """What a run leaves behind, one row a table."""
    ledger.create_run(run, {"metric": "exact", "n": 40})
    ledger.put_candidate(run, {"t": 0.25}, candidate, ("c0",), "step 1")
    ledger.add_event(run, "step", {"step": 1, "best": 0.5})
    ledger.put_request(f"{run}{example}", "m", b'{"ask": 1}', b'{"answer": 2}', 3, 4, 0.5, f"{run}/1")
    ledger.put_call(f"{run} call", "f", b"10", f"{run}/1")
    cell(ledger, candidate, example)


def cell(ledger: Ledger, candidate: str, example: str, score: float | None = 0.75) -> None:
    scores = {} if score is None else {"s": (score, "3 words wrong", b'{"n": 5}')}
    ledger.put_cell(
        "p", 3, candidate, example, 0,
        prediction=b'"7"', failure=None, calls=1, cost=0.5, seconds=0.125, scores=scores,
    )  # fmt: skip


def seals(ledger: Ledger, run: str = "run", upto: dict[str, Seal] | None = None) -> dict[str, Seal]:
    return ledger.seals(run, program="p", seed=3, scorer="s", upto=upto)


def test_every_kind_of_row_is_sealed(ledger: Ledger) -> None:
    fill(ledger, "run")
    assert {name: seal.rows for name, seal in seals(ledger).items()} == {
        "run": 1, "candidates": 1, "events": 1, "requests": 1, "calls": 1, "cells": 1,
    }  # fmt: skip


def test_seals_do_not_change_when_the_ledger_grows(ledger: Ledger) -> None:
    fill(ledger, "run")
    before = seals(ledger)
    fill(ledger, "later", "c1", "e2")  # the same candidate on another example
    ledger.put_candidate("run", {"t": 0.5}, "c2", (), "step 2")
    ledger.add_event("run", "result", {"best": 1})
    ledger.add_event("run", "certificate", {})
    ledger.update_run("run", status="done")
    cell(ledger, "c2", "e1")
    assert seals(ledger, upto=before) == before
    assert seals(ledger) != before


def test_a_cell_that_is_judged_later_was_no_part_of_it(ledger: Ledger) -> None:
    fill(ledger, "run")
    cell(ledger, "c1", "e0", score=None)
    fill(ledger, "other", "c3", "e3")
    before = seals(ledger)
    assert before["cells"].rows == 1


CHANGES = [
    ("run", "UPDATE runs SET meta = replace(meta, '40', '41') WHERE id = 'run'"),
    ("run", "UPDATE runs SET created = created + 1 WHERE id = 'run'"),
    ("candidates", "UPDATE candidates SET value = replace(value, '0.25', '0.26')"),
    ("candidates", "UPDATE candidates SET parents = replace(parents, '0', '1')"),
    ("candidates", "UPDATE candidates SET born = 'step 2'"),
    ("candidates", "UPDATE candidates SET created = created + 0.001"),
    ("events", "UPDATE events SET payload = replace(payload, '0.5', '0.6')"),
    ("requests", "UPDATE requests SET response = replace(response, '2', '3')"),
    ("requests", "UPDATE requests SET request = replace(request, '1', '2')"),
    ("requests", "UPDATE requests SET cost = 0.6"),
    ("requests", "UPDATE requests SET prompt_tokens = 2"),
    ("calls", "UPDATE calls SET value = '11'"),
    ("cells", "UPDATE cells SET prediction = '\"8\"'"),
    ("cells", "UPDATE cells SET seconds = 0.126"),
    ("cells", "UPDATE cells SET cost = 0.4"),
    ("cells", "UPDATE scores SET score = 0.76"),
    ("cells", "UPDATE scores SET feedback = '4 words wrong'"),
    ("cells", "UPDATE scores SET details = '{\"n\": 6}'"),
    ("cells", "DELETE FROM cells"),
    ("requests", "DELETE FROM requests"),
]


@pytest.mark.parametrize(("table", "change"), CHANGES)
def test_a_changed_row_breaks_the_seal_of_its_table_alone(filed: Ledger, table: str, change: str) -> None:
    fill(filed, "run")
    before = seals(filed)
    filed.flush()
    with sqlite3.connect(filed.path) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(change)
    db.close()
    after = seals(filed, upto=before)
    assert [name for name in before if before[name] != after[name]] == [table]


def test_values_do_not_run_into_each_other(ledger: Ledger) -> None:
    ledger.put_candidate("run", {}, "ab", (), "c")
    ledger.put_candidate("other", {}, "a", (), "bc")
    one = ledger.seals("run", **WHERE)["candidates"].digest  # type: ignore[arg-type]
    assert one != ledger.seals("other", **WHERE)["candidates"].digest  # type: ignore[arg-type]
