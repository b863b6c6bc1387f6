"""Broken lines of datasets: each is refused by name, or read as what it says."""

from __future__ import annotations

import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from benchmarks.report_table import Table
from hyperfunc import HyperSystem
from hyperfunc.cli.main import cli
from hyperfunc.errors import DatasetError
from hyperfunc.evaluation.dataset import load_examples

LINES = {
    ".jsonl": [
        '{"inputs": {"text": "Where is my parcel?", "n": 3}, "expected": "shipping", "weight": 2, "id": "a"}',
        '{"text": "I was charged twice", "expected": "billing", "tags": ["money", "ä"]}',
    ],
    ".csv": ['"Where, is my ""parcel""?",shipping', "I was charged twice,billing"],
}
HEADER = {".jsonl": "", ".csv": "text,expected\n"}
GOOD = {".jsonl": '{"text": "fine", "expected": "other"}\n', ".csv": "fine,other\n"}
PIECES = ['"', "{", "}", "[", "]", ",", ":", "\\", "\n", "null", "NaN", "-1", "1e999", "\x00", "\ud800",
          "inputs", "weight", '"expected": 3, ', " ", "\ufeff", "\u2028", ""]  # fmt: skip


class Echo(HyperSystem):
    """A program that takes anything."""

    def run(self, **inputs: Any) -> str:
        """What it was given."""
        return str(inputs.get("text"))


system = Echo()


def measure(table: Table) -> None:
    """How broken lines end, read by the library and by a command."""
    count = 2000 if table.quick else 10_000
    ends = Counter(end for _, end in read(count))
    note = f"of {count}: {ends['refused']} refused by name, {ends['read']} are what they say"
    table.add("broken lines of a dataset that end in a traceback", ends["traceback"], at_most=0, note=note)
    table.add("broken lines of a dataset read as something else", ends["changed"], at_most=0)
    told = [command(seed) for seed in range(20 if table.quick else 100)]
    table.add("commands that end in a traceback on one", told.count(False), at_most=0, note=f"of {len(told)}")


def broken(rng: random.Random) -> tuple[str, bytes]:
    """A suffix, and a line with a few places changed."""
    suffix = rng.choice(list(LINES))
    line = list(rng.choice(LINES[suffix]))
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(line) + 1)
        line[place : place + rng.randint(0, 3)] = rng.choice(PIECES)
    data = "".join(line).encode("utf-8", "surrogatepass")
    if rng.random() < 0.1:
        place = rng.randrange(len(data) + 1)
        data = data[:place] + bytes([rng.randrange(256)]) + data[place:]
    return suffix, data


def _file(folder: Path, rng: random.Random) -> tuple[Path, bytes]:
    suffix, line = broken(rng)
    path = folder / f"lines{suffix}"
    good = GOOD[suffix].encode()
    path.write_bytes(HEADER[suffix].encode() + good + line + b"\n" + good)
    return path, line


def read(count: int) -> Iterator[tuple[bytes, str]]:
    """Broken lines, and how each ends."""
    rng = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(count):
            path, line = _file(Path(folder), rng)
            try:
                found = load_examples(path)
            except DatasetError as error:
                # What, where, in one sentence.
                yield line, "refused" if str(path) in str(error) and "\n" not in str(error) else "traceback"
            except Exception:
                yield line, "traceback"
            else:
                same = path.suffix != ".jsonl" or [(e.inputs, e.expected) for e in found[1:-1]] == _said(line)
                yield line, "read" if same and len(found) >= 2 else "changed"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    # Of two values of one name, either reading drops one.
    return found if len(found) == len(pairs) else {"a name stands twice": pairs}


def _said(lines: bytes) -> list[tuple[Any, Any]]:
    said = []
    for line in lines.decode("utf-8-sig").split("\n"):
        if line.strip():
            row = json.loads(line, object_pairs_hook=_once)
            expected = row.pop("expected", None)
            said.append((row.get("inputs", row), expected))
    return said


def command(seed: int) -> bool:
    """Whether a command says in a sentence what is wrong with a file, or goes on."""
    with tempfile.TemporaryDirectory() as folder:
        path, _ = _file(Path(folder), random.Random(f"command {seed}"))
        ledger = str(Path(folder) / "ledger.db")
        given = ["--data", str(path), "--metric", "exact", "--ledger", ledger]
        done = CliRunner().invoke(cli, ["evaluate", f"{__name__}:system", *given])
        expected = done.exception is None or isinstance(done.exception, SystemExit)
        # So the command line shows an error that nobody foresaw.
        return expected and "HYPERFUNC_DEBUG" not in done.output
