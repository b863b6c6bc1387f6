from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from hyperfunc.errors import LedgerError, RunLocked
from hyperfunc.ledger import Ledger

HOLD = """
import sys
from hyperfunc.ledger import Ledger
with Ledger.open(sys.argv[1]) as ledger, ledger.claim_run("run"):
    print("claimed", flush=True)
    sys.stdin.read()
"""


def test_a_run_is_entered_and_changed(ledger: Ledger) -> None:
    ledger.create_run("run", {"system": "Support", "seed": 1})
    created = ledger.get_run("run")
    assert (created.status, created.meta) == ("running", {"system": "Support", "seed": 1})
    ledger.update_run("run", status="finished")
    ledger.update_run("run", meta={"seed": 2, "note": "é \ud83d"})
    changed = ledger.get_run("run")
    assert (changed.run_id, changed.status) == ("run", "finished")
    assert changed.meta == {"system": "Support", "seed": 2, "note": "é \ud83d"}
    assert changed.updated >= changed.created == created.created


def test_runs_are_listed_oldest_first(ledger: Ledger) -> None:
    assert ledger.list_runs() == ()
    for name in ("c", "a", "b"):
        ledger.create_run(name, {})
    assert [run.run_id for run in ledger.list_runs()] == ["c", "a", "b"]


def test_a_run_is_found_by_the_start_of_its_id(ledger: Ledger) -> None:
    for name in ("20260101-aa", "20260101-ab", "2026"):
        ledger.create_run(name, {})
    assert ledger.get_run("20260101-ab").run_id == "20260101-ab"
    assert ledger.get_run("20260101-aa").run_id == "20260101-aa"
    assert ledger.get_run("2026").run_id == "2026"
    with pytest.raises(
        LedgerError, match="'20260101' may be any of the runs 20260101-aa, 20260101-ab: give more"
    ):
        ledger.get_run("20260101")


def test_an_unknown_run_is_answered_with_the_nearest(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"there is no run 'run' in the ledger at .*: list the runs"):
        ledger.get_run("run")
    ledger.create_run("office-1", {})
    with pytest.raises(LedgerError, match="did you mean 'office-1'"):
        ledger.get_run("ofice-1")
    with pytest.raises(LedgerError, match="there is no run ''"):
        ledger.get_run("")


def test_a_run_is_entered_once(ledger: Ledger) -> None:
    ledger.create_run("run", {})
    with pytest.raises(LedgerError, match="already has a run run: resume it"):
        ledger.create_run("run", {})
    with pytest.raises(LedgerError, match="there is no run 'other'"):
        ledger.update_run("other", status="finished")


def test_meta_that_is_no_json_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match=r"cannot keep run run in the ledger: .*give JSON values only"):
        ledger.create_run("run", {"x": object()})
    assert ledger.list_runs() == ()


def test_one_writer_a_run(ledger: Ledger) -> None:
    assert not ledger.is_claimed("run")
    with ledger.claim_run("run"):
        assert ledger.is_claimed("run")
        assert not ledger.is_claimed("other")
        with (
            pytest.raises(RunLocked, match=r"run run is being written by process \d+: wait"),
            ledger.claim_run("run"),
        ):
            pytest.fail("claimed twice")
        with ledger.claim_run("other"):
            pass
        assert ledger.is_claimed("run")
    assert not ledger.is_claimed("run")
    with ledger.claim_run("run"):
        pass


def test_another_thread_is_refused_too(ledger: Ledger) -> None:
    refused: list[RunLocked] = []

    def claim() -> None:
        try:
            with ledger.claim_run("run"):
                pass
        except RunLocked as error:
            refused.append(error)

    with ledger.claim_run("run"):
        thread = threading.Thread(target=claim)
        thread.start()
        thread.join()
    assert len(refused) == 1


@pytest.mark.parametrize("run_id", ["../escape", "a/b", ".", "x" * 300, "é"])
def test_no_run_id_leads_out_of_the_folder(filed: Ledger, run_id: str) -> None:
    with filed.claim_run(run_id):
        assert filed.is_claimed(run_id)
        folder = filed.path.parent
        files = {path.relative_to(folder).parts[0] for path in folder.rglob("*")}
        assert files <= {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.locks"}
        assert not (folder.parent / "escape.lock").exists()


def test_the_claim_of_a_killed_process_is_free_again(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        with Ledger.open(tmp_path) as ledger:
            assert ledger.is_claimed("run")
            with (
                pytest.raises(RunLocked, match=f"is being written by process {process.pid}"),
                ledger.claim_run("run"),
            ):
                pytest.fail("claimed twice")
            process.kill()
            process.wait()
            assert not ledger.is_claimed("run")
            with ledger.claim_run("run"):
                pass


def test_a_reader_sees_claims_and_makes_none(filed: Ledger) -> None:
    with Ledger.open(filed.path, readonly=True) as reader, filed.claim_run("run"):
        assert reader.is_claimed("run")
        with pytest.raises(LedgerError, match="is open for reading only"):
            reader.claim_run("other")
