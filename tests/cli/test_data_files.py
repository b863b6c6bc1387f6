"""``--data`` and ``--validation`` take every kind of file that examples are read from."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hyperfunc.cli.main import cli

PROGRAM = """
from hyperfunc import Choice, HyperSystem

class Parity(HyperSystem):
    shift = Choice((1, 0), default=0)

    def run(self, number):
        return str((int(number) + self.shift) % 2)
"""


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"parity_{uuid.uuid4().hex}"  # modules of one process must not meet
    Path(f"{name}.py").write_text(PROGRAM)
    pairs = [(str(i), str(i % 2)) for i in range(30)]
    Path("a.csv").write_text("\n".join(["number,expected", *map(",".join, pairs)]))
    Path("a.tsv").write_text("\n".join(["number\texpected", *map("\t".join, pairs)]))
    Path("a.jsonl").write_text("\n".join(json.dumps({"number": x, "expected": y}) for x, y in pairs))
    Path("bad.csv").write_text("number,expected\n1,1\n2,0,0\n")
    return name


def optimize(name: str, data: str, validation: str) -> Result:
    words = ["optimize", f"{name}:Parity", "--data", data, "--test", validation, "--metric", "exact"]
    return CliRunner().invoke(cli, [*words, "--budget", "200 evaluations", "--no-report"])


@pytest.mark.parametrize(
    ("data", "validation"), [("a.csv", "a.tsv"), ("a.tsv", "a.jsonl"), ("a.jsonl", "a.csv")]
)
def test_files_are_read_by_their_suffix(name: str, data: str, validation: str) -> None:
    done = optimize(name, data, validation)
    assert done.exit_code == 0, done.output
    assert "30 examples, 30 held out" in done.output
    assert "its 1.000" in done.output


def test_a_row_that_is_wrong_is_named(name: str) -> None:
    done = optimize(name, "bad.csv", "a.csv")
    assert done.exit_code == 1
    assert "line 3 of bad.csv" in done.output
    assert "Traceback" not in done.output


def test_parquet_without_pyarrow_names_the_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    Path("a.parquet").write_bytes(b"PAR1")
    done = optimize(name, "a.parquet", "a.csv")
    assert done.exit_code == 1
    assert "hyperfunc[parquet]" in done.output
