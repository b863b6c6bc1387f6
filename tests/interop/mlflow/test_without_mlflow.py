"""Where MLflow is not installed, a run is as it was, and says in one sentence that nothing was logged."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import ExactMatch, Example, HyperSystem, Real
from hyperfunc.interop.mlflow import autolog
from hyperfunc.runs import Result


@pytest.fixture(autouse=True)
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow is not there, also where it is."""
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.delitem(sys.modules, "hyperfunc.interop.mlflow.tracking", raising=False)
    yield
    autolog(disable=True)


class Level(HyperSystem):
    level = Real(0, 1, default=0.9)

    def run(self, x: float) -> bool:
        return x > self.level


def train(folder: Path) -> Result:
    data = [Example({"x": n / 30}, n > 3) for n in range(30)]
    return Level().optimize(data, ExactMatch(), budget="900 evaluations", ledger=folder)


def test_it_is_one_sentence_now_and_one_in_every_result(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="nothing is logged: mlflow is not installed") as caught:
        autolog()
    assert len(caught) == 1
    (warning,) = train(tmp_path / "one").warnings
    assert warning == str(caught[0].message)
    assert "pip install 'hyperfunc[mlflow]'" in warning
    autolog(disable=True)
    assert train(tmp_path / "two").warnings == ()


def test_importing_it_imports_no_mlflow() -> None:
    code = "import sys, hyperfunc.interop.mlflow; print('mlflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_a_broken_installation_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "mlflow.py").write_text("raise RuntimeError('two versions of protobuf')\n", encoding="utf-8")
    monkeypatch.delitem(sys.modules, "mlflow")
    monkeypatch.syspath_prepend(folder)
    with pytest.warns(UserWarning, match="cannot be imported .RuntimeError: two versions of protobuf"):
        autolog()
    assert len(train(tmp_path / "ledger").warnings) == 1


def test_switching_off_what_was_never_on_is_fine() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        autolog(disable=True)


def test_the_sender_gives_up_and_says_on_what() -> None:
    import asyncio
    import threading

    from hyperfunc.interop.mlflow.sending import Sender

    release = threading.Event()
    done: list[str] = []

    def slow() -> None:
        release.wait(20)

    def broken() -> Any:
        raise ValueError("two\nlines")

    sender = Sender(capacity=4)
    sender.put("the first", lambda: done.append("first"))
    sender.put("the broken", broken)
    while not done:
        time.sleep(0.01)
    sender.put("the slow", slow)
    for _ in range(20):
        sender.put("the many", lambda: done.append("many"))
    assert not asyncio.run(sender.drained(0.1))
    said = "; ".join(sender.complaints())
    assert "the broken failed (ValueError: two lines)" in said
    assert "the many came too fast" in said
    assert "took too long" in said
    sender.give_up()
    release.set()
    assert asyncio.run(sender.drained(10))
    assert done == ["first"]
