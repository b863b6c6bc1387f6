"""What holds for every test: no network, no ledger in the working folder, and no silent skips in CI."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Two test processes on two cores: torch's own threads would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LOOPBACK = ("127.", "::1", "localhost")

# Laws are checked under any load of the machine: a slow example is not a wrong one.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


@pytest.fixture(autouse=True)
def own_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a test leaves in the default ledger is its own."""
    monkeypatch.setenv("HYPERFUNC_LEDGER", str(tmp_path / "ledger"))


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Any:
    """A connection to anywhere but this machine fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if host and not str(host).startswith(LOOPBACK):
            raise AssertionError(f"a test tried to reach {host}; tests need no network")
        connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run: nothing is left out quietly."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("HYPERFUNC_FORBID_SKIPS") != "1" or reporter is None:
        return
    if reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line("skipped tests are not allowed here (HYPERFUNC_FORBID_SKIPS=1)", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
