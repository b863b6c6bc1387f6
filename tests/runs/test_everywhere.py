"""Callbacks for every run: one for each, made where the run is started, and told how it ends."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from hyperfunc import Callback, ExactMatch, Example, HyperSystem, Real
from hyperfunc.runs import Result, RunInfo, StepRecord, stop_watching, watch_every_run


class Level(HyperSystem):
    level = Real(0, 1, default=0.9)

    def run(self, x: float) -> bool:
        return x > self.level


DATA = [Example({"x": n / 30}, n > 3) for n in range(30)]


class Noting(Callback):
    made: ClassVar[list[Noting]] = []

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.thread = threading.current_thread()
        self.info: RunInfo | None = None
        Noting.made.append(self)

    def on_start(self, info: RunInfo) -> None:
        self.info = info
        self.heard.append("start")

    def on_end(self, result: Result) -> None:
        self.heard.append("end")

    def on_break(self, error: BaseException) -> None:
        self.heard.append(f"break {error!r}")
        raise RuntimeError("in the callback")

    async def on_close(self) -> Sequence[str]:
        await asyncio.sleep(0)
        self.heard.append("close")
        return ("the watching is over",)


@pytest.fixture(autouse=True)
def watched() -> Iterator[None]:
    Noting.made = []
    watch_every_run("test", Noting)
    yield
    stop_watching("test")


def test_every_run_has_one_of_its_own_and_its_words_are_warnings(tmp_path: Path) -> None:
    results = [Level().optimize(DATA, ExactMatch(), budget="900 evaluations", ledger=tmp_path, seed=3)]

    async def notebook() -> None:
        results.append(Level().optimize(DATA, ExactMatch(), budget="900 evaluations", ledger=tmp_path))
        results.append(await Level().aoptimize(DATA, ExactMatch(), budget="890 evaluations", ledger=tmp_path))

    asyncio.run(notebook())
    assert [each.heard for each in Noting.made] == [["start", "end", "close"]] * 3
    assert all(result.warnings == ("the watching is over",) for result in results)
    assert {each.thread for each in Noting.made} == {threading.current_thread()}
    info = Noting.made[0].info
    assert info is not None
    assert (info.system, info.metric, info.seed) == ("Level", "ExactMatch", 3)
    assert info.start is not None
    assert info.start["level"] == pytest.approx(0.9)
    certificate = results[0].certificate
    if certificate is not None:
        assert info.data == {name: certificate.hashes[name] for name in ("train", "test")}


class Breaking(Callback):
    def on_step(self, record: StepRecord) -> None:
        raise ValueError("mine")


def test_a_run_that_breaks_off_says_so_and_the_first_error_wins(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine") as caught:
        Level().optimize(
            DATA, ExactMatch(), budget="900 evaluations", ledger=tmp_path, callbacks=[Breaking()]
        )
    assert Noting.made[0].heard == ["start", "break ValueError('mine')"]
    assert any("on_break failed, too" in note for note in caught.value.__notes__)


def test_nobody_watches_after_it_was_stopped(tmp_path: Path) -> None:
    stop_watching("test")
    stop_watching("test")
    assert Level().optimize(DATA, ExactMatch(), budget="900 evaluations", ledger=tmp_path).warnings == ()
    assert Noting.made == []
    watch_every_run("test", lambda: None)
    assert Level().optimize(DATA, ExactMatch(), budget="900 evaluations", ledger=tmp_path).warnings == ()
