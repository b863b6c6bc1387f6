"""An error is a sentence and an exit code; a traceback is something one asks for."""

from __future__ import annotations

import warnings

import pytest
from click.testing import CliRunner

from hyperfunc.cli.commands import runs
from hyperfunc.cli.main import INTERRUPTED, cli
from hyperfunc.errors import LedgerError
from hyperfunc.llm.providers.parameters import SamplerWarning


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(runs, "reading", fail)


def test_an_expected_error_is_its_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, LedgerError("the file is a picture: name another"))
    done = CliRunner().invoke(cli, ["runs"])
    assert (done.exit_code, done.output) == (1, "Error: the file is a picture: name another\n")


def test_a_defect_is_a_sentence_that_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("oh \x1b[31m"))
    done = CliRunner().invoke(cli, ["runs"])
    assert done.exit_code == 1
    assert (
        done.output == "Error: ZeroDivisionError: oh \\x1b[31m (HYPERFUNC_DEBUG=1 shows where it happened)\n"
    )


def test_debugging_shows_where_it_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("oh"))
    monkeypatch.setenv("HYPERFUNC_DEBUG", "1")
    assert isinstance(CliRunner().invoke(cli, ["runs"]).exception, ZeroDivisionError)


def test_interrupting_a_command_that_only_reads_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    done = CliRunner().invoke(cli, ["runs"])
    assert (done.exit_code, done.output) == (INTERRUPTED, "")


def test_a_warning_of_this_package_is_a_sentence_and_others_keep_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    usual = warnings.formatwarning
    said: list[str] = []

    def warn(*args: object, **options: object) -> None:
        said.extend(
            warnings.formatwarning(kind("so \x1b[31m"), kind, "tickets.py", 7, "a = 1")
            for kind in (SamplerWarning, RuntimeWarning)
        )
        raise LedgerError("enough")

    monkeypatch.setattr(runs, "reading", warn)
    CliRunner().invoke(cli, ["runs"])
    assert said[0] == "warning: so \\x1b[31m\n"
    assert said[1].startswith("tickets.py:7: RuntimeWarning: so")
    assert warnings.formatwarning is usual
