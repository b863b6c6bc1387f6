"""Code of others runs under limits: what it may not do it cannot, and whatever it does ends."""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from hyperfunc.errors import InfrastructureError, MetricError
from hyperfunc.evaluation.sandbox import Outcome, Sandbox, running

PROBES = {
    "files": [
        "open('/etc/passwd')", "import os; os.listdir('/')", "open({secret!r})", "open({secret!r}, 'w')",
        "import os; os.symlink('/etc', 'e'); os.listdir('e')", "open('/proc/self/environ')",
        "import os; os.unlink({secret!r})", "open('/tmp/hyperfunc-probe', 'w')", "open({source!r})",
    ],
    "network": [
        "import socket; socket.socket()", "import socket; socket.create_connection(('127.0.0.1', {port}))",
        "import socket; socket.socket(socket.AF_UNIX)", "import socket; socket.socket(socket.AF_INET6)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}')",
    ],
    "processes": [
        "import os; os.fork()", "import subprocess; subprocess.run(['/bin/true'])",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.posix_spawn('/bin/true', ['true'], {{}})",
        "import multiprocessing as m; p = m.Process(target=print); p.start()",
    ],
}  # fmt: skip


def run(code: str, tests: Any = ("pass",), **settings: Any) -> Outcome:
    return asyncio.run(Sandbox(**{"need": (), "seconds": 20.0, **settings}).run(code, tests))


@pytest.fixture(params=["namespaces", "no namespaces"])
def namespaces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With namespaces of its own where the system lets us, and without."""
    if request.param == "no namespaces":
        monkeypatch.setattr(running, "_unshare", lambda: ())
    return bool(request.param == "namespaces")


def test_tests_pass_fail_and_raise_one_by_one() -> None:
    found = run("def f(x):\n    return 2 * x", ["assert f(2) == 4", "assert f(2) == 5", "f()", "x ="])
    assert found.passed == 1
    assert found.problems[0] is None
    assert found.problems[1] == "AssertionError: assert f(2) == 5"
    assert "missing 1 required positional argument" in (found.problems[2] or "")
    assert (found.problems[3] or "").startswith("SyntaxError")


def test_tests_do_not_see_each_other() -> None:
    assert run("x = 1", ["x = 2", "assert x == 1", "y = 1", "assert 'y' not in globals()"]).passed == 4


@pytest.mark.parametrize("hold", PROBES)
def test_what_is_held_cannot_be_done(hold: str, namespaces: bool, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("key")
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"secret": str(secret), "port": server.getsockname()[1], "source": __file__}
        probes = [probe.format(**names) for probe in PROBES[hold]]
        found = run("", probes)
        done = [probe for probe, problem in zip(probes, found.problems, strict=True) if problem is None]
        if hold in found.held:
            assert done == []
            assert secret.read_text() == "key"
    if sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64") and hold != "files":
        assert hold in found.held


def test_held_for_threads_and_for_good(namespaces: bool) -> None:
    code = """
import threading, socket, os
done = []
def work():
    for probe in (socket.socket, os.fork, lambda: os.kill(os.getppid(), 0)):
        try:
            probe()
            done.append(probe)
        except OSError:
            pass
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert not done, done
"""
    assert run(code).passed == 1


@pytest.mark.parametrize(
    ("code", "settings", "said"),
    [
        ("while True: pass", {"cpu_seconds": 1}, "ended early"),
        ("import time; time.sleep(60)", {"seconds": 0.5}, "longer than seconds=0.5"),
        ("import threading; threading.Event().wait()", {"seconds": 0.5}, "longer than seconds=0.5"),
        ("x = [0] * 10**9", {"memory_mb": 256}, "MemoryError"),
        ("f = open('a', 'wb')\nfor _ in range(99): f.write(b'x' * 2**20)", {"file_mb": 2}, "File too large"),
        ("import sys; sys.exit(0)", {}, "SystemExit: 0"),
        ("import os; os._exit(0)", {}, "ended early"),
        ("import ctypes; ctypes.string_at(0)", {}, "ended early"),
        ("import os; os.kill(os.getpid(), 9)", {}, "PermissionError"),
        ("import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()", {"cpu_seconds": 1}, ""),
        ("raise KeyboardInterrupt", {}, "KeyboardInterrupt"),
        ("class E(BaseException):\n    def __str__(self): raise self\nraise E", {}, "E: "),
        ("import signal; signal.signal(15, signal.SIG_IGN)\nwhile True: pass", {"seconds": 0.5}, "longer"),
    ],
)  # fmt: skip
def test_whatever_code_does_it_ends_and_passes_nothing(code: str, settings: Any, said: str) -> None:
    found = run(code, ["pass", "pass"], **settings)
    assert found.passed == 0
    assert all(said in (problem or "") for problem in found.problems)


def test_what_a_test_breaks_costs_those_before_it_nothing() -> None:
    found = run("", ["pass", "import os; os._exit(0)", "pass"])
    assert [problem is None for problem in found.problems] == [True, False, False]


def test_output_in_any_amount_is_no_result() -> None:
    code = """
import os, sys
for fd in (1, 2):
    os.write(fd, b'{"test": 0, "problem": null}\\n' * 1000)
print('{"test": 0, "problem": null}' * 100_000)
sys.stderr.write("x" * 10**6)
"""
    assert run(code, ["assert False"]).passed == 0


def test_it_starts_empty_without_the_environment_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("SECRET_KEY", "key")
    code = """
import os, sys
assert os.listdir(".") == []
assert set(os.environ) <= {"LC_CTYPE"}, dict(os.environ)
assert sys.flags.isolated and sys.flags.no_site
assert not any("site-packages" in path for path in sys.path)
open("left", "w").write("x")
os.mkdir("folder")
assert sorted(os.listdir(".")) == ["folder", "left"]
assert __name__ == "solution"
"""
    assert run(code).problems == (None,)
    assert list(tmp_path.iterdir()) == []


def test_the_standard_library_is_there(namespaces: bool) -> None:
    code = """
import asyncio, collections, ctypes, dataclasses, datetime, decimal, hashlib, itertools, json, math, random
import re, sqlite3, statistics, threading, typing, unicodedata, zoneinfo
async def main():
    return await asyncio.to_thread(lambda: 3)
assert asyncio.run(main()) == 3
"""
    assert run(code).problems == (None,)


def test_what_a_system_cannot_hold_is_refused_before_anything_runs(tmp_path: Path) -> None:
    box = Sandbox(need=("limits", "files"))
    with pytest.raises(MetricError, match=r"cannot hold files .* nothing was run; leave 'files' out"):
        box._read([{"held": ["limits"]}], "", 1)
    assert box._read([{"held": ["limits", "files"]}], "", 1).held == ("limits", "files")
    # The process itself looks before it runs anything.
    ran = "import os; os.write(1, b'ran'); os.mkdir('ran')"
    box = Sandbox()
    object.__setattr__(box, "need", ("magic",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        patch.setattr(shutil, "rmtree", lambda *args, **more: None)
        with pytest.raises(MetricError, match="cannot hold magic"):
            asyncio.run(box.run(ran, ["pass"]))
    (folder,) = tmp_path.iterdir()
    assert list(folder.iterdir()) == []


def test_a_sandbox_that_does_not_start_leaves_the_judgement_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "_unshare", lambda: ("/nowhere/unshare",))
    with pytest.raises(InfrastructureError, match="could not be started"):
        run("")
    monkeypatch.setattr(running, "_unshare", lambda: ("/bin/false",))
    with pytest.raises(InfrastructureError, match="did not start"):
        run("")


def test_who_is_cancelled_leaves_no_process_behind(namespaces: bool) -> None:
    async def main() -> None:
        async with asyncio.timeout(0.4):
            await Sandbox(need=()).run("import time; time.sleep(60)", ["pass"])

    began = time.monotonic()
    # It waits for its threads, and so for a process that went on.
    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_nothing_is_left_running(namespaces: bool) -> None:
    before = threading.active_count()
    code = (
        "import threading, time\nfor _ in range(5): threading.Thread(target=time.sleep, args=(60,)).start()"
    )
    for _ in range(2):
        run(code, seconds=0.5)
    mine = str(os.getpid())
    children = Path(f"/proc/{mine}/task/{mine}/children")
    if children.exists():
        assert children.read_text().split() == []
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seconds": 0}, "seconds of a sandbox is 0"),
        ({"seconds": float("inf")}, "seconds of a sandbox is inf"),
        ({"cpu_seconds": 0}, "cpu_seconds of a sandbox is 0"),
        ({"cpu_seconds": 1.5}, "cpu_seconds of a sandbox is 1.5"),
        ({"memory_mb": 1}, "memory_mb of a sandbox is 1"),
        ({"file_mb": 0}, "file_mb of a sandbox is 0"),
        ({"need": ["magic"]}, "cannot need 'magic'; it knows limits, files, network, processes"),
    ],
)
def test_wrong_settings_are_one_clear_error(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        Sandbox(**settings)
