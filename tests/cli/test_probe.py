"""``hyperfunc probe`` shows what it found and writes what searches read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.llm.probe.markov import Chain, served

from hyperfunc.cli.main import cli
from hyperfunc.llm.probe import ProbeReport, Status


def test_a_dropped_parameter_stands_in_the_table_and_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "probe.json"
    with served(Chain(drops="min_p")) as url:
        done = CliRunner().invoke(cli, ["probe", url, "--json", str(file)])
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line.split()[2] for line in done.output.splitlines() if len(line.split()) > 3}
    assert (rows["min_p"], rows["top_p"]) == ("ignored", "honored")
    assert "the temperature comes last" in done.output
    assert "unknown fields are reported" in done.output
    report = ProbeReport.from_json(file.read_text(encoding="utf-8"))
    assert report.status("min_p") == Status.IGNORED
    assert report.url == url


def test_a_key_comes_from_a_variable_and_shows_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANTED", "sk-planted-key")
    file = tmp_path / "probe.json"
    with served(Chain()) as url:
        done = CliRunner().invoke(cli, ["probe", url, "--key", "PLANTED", "--json", str(file)])
    assert done.exit_code == 0, done.output
    assert "sk-planted-key" not in done.output + file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://127.0.0.1:9"], "Error: nothing answers at http://127.0.0.1:9"),
        (["not-a-url"], "'not-a-url' is no address of a server"),
        (["http://127.0.0.1:9", "--key", "NO_SUCH_KEY"], "the variable NO_SUCH_KEY holds no key"),
    ],
)
def test_what_cannot_be_probed_is_one_sentence(words: list[str], sentence: str) -> None:
    done = CliRunner().invoke(cli, ["probe", *words])
    assert done.exit_code == 1
    assert sentence in done.output
    assert "Traceback" not in done.output


def test_a_file_that_cannot_be_written_is_said_before_the_first_call(tmp_path: Path) -> None:
    words = ["probe", "http://127.0.0.1:9", "--json", str(tmp_path / "none" / "probe.json")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "does not exist" in done.output


@pytest.mark.parametrize("name", ["probe", "serve-model"])
def test_help_needs_no_network_library(name: str) -> None:
    code = (
        "import sys; from click.testing import CliRunner; from hyperfunc.cli.main import cli\n"
        f"assert CliRunner().invoke(cli, ['{name}', '--help']).exit_code == 0\n"
        "print(sorted({'aiohttp', 'numpy', 'rich', 'yaml'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"
