"""Exports of a small run, as they were written and with one digit changed in the file or the ledger."""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from hyperfunc import (
    ExactMatch,
    Example,
    HyperSystem,
    Ledger,
    LMParam,
    Racing,
    Random,
    Search,
    hyperfunction,
    llm_completion,
)
from hyperfunc.analysis.certificate import verify
from hyperfunc.errors import LedgerError
from hyperfunc.llm.client import Request, Response, Usage
from hyperfunc.testing import ScriptedClient

__all__ = ["unseen"]

MODEL = "bench/certified"
MUTABLE = {("runs", "status"), ("runs", "updated")}
NUMBERS = {("cells", "id"), ("scores", "cell"), ("events", "id"), ("requests", "id")}


@hyperfunction(hp_type=LMParam, optimize_hparams=True, model=MODEL)
async def decide(x: int, *, prompt: str, hp: LMParam) -> str:
    """Decide about item 1 of 2."""
    answer = await llm_completion(MODEL, f"{prompt} x={x}", temperature=round(hp.temperature, 2))
    return answer.content


class Deciding(HyperSystem):
    """One call."""

    async def run(self, x: int) -> str:
        """Decide."""
        return str(await decide(x))


def answer(request: Request) -> Response:
    luck = random.Random(f"{request.messages[0].content} {request.seed}").random()
    text = "right" if luck * 2.0 > (request.sampling.temperature or 0.0) else "wrong"
    usage = Usage(prompt_tokens=12, completion_tokens=3)
    return Response(text=text, model=MODEL, usage=usage, cost=0.125, fingerprint="build 17")


def unseen(changes: int) -> tuple[int, int, int, int]:
    """How many figures of a fresh export differ and how many there are, then how many changed digits of the
    file and of the ledger are not noticed, of ``changes`` each."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        data = [Example({"x": x}, "right", group=f"g{x // 2}") for x in range(60)]
        with ScriptedClient(answer).answering(MODEL):
            result = Deciding().optimize(
                data, ExactMatch(), optimizer=Search(Random(8), Racing()), budget="600 calls",
                ledger=here / "ledger",
            )  # fmt: skip
        file = here / "values.json"
        result.export(file)
        assert result.ledger is not None
        result.ledger.close()
        with Ledger.open(here / "ledger", readonly=True) as ledger:
            fresh = verify(file, ledger)
        luck = random.Random(0)
        in_file = sum(not _noticed_in_file(file, here, luck) for _ in range(changes))
        in_ledger = sum(not _noticed_in_ledger(file, here, luck) for _ in range(changes))
    return len(fresh.mismatches), len(fresh.checked), in_file, in_ledger


def _noticed(file: Path, folder: Path) -> bool:
    with Ledger.open(folder, readonly=True) as ledger:
        try:
            return not verify(file, ledger)
        except LedgerError:
            return True


def _noticed_in_file(file: Path, here: Path, luck: random.Random) -> bool:
    changed = here / "changed.json"
    changed.write_text(_altered(file.read_text(encoding="utf-8"), luck), encoding="utf-8")
    return _noticed(changed, here / "ledger")


def _noticed_in_ledger(file: Path, here: Path, luck: random.Random) -> bool:
    folder = here / "copy"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(here / "ledger", folder)
    db = sqlite3.connect(folder / "ledger.sqlite")
    with db:
        places = _places(db)
        table = luck.choice(sorted({place[0] for place in places}))
        _, column, key, at, value = luck.choice([place for place in places if place[0] == table])
        db.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (_altered(value, luck), at))  # noqa: S608
    db.close()
    return _noticed(file, folder)


def _places(db: sqlite3.Connection) -> list[tuple[str, str, str, Any, Any]]:
    """Every (table, column, key, row, value) that holds a digit and is no row number."""
    found = []
    for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        key = "cell" if table == "scores" else "rowid"
        for column in [row[1] for row in db.execute(f"PRAGMA table_info({table})")]:
            if (table, column) in MUTABLE | NUMBERS:
                continue
            rows = db.execute(f"SELECT {key}, {column} FROM {table}").fetchall()  # noqa: S608
            found += [(table, column, key, at, value) for at, value in rows if re.search(r"\d", _text(value))]
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _altered(value: Any, luck: random.Random) -> Any:
    """With one digit changed, in its own type."""
    while True:
        text = _text(value) if isinstance(value, str | bytes) else repr(value)
        place = luck.choice([match.start() for match in re.finditer(r"\d", text)])
        text = text[:place] + str((int(text[place]) + luck.randint(1, 9)) % 10) + text[place + 1 :]
        made = text.encode("latin-1") if isinstance(value, bytes) else type(value)(text)
        if made != value:
            return made
