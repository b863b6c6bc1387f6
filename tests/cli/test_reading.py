"""Commands that read a ledger: runs, show, report, export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.synthetic import BEST, RUN, write_run

from hyperfunc.cli.main import cli
from hyperfunc.ledger import Ledger

Hyperfunc = Callable[..., Result]


@pytest.fixture
def hyperfunc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hyperfunc:
    """Calls the command in a folder whose default ledger holds two runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER")
    with Ledger.open() as ledger:
        write_run(ledger, "draft-1", finished=False)
        write_run(ledger)
    return lambda *words: CliRunner().invoke(cli, list(words))


def test_runs_lists_the_newest_first(hyperfunc: Hyperfunc) -> None:
    lines = hyperfunc("runs").output.splitlines()
    assert [line.split()[0] for line in lines] == ["run", RUN, "draft-1"]
    assert "0.217  0.867  1,731 calls" in lines[1]


def test_runs_says_what_it_leaves_out(hyperfunc: Hyperfunc) -> None:
    assert "and 1 older; see --limit" in hyperfunc("runs", "--limit", "1").output


def test_an_empty_ledger_says_how_to_make_a_run(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "empty").close()
    for words in (["runs"], ["show", "last"]):
        assert (
            "hyperfunc demo" in CliRunner().invoke(cli, [*words, "--ledger", str(tmp_path / "empty")]).output
        )


@pytest.mark.parametrize("name", [RUN, "office", "last"])
def test_show_takes_an_id_its_beginning_or_last(hyperfunc: Hyperfunc, name: str) -> None:
    done = hyperfunc("show", name)
    assert done.exit_code == 0
    assert "From 0.217 to 0.867" in done.output
    assert "+ I was charged twice in May. → billing" in done.output
    assert "ended  nothing better was found in 20 steps" in done.output
    assert f"hyperfunc export {RUN} values.json" in done.output


def test_show_of_an_unfinished_run_says_how_to_go_on(hyperfunc: Hyperfunc) -> None:
    assert "hyperfunc resume draft-1" in hyperfunc("show", "draft").output


def test_a_report_goes_beside_the_ledger_or_where_it_is_told(hyperfunc: Hyperfunc, tmp_path: Path) -> None:
    assert hyperfunc("report", "last").exit_code == 0
    assert (tmp_path / ".hyperfunc" / "reports" / f"{RUN}.html").is_file()
    done = hyperfunc("report", "last", "--html", "out/page.html", "--markdown", "-")
    assert (tmp_path / "out" / "page.html").is_file()
    assert "# `Support`: From 0.217 to 0.867" in done.output


def test_export_writes_the_recommended_values(hyperfunc: Hyperfunc, tmp_path: Path) -> None:
    assert hyperfunc("export", "last", "values.json").exit_code == 0
    assert json.loads((tmp_path / "values.json").read_text(encoding="utf-8"))["values"] == BEST
    assert json.loads(hyperfunc("export", "last", "-").output)["run"] == RUN


def test_an_unfinished_run_cannot_be_exported(hyperfunc: Hyperfunc) -> None:
    done = hyperfunc("export", "draft", "-")
    assert done.exit_code == 1
    assert "hyperfunc resume draft-1" in done.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["show", "nowhere"], "no run 'nowhere'"),
        (["show", "last", "--ledger", "missing"], "missing"),
        (["report", "last", "--html", "blocked/page.html"], "name another file"),
        (["export", "last", "no/such/folder.json"], "name another file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    hyperfunc: Hyperfunc, tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "blocked").write_text("a file where a folder is needed")
    done = hyperfunc(*words)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")
    assert says in done.output
    assert done.output.count("\n") == 1


def test_a_file_that_is_no_ledger_is_left_alone(hyperfunc: Hyperfunc, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no ledger at all")
    done = hyperfunc("runs", "--ledger", str(file))
    assert done.exit_code == 1
    assert file.read_text() == "no ledger at all"


def test_what_a_model_says_is_no_markup_on_the_terminal(tmp_path: Path) -> None:
    hostile = "[bold red]loud[/] \x1b]8;;https://evil.example\x07link\x1b]8;;\x07"
    with Ledger.open(tmp_path / "evil") as ledger:
        changes = [{"name": "route.prompt", "before": "calm words", "after": hostile}]
        write_run(ledger, result_changes={"changes": changes, "warnings": [hostile], "stopped": hostile})
    for words in (["show", "last"], ["runs"], ["report", "last", "--markdown", "-"]):
        done = CliRunner().invoke(cli, [*words, "--ledger", str(tmp_path / "evil")])
        assert done.exit_code == 0
        assert "\x1b" not in done.output
        assert "\x07" not in done.output
    shown = CliRunner().invoke(cli, ["show", "last", "--ledger", str(tmp_path / "evil")]).output
    assert "[bold red]loud[/]" in shown
