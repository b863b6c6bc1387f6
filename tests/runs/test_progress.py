"""The line at the foot of a terminal: there for a person, gone at the end, never in the way."""

from __future__ import annotations

import io
import itertools
import sys
from pathlib import Path

import pytest

from hyperfunc import Callback, ExactMatch, Example, HyperSystem, Real
from hyperfunc.ledger import Budget, Spend
from hyperfunc.runs.progress import StatusLine, on_a_terminal, spent


class Level(HyperSystem):
    level = Real(0, 1, default=0.9)

    def run(self, x: float) -> bool:
        return x > self.level


DATA = [Example({"x": n / 30}, n > 3) for n in range(30)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        super().isatty()  # which complains when it is closed
        return True


class Gone(Terminal):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def painted(written: str, width: int = 200) -> str:
    """What is left on the line after everything was written."""
    line = [" "] * width
    at = 0
    for letter in written:
        if letter == "\r":
            at = 0
        else:
            line[at] = letter
            at += 1
    return "".join(line).rstrip()


def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Called by the test itself: between set-up and call another ``sys.stderr`` is put in its place."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    return terminal


def test_a_person_sees_how_it_stands_and_nothing_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = at_a_terminal(monkeypatch)
    result = Level().optimize(DATA, ExactMatch(), budget="400 evaluations", ledger=tmp_path)
    lines = terminal.getvalue().split("\r")
    assert any(result.run_id in line and "measuring the start" in line for line in lines)
    assert any("searching" in line for line in lines)
    assert any("confirming on held-out examples" in line and "score" in line for line in lines)
    assert max(map(len, lines)) < 120
    assert painted(terminal.getvalue()) == ""


def test_every_step_is_shown_unless_a_line_was_written_just_now(tmp_path: Path) -> None:
    def lines_with(seconds: float) -> int:
        terminal, ticks = Terminal(), itertools.count()
        watching = [StatusLine(terminal, clock=lambda: seconds * next(ticks))]
        Level().optimize(DATA, ExactMatch(), budget="400 evaluations", ledger=tmp_path, callbacks=watching)
        return len({line.strip() for line in terminal.getvalue().split("\r") if "step" in line})

    assert lines_with(1.0) > lines_with(0.05) > 1


@pytest.mark.parametrize("callbacks", [(), [Callback()]])
def test_who_names_callbacks_gets_these_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, callbacks: list[Callback]
) -> None:
    terminal = at_a_terminal(monkeypatch)
    Level().optimize(DATA, ExactMatch(), budget="100 evaluations", ledger=tmp_path, callbacks=callbacks)
    assert terminal.getvalue() == ""


def test_an_interrupted_run_leaves_no_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    terminal = at_a_terminal(monkeypatch)

    class Broken(Level):
        def run(self, x: float) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Broken().optimize(DATA, ExactMatch(), budget="100 evaluations", ledger=tmp_path)
    assert painted(terminal.getvalue()) == ""


def test_logs_and_dumb_terminals_get_no_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_a_terminal(monkeypatch)
    assert len(on_a_terminal()) == 1
    monkeypatch.setenv("TERM", "dumb")
    assert on_a_terminal() == ()
    monkeypatch.setenv("TERM", "xterm")
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        assert on_a_terminal() == ()
    terminal.close()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert on_a_terminal() == ()


def test_a_terminal_that_is_gone_ends_no_run(tmp_path: Path) -> None:
    watching = [StatusLine(Gone())]
    result = Level().optimize(
        DATA, ExactMatch(), budget="100 evaluations", ledger=tmp_path, callbacks=watching
    )
    assert result.history


def test_a_shorter_line_paints_over_a_longer_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    terminal = Terminal()
    line = StatusLine(terminal, clock=iter(range(100)).__next__)
    line.on_phase("x" * 100)
    assert painted(terminal.getvalue()) == "x" * 39
    line.on_phase("y")
    assert painted(terminal.getvalue()) == "y"


def test_what_was_spent_is_shown_beside_its_limits() -> None:
    assert spent(None, None) == ""
    spend = Spend(calls=1231, tokens=0, dollars=0.0, seconds=41)
    assert spent(spend, Budget(calls=2000, seconds=300)) == "1,231 of 2,000 calls · 41 s of 5 min"
    assert spent(spend, None) == "1,231 calls · 41 s"
