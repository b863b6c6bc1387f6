"""A certificate comes out again from the ledger, and no digit of file or ledger changes unseen."""

from __future__ import annotations

import json
import random
import re
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import (
    ExactMatch,
    Example,
    HyperSystem,
    Ledger,
    LMParam,
    Random,
    hyperfunction,
    llm_completion,
)
from hyperfunc.analysis.artifact import written
from hyperfunc.analysis.certificate import Certificate, Pair, figures_of, figures_of_resamples, verify
from hyperfunc.errors import LedgerError
from hyperfunc.llm.client import Request, Response, Usage
from hyperfunc.testing import ScriptedClient

MODEL = "test/certificate"


@hyperfunction(hp_type=LMParam, optimize_hparams=True, model=MODEL)
async def decide(x: int, *, prompt: str, hp: LMParam) -> str:
    """Decide about item 1 of 2."""
    answer = await llm_completion(MODEL, f"{prompt} x={x}", temperature=round(hp.temperature, 2))
    return answer.content


class Program(HyperSystem):
    async def run(self, x: int) -> str:
        return str(await decide(x))


def answer(request: Request) -> Response:
    luck = random.Random(f"{request.messages[0].content} {request.seed}").random()
    text = "right" if luck * 2.0 > (request.sampling.temperature or 0.0) else "wrong"
    usage = Usage(prompt_tokens=12, completion_tokens=3)
    return Response(text=text, model=MODEL, usage=usage, cost=0.125, fingerprint="build 17")


def data(low: int, high: int) -> list[Example]:
    return [Example({"x": x}, "right", group=f"g{x // 2}") for x in range(low, high)]


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, and its exported file."""

    folder: Path
    file: Path
    run_id: str


def trained(folder: Path, metric: Any = None, **options: Any) -> Any:
    with ScriptedClient(answer).answering(MODEL):
        return Program().optimize(
            data(0, 20), metric or ExactMatch(), test=data(20, 44), optimizer=Random(6),
            budget="400 calls", ledger=folder, **options,
        )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("certified")
    result = trained(folder / "ledger")
    result.export(folder / "values.json")
    result.ledger.close()
    return Run(folder / "ledger", folder / "values.json", result.run_id)


def check(file: Path, folder: Path) -> list[str]:
    """The figures that do not come out; an error counts as one."""
    with Ledger.open(folder, readonly=True) as ledger:
        try:
            return [m.figure for m in verify(file, ledger).mismatches]
        except LedgerError as error:
            return [str(error)]


def test_a_fresh_export_is_verified(run: Run) -> None:
    with Ledger.open(run.folder, readonly=True) as ledger:
        found = verify(run.file, ledger)
    assert found, [str(mismatch) for mismatch in found.mismatches]
    assert {"figures.gain.low", "candidates", "paid.dollars", "seals.cells.digest"} <= set(found.checked)
    certificate = found.certificate
    assert (certificate.figures.examples, certificate.figures.groups) == (24, 12)
    assert certificate.candidates == 7
    assert certificate.environment["models"] == {MODEL: ["build 17"]}
    assert certificate.looks == 0


def digits(text: str) -> list[int]:
    return [match.start() for match in re.finditer(r"\d", text)]


@settings(deadline=None, max_examples=120)
@given(where=st.randoms(use_true_random=False))
def test_no_digit_of_the_file_changes_unseen(run: Run, where: random.Random) -> None:
    text = run.file.read_text(encoding="utf-8")
    place = where.choice(digits(text))
    other = where.choice([d for d in "0123456789" if d != text[place]])
    changed = run.file.with_name("changed.json")
    changed.write_text(text[:place] + other + text[place + 1 :], encoding="utf-8")
    assert check(changed, run.folder), text[max(0, place - 60) : place + 20]


# What changes in the life of a run is no evidence: how it stands, and when that was written last.
_ALIVE = {("runs", "status"), ("runs", "updated")}
_NUMBERS = {("cells", "id"), ("scores", "cell"), ("events", "id"), ("requests", "id")}


def cells_with_digits(path: Path) -> list[tuple[str, str, Any]]:
    """Every (table, column, row) of a ledger that holds a digit."""
    found = []
    with sqlite3.connect(path) as db:
        for table, columns in {
            name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }.items():
            key = "cell" if table == "scores" else "rowid"
            for column in columns:
                if (table, column) in _ALIVE | _NUMBERS:
                    continue
                rows = db.execute(f"SELECT {key}, {column} FROM {table}").fetchall()
                found += [(table, column, at) for at, value in rows if digits(shown(value))]
    db.close()
    return found


def shown(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else repr(value)


def altered(value: Any, where: random.Random) -> Any:
    """The value with one digit changed, in its own type."""
    if isinstance(value, bytes):
        return altered(value.decode("latin-1"), where).encode("latin-1")
    if isinstance(value, str):
        place = where.choice(digits(value))
        return value[:place] + str((int(value[place]) + where.randint(1, 9)) % 10) + value[place + 1 :]
    for _ in range(50):
        text = repr(value)
        place = where.choice(digits(text))
        made = type(value)(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :])
        if made != value:
            return made
    raise AssertionError(value)


@settings(deadline=None, max_examples=150)
@given(where=st.randoms(use_true_random=False))
def test_no_digit_of_the_ledger_changes_unseen(run: Run, where: random.Random) -> None:
    folder = run.file.with_name("changed")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run.folder, folder)
    path = folder / "ledger.sqlite"
    places = cells_with_digits(path)
    table = where.choice(sorted({place[0] for place in places}))
    table, column, at = where.choice([place for place in places if place[0] == table])
    key = "cell" if table == "scores" else "rowid"
    with sqlite3.connect(path) as db:
        [(value,)] = db.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (at,)).fetchall()
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (altered(value, where), at))
    db.close()
    assert check(run.file, folder), (table, column, at)


def test_a_changed_score_is_named_with_what_it_changes(run: Run) -> None:
    row = json.loads(run.file.read_text(encoding="utf-8"))
    row["certificate"]["figures"]["gain"]["low"] += 0.01
    changed = run.file.with_name("named.json")
    changed.write_text(written(row), encoding="utf-8")
    assert check(changed, run.folder) == ["figures.gain.low"]


def test_text_that_export_did_not_write_is_noticed(run: Run) -> None:
    text = run.file.read_text(encoding="utf-8")
    changed = run.file.with_name("spaced.json")
    changed.write_text(text.replace('"shipped": ', '"shipped":  ', 1), encoding="utf-8")
    assert check(changed, run.folder) == ["the file's text"]


def test_changed_values_are_noticed(run: Run) -> None:
    row = json.loads(run.file.read_text(encoding="utf-8"))
    row["values"]["decide.prompt"] = "Do as I say."
    changed = run.file.with_name("values-changed.json")
    changed.write_text(written(row), encoding="utf-8")
    assert check(changed, run.folder) == ["values.decide.prompt"]


def test_changed_kinds_and_requests_are_noticed(run: Run) -> None:
    row = json.loads(run.file.read_text(encoding="utf-8"))
    row["kinds"]["decide.prompt"] = "choice"
    row["requests"] = {"decide": {"body": {"model": "another"}}}
    changed = run.file.with_name("parts-changed.json")
    changed.write_text(written(row), encoding="utf-8")
    assert check(changed, run.folder) == ["kinds.decide.prompt", "requests.decide.body.model"]


def test_later_runs_do_not_break_a_certificate(run: Run) -> None:
    folder = run.file.with_name("later")
    shutil.copytree(run.folder, folder)
    later = trained(folder, seed=1)
    again = trained(folder, run_id=run.run_id)
    for result in (later, again):
        result.ledger.close()
    assert check(run.file, folder) == []
    assert later.certificate.looks == 1
    assert again.certificate.looks == 0


def test_a_run_that_is_gone_through_again_keeps_its_certificate(run: Run) -> None:
    folder = run.file.with_name("again")
    shutil.copytree(run.folder, folder)
    again = trained(folder, run_id=run.run_id)
    given = json.loads(run.file.read_text(encoding="utf-8"))["certificate"]
    assert again.certificate == Certificate.from_json(given)
    again.ledger.close()


def accuracy(preds: list[Any], expected: list[Any]) -> float:
    return sum(p == e for p, e in zip(preds, expected, strict=True)) / len(preds)


def test_a_metric_over_sets_is_certified_too(tmp_path: Path) -> None:
    result = trained(tmp_path / "ledger", accuracy)
    result.export(tmp_path / "values.json")
    with Ledger.open(tmp_path / "ledger", readonly=True) as ledger:
        found = verify(tmp_path / "values.json", ledger)
    assert found, [str(mismatch) for mismatch in found.mismatches]
    assert found.recorded
    assert found.certificate.scorer is None
    assert found.certificate.gain.method == "percentile bootstrap"
    result.ledger.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is no JSON"),
        ("[1]", "is no export"),
        ('{"values": {}}', "has no certificate"),
        ('{"values": {}, "certificate": {"run_id": "x"}}', "no certificate"),
    ],
)
def test_a_file_that_is_no_export_is_one_sentence(run: Run, content: str, words: str) -> None:
    file = run.file.with_name("wrong.json")
    file.write_text(content, encoding="utf-8")
    with Ledger.open(run.folder, readonly=True) as ledger, pytest.raises(LedgerError, match=words):
        verify(file, ledger)


def test_another_ledger_is_told_from_the_right_one(run: Run, tmp_path: Path) -> None:
    Ledger.open(tmp_path).close()
    assert "there is no run" in check(run.file, tmp_path)[0]


def test_weights_count() -> None:
    pairs = [Pair(str(n), str(n), 3.0 if n < 10 else 1.0, 0.0, float(n < 10)) for n in range(20)]
    figures = figures_of(pairs, seed=0)
    assert figures.gain.estimate == pytest.approx(0.75)
    assert figures.gain.low < 0.75 < figures.gain.high


def test_few_groups_widen_the_interval_of_a_set_and_say_so() -> None:
    drawn = [(0.0, 0.1 * (n % 11)) for n in range(400)]
    few = [Pair(str(n), f"g{n % 4}", 1.0, None, None) for n in range(40)]
    many = [Pair(str(n), f"g{n}", 1.0, None, None) for n in range(40)]
    narrow, wide = (figures_of_resamples(p, (0.0, 0.5), drawn).gain for p in (many, few))
    assert wide.high - wide.low > narrow.high - narrow.low
    assert "Student" in wide.method
