"""Nothing that was paid for is lost, and nothing that was not committed is half there."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger, files

PAY = """
import sys, threading
from hyperfunc.ledger import Ledger, NewCell
ledger = Ledger.open(sys.argv[1])
name = sys.argv[2]
def pay(worker):
    for i in range(1_000_000):
        key = f"{name}-{worker}-{i}"
        if worker == 0:
            ledger.put_request(key, "m", b"q" * (i % 900), key.encode(), 1, 1, 0.5, name)
            ledger.flush()
        elif worker == 1:
            ledger.put_request(key, "m", b"q", key.encode(), 1, 1, 0.5, name)
            ledger.committed().result()
        else:
            scores = {"s": (1.0, "", None)}
            cells = [NewCell("c", f"{key}-{n}", 0, b"1", None, 1, None, 0.0, scores) for n in range(5)]
            with ledger.together():
                ledger.put_cells("p", 0, cells)
                ledger.add_event(key, "step", {})
            ledger.flush()
        sys.stdout.write(key + "\\n")
        sys.stdout.flush()
for worker in range(3):
    threading.Thread(target=pay, args=(worker,)).start()
"""

WRITE = """
import sys
from hyperfunc.ledger import Ledger
sys.stdin.readline()
with Ledger.open(sys.argv[1]) as ledger:
    for i in range(200):
        ledger.put_request(f"{sys.argv[2]}-{i}", "m", b"", b"", 1, 1, None, sys.argv[2])
        ledger.put_request("shared", "m", b"", b"", 1, 1, None, sys.argv[2])
        if i % 20 == 0:
            ledger.flush()
        ledger.get_request("shared")
"""

AT_EXIT = """
import sys
from hyperfunc.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
ledger.put_call("key", "route", b"kept")
if sys.argv[2] == "raise":
    raise SystemExit(3)
"""

FORK = """
import os, sys
from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
ledger.put_call("parent", "route", b"1")
claim = ledger.claim_run("run")
claim.__enter__()
if os.fork() == 0:
    for use in (lambda: ledger.put_call("x", "route", b"1"), lambda: ledger.get_call("parent"), ledger.flush):
        try:
            use()
        except LedgerError as error:
            print(error, flush=True)
    with Ledger.open(sys.argv[1]) as own:
        own.put_call("child", "route", b"1")
        print(own.is_claimed("run"), flush=True)
    sys.exit(0)
os.wait()
claim.__exit__(None, None, None)
with Ledger.open(sys.argv[1]) as own:
    print(own.is_claimed("run"), own.get_call("child"))
ledger.put_call("after", "route", b"1")
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pay_until_killed(folder: Path, name: str, luck: random.Random) -> list[str]:
    """The keys that a process acknowledged before it was killed."""
    process = start(PAY, folder, name)
    assert process.stdout is not None
    assert process.stdin is not None
    lines = [process.stdout.readline()]
    killer = threading.Timer(luck.uniform(0.0, 0.25), process.send_signal, [signal.SIGKILL])
    killer.start()
    lines += process.stdout.readlines()
    killer.join()
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    process.stdin.close()
    return [line.strip() for line in lines if line.endswith("\n")]


def check_paid(ledger: Ledger, key: str) -> None:
    _, worker, _ = key.split("-")
    if worker in "01":
        row = ledger.get_request(key)
        assert row is not None
        assert row.response_json == key.encode()
    else:
        cells = [("c", f"{key}-{n}", 0) for n in range(5)]
        assert len(ledger.get_cells("p", 0, cells, "s")) == 5


def check_whole(ledger: Ledger, key: str) -> None:
    """What was put together is there together, acknowledged or not."""
    cells = ledger.get_cells("p", 0, [("c", f"{key}-{n}", 0) for n in range(5)], "s")
    assert (len(cells), len(ledger.events(key))) in {(5, 1), (0, 0)}


def kill_again_and_again(folder: Path, rounds: int, seed: int) -> int:
    luck = random.Random(seed)
    acknowledged: list[str] = []
    for round_ in range(rounds):
        acknowledged += pay_until_killed(folder, f"r{round_}", luck)
        with Ledger.open(folder) as ledger:
            for key in acknowledged:
                check_paid(ledger, key)
            done = sum(key.startswith(f"r{round_}-2-") for key in acknowledged)
            for i in range(done + 3):
                check_whole(ledger, f"r{round_}-2-{i}")
            assert ledger._all("PRAGMA integrity_check", ()) == [("ok",)]
    return len(acknowledged)


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    assert kill_again_and_again(tmp_path, rounds=1, seed=0) >= 1


@pytest.mark.slow
def test_what_was_acknowledged_survives_kills_at_many_moments(tmp_path: Path) -> None:
    assert kill_again_and_again(tmp_path, rounds=12, seed=1) >= 100


@pytest.mark.slow
def test_several_processes_write_into_one_new_file(tmp_path: Path) -> None:
    names = ["a", "b", "c"]
    writers = [start(WRITE, tmp_path, name) for name in names]
    for writer in writers:
        writer.communicate("go\n", timeout=60) if writer is writers[-1] else _go(writer)
    for writer in writers:
        assert writer.wait(timeout=60) == 0
        assert writer.stdout is not None
        writer.stdout.close()
    with Ledger.open(tmp_path, readonly=True) as ledger:
        for name in names:
            assert ledger.paid(name).calls == 201
            assert all(ledger.get_request(f"{name}-{i}") for i in range(200))


def _go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("go\n")
    writer.stdin.close()


@pytest.mark.parametrize("ending", ["return", "raise"])
def test_what_was_put_is_written_at_exit(tmp_path: Path, ending: str) -> None:
    process = start(AT_EXIT, tmp_path, ending)
    process.communicate(timeout=60)
    assert process.returncode == (3 if ending == "raise" else 0)
    with Ledger.open(tmp_path, readonly=True) as ledger:
        assert ledger.get_call("key") == b"kept"


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_a_forked_child_must_open_its_own(tmp_path: Path) -> None:
    process = start(FORK, tmp_path)
    output, _ = process.communicate(timeout=60)
    *refused, claimed, after = output.splitlines()
    assert process.returncode == 0
    assert len(refused) == 3
    assert all("came here by a fork: open it again" in line for line in refused)
    assert claimed == "True"
    assert after == "False b'1'"
    with Ledger.open(tmp_path, readonly=True) as ledger:
        assert all(ledger.get_call(key) == b"1" for key in ("parent", "child", "after"))


def test_puts_are_committed_without_a_flush(filed: Ledger) -> None:
    with Ledger.open(filed.path, readonly=True) as other:
        filed.put_call("key", "route", b"kept")
        deadline = time.monotonic() + 10
        while other.get_call("key") is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)


def test_a_flush_is_seen_by_others_at_once(filed: Ledger) -> None:
    with Ledger.open(filed.path, readonly=True) as other:
        for i in range(50):
            filed.put_call(f"key{i}", "route", b"kept")
            filed.flush()
            assert other.get_call(f"key{i}") == b"kept"


def test_a_program_on_a_loop_can_await_the_commit(filed: Ledger) -> None:
    async def pay() -> list[bool]:
        with Ledger.open(filed.path, readonly=True) as other:

            async def one(i: int) -> bool:
                filed.put_call(f"key{i}", "route", b"kept")
                await asyncio.wrap_future(filed.committed())
                return other.get_call(f"key{i}") == b"kept"

            return await asyncio.gather(*(one(i) for i in range(20)))

    assert all(asyncio.run(pay()))
    assert filed.committed().result(timeout=10) is None


def test_a_forgotten_ledger_is_written_and_closed(tmp_path: Path) -> None:
    Ledger.open(tmp_path).put_call("key", "route", b"kept")
    gc.collect()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]
    with Ledger.open(tmp_path, readonly=True) as ledger:
        assert ledger.get_call("key") == b"kept"


def test_a_full_disk_delays_and_loses_nothing(filed: Ledger) -> None:
    db = filed._to_write()._db
    [(pages,)] = db.execute("PRAGMA page_count").fetchall()
    db.execute(f"PRAGMA max_page_count = {pages}")
    filed.put_call("key", "route", b"x" * 100_000)
    promise = filed.committed()
    with pytest.raises(LedgerError, match=r"the disk of the ledger at .* is full: free some space"):
        filed.flush()
    with pytest.raises(LedgerError, match="is full"):
        promise.result(timeout=10)
    with pytest.raises(LedgerError, match="is full"):
        filed.put_call("later", "route", b"kept")
    db.execute("PRAGMA max_page_count = 1000000")
    filed.flush()
    filed.put_call("last", "route", b"kept")
    assert filed.get_call("key") == b"x" * 100_000
    assert filed.get_call("later") == filed.get_call("last") == b"kept"


def test_a_file_locked_by_another_process_delays_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_SECONDS", 0.02)
    with Ledger.open(tmp_path) as ledger:
        other = sqlite3.connect(ledger.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        ledger.put_call("key", "route", b"kept")
        with pytest.raises(LedgerError, match=r"was locked by another process for 0\.02 s: end that process"):
            ledger.flush()
        other.execute("COMMIT")
        other.close()
        ledger.flush()
        assert ledger.get_call("key") == b"kept"


def test_closing_without_being_able_to_write_says_so(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path)
    db = ledger._to_write()._db
    db.execute("PRAGMA max_page_count = 1")
    ledger.put_call("key", "route", b"x" * 500_000)
    with pytest.raises(LedgerError, match="is full"):
        ledger.close()


def test_what_is_put_together_lands_in_one_commit(filed: Ledger) -> None:
    with Ledger.open(filed.path, readonly=True) as other:
        with filed.together():
            filed.put_candidate("run", {}, "id1", (), "start")
            time.sleep(0.03)
            assert other.get_candidate("id1") is None
            filed.add_event("run", "step", {})
        filed.flush()
        assert other.get_candidate("id1") is not None
        assert len(other.events("run")) == 1


def test_a_reader_needs_no_turn_while_others_write(filed: Ledger) -> None:
    filed.put_call("key", "route", b"kept")
    filed.flush()
    with filed.together(), Ledger.open(filed.path, readonly=True) as other:
        found: list[bytes | None] = []
        threads = [
            threading.Thread(target=lambda which=which: found.append(which.get_call("key")))
            for which in (filed, other)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=10)
        assert found == [b"kept", b"kept"]
