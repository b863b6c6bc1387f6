from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger, files, migrations

AS_NOBODY = """
import os, sys
from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for readonly in (True, False):
    try:
        with Ledger.open(sys.argv[1], readonly=readonly) as ledger:
            print(ledger.get_call("key"))
    except LedgerError as error:
        print(error)
"""


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that another user may read; the folders of pytest are closed to them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


def filled(path: Path) -> Path:
    with Ledger.open(path) as ledger:
        ledger.put_call("key", "route", b"kept")
        return ledger.path


def open_without_rights(folder: Path) -> list[str]:
    folder.chmod(0o555)
    answer = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(folder)], capture_output=True, text=True, check=True, timeout=60
    )
    return answer.stdout.splitlines()


def test_a_folder_gets_a_file_inside(tmp_path: Path) -> None:
    assert filled(tmp_path) == tmp_path / "ledger.sqlite"
    assert filled(tmp_path / "new") == tmp_path / "new" / "ledger.sqlite"
    assert filled(tmp_path / ".hidden") == tmp_path / ".hidden" / "ledger.sqlite"
    assert filled(tmp_path / "mine.db") == tmp_path / "mine.db"
    assert filled(tmp_path / "odd ?#%" / "x.sqlite") == tmp_path / "odd ?#%" / "x.sqlite"
    with Ledger.open(tmp_path / "odd ?#%" / "x.sqlite", readonly=True) as ledger:
        assert ledger.get_call("key") == b"kept"


def test_without_a_path_the_environment_and_then_the_working_folder_say_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER", raising=False)
    with Ledger.open(None) as ledger:
        assert ledger.path == tmp_path / ".hyperfunc" / "ledger.sqlite"
    monkeypatch.setenv("HYPERFUNC_LEDGER", str(tmp_path / "elsewhere"))
    with Ledger.open() as ledger:
        assert ledger.path == tmp_path / "elsewhere" / "ledger.sqlite"


def test_what_was_put_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    filled(tmp_path)
    for readonly in (False, True):
        with Ledger.open(tmp_path, readonly=readonly) as ledger:
            assert ledger.get_call("key") == b"kept"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        LedgerError, match=f"cannot make the ledger's folder {tmp_path}/a/b: make {tmp_path}/a first"
    ):
        Ledger.open(tmp_path / "a" / "b" / "ledger.sqlite")
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="cannot make the ledger's folder"):
        Ledger.open(tmp_path / "file" / "ledger.sqlite")


def test_reading_what_is_not_there_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        LedgerError, match=f"there is no ledger at {tmp_path}/ledger.sqlite: run an optimization first"
    ):
        Ledger.open(tmp_path, readonly=True)
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(LedgerError, match="is empty: run an optimization first"):
        Ledger.open(tmp_path, readonly=True)
    assert (tmp_path / "ledger.sqlite").stat().st_size == 0


@pytest.mark.parametrize("content", ["hello\n", "a line of text\n" * 500])
@pytest.mark.parametrize("readonly", [False, True])
def test_a_text_file_is_not_touched(tmp_path: Path, content: str, readonly: bool) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(
        LedgerError, match=r"notes.txt is not a ledger \(it is no SQLite file\): name another path"
    ):
        Ledger.open(path, readonly=readonly)
    assert path.read_text() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize(
    "made_by", ["CREATE TABLE t (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_a_database_of_another_program_is_not_touched(tmp_path: Path, made_by: str, readonly: bool) -> None:
    path = tmp_path / "other.db"
    db = sqlite3.connect(path)
    db.execute(made_by)
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(
        LedgerError, match=r"other.db is a database of another program, not a ledger: name another"
    ):
        Ledger.open(path, readonly=readonly)
    assert path.read_bytes() == before


@pytest.mark.parametrize("readonly", [False, True])
def test_a_newer_ledger_is_left_alone(tmp_path: Path, readonly: bool) -> None:
    path = filled(tmp_path)
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(
        LedgerError, match=r"newer hyperfunc \(schema 99, this one knows 2\): update hyperfunc"
    ):
        Ledger.open(path, readonly=readonly)


def test_an_older_ledger_is_migrated_when_it_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path)

    def m002_second(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE later (x)")

    monkeypatch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, m002_second])
    monkeypatch.setattr(files, "MIGRATIONS", migrations.MIGRATIONS)
    with pytest.raises(LedgerError, match="is of an older version: open it once for writing"):
        Ledger.open(path, readonly=True)
    filled(tmp_path / "fresh")
    for folder in (tmp_path, tmp_path / "fresh"):
        with Ledger.open(folder), Ledger.open(folder, readonly=True) as ledger:
            assert ledger.get_call("key") == b"kept"
            assert ledger._all("SELECT * FROM later", ()) == []


def test_a_migration_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path)

    def m002_broken(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE later (x)")
        db.execute("CREATE TABLE later (x)")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", [*migrations.MIGRATIONS, m002_broken])
        with pytest.raises(LedgerError, match="failed: table later already exists"):
            Ledger.open(path)
    with Ledger.open(path) as ledger:
        assert ledger.get_call("key") == b"kept"
        assert ledger._all("SELECT name FROM sqlite_master WHERE name = 'later'", ()) == []


@pytest.mark.parametrize("readonly", [False, True])
def test_a_damaged_file_is_reported(tmp_path: Path, readonly: bool) -> None:
    path = filled(tmp_path)
    content = bytearray(path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="is damaged: restore a copy, or move it away"):
        Ledger.open(path, readonly=readonly)


def test_damage_found_later_is_reported_too(tmp_path: Path) -> None:
    with Ledger.open(tmp_path) as ledger:
        for i in range(400):
            ledger.put_call(f"key{i}", "route", b"x" * 500)
        path = ledger.path
    content = bytearray(path.read_bytes())
    content[-100_000:] = b"\xff" * 100_000
    path.write_bytes(content)
    with Ledger.open(path, readonly=True) as ledger, pytest.raises(LedgerError, match="is damaged"):
        [ledger.get_call(f"key{i}") for i in range(400)]


def test_a_folder_in_the_place_of_the_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(LedgerError, match="cannot be opened: make it and its folder readable and writable"):
        Ledger.open(tmp_path)


def test_a_folder_that_cannot_be_written_gets_no_ledger(open_to_all: Path) -> None:
    reading, writing = open_without_rights(open_to_all)
    assert "there is no ledger at" in reading
    assert "cannot be opened: make it and its folder readable and writable" in writing


def test_a_ledger_at_rest_in_a_read_only_folder_can_be_read_only(open_to_all: Path) -> None:
    filled(open_to_all).chmod(0o444)
    reading, writing = open_without_rights(open_to_all)
    assert reading == "b'kept'"
    assert "cannot be written: make it and its folder writable" in writing


def test_an_unfinished_log_in_a_read_only_folder_is_not_passed_over(open_to_all: Path) -> None:
    with Ledger.open(open_to_all) as ledger:
        ledger.put_call("key", "route", b"kept")
        ledger.flush()
        copy = open_to_all / "copy"
        copy.mkdir()
        for end in ("", "-wal"):
            source = ledger.path.with_name(ledger.path.name + end)
            (copy / source.name).write_bytes(source.read_bytes())
    reading, _ = open_without_rights(copy)
    assert "cannot be opened: make it and its folder readable and writable" in reading


def test_a_file_in_use_that_may_only_be_read_is_refused_when_it_is_opened(open_to_all: Path) -> None:
    with Ledger.open(open_to_all) as ledger:
        ledger.put_call("key", "route", b"kept")
        ledger.flush()
        ledger.path.chmod(0o444)
        reading, writing = open_without_rights(open_to_all)
    assert reading == "b'kept'"
    assert "cannot be written: make it and its folder writable" in writing


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files through /proc")
def test_a_failed_opening_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(5):
        with pytest.raises(LedgerError):
            Ledger.open(path)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_ledger_that_several_make_at_the_same_moment_is_nobody_elses_database(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    several = 8

    def open_it(path: Path, start: threading.Barrier) -> None:
        start.wait()
        try:
            Ledger.open(path).close()
        except BaseException as error:
            failures.append(error)

    for turn in range(12):
        start = threading.Barrier(several)
        threads = [
            threading.Thread(target=open_it, args=(tmp_path / f"{turn}", start)) for _ in range(several)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
