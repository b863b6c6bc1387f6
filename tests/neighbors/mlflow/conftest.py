"""A real MLflow server on this machine, with its own database and folder of artifacts."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import hyperfunc.interop.mlflow
from hyperfunc import Choice, ExactMatch, Example, HyperSystem, Real, Text
from hyperfunc.runs import Result

WORDS = "Say yes."


class Server:
    """MLflow in a process of its own.

    Args:
        folder: for its database, its artifacts and its log.
    """

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / "server.log"
        # A folder of its own: what it writes beside itself must not land in the checkout.
        command = [
            sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port),
            "--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1",
            "--artifacts-destination", str(folder / "artifacts"),
        ]  # fmt: skip
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            )  # fmt: skip
        until = time.monotonic() + 90
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        raise RuntimeError(f"MLflow did not start: {self.log.read_text(encoding='utf-8')[-2000:]}")

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it at once, with its workers."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)
            self.process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("mlflow"))
    yield made
    made.kill()


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of one test is left for another."""
    import mlflow

    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    yield
    hyperfunc.interop.mlflow.autolog(disable=True)
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.set_tracking_uri(None)


class Support(HyperSystem):
    """A program whose right answer hangs on a threshold and a choice."""

    prompt = Text(WORDS)
    threshold = Real(0, 1, default=0.9)
    channel = Choice(("phone", "mail"))

    def run(self, x: float) -> str:
        return "yes" if x > self.threshold and self.channel == "mail" else "no"


DATA = [Example({"x": n / 30}, "yes" if n > 6 else "no") for n in range(30)]


def train(folder: Path, system: HyperSystem | None = None, **options: object) -> Result:
    """A run that finds something."""
    folder.mkdir(exist_ok=True)
    given = {"budget": "1500 evaluations", "seed": 1, "ledger": folder / "ledger", **options}
    return (system or Support()).optimize(DATA, ExactMatch(), **given)
