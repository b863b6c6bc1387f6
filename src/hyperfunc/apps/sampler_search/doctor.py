"""What a search needs, looked at one by one, with what is missing and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hyperfunc.errors import HyperfuncError
from hyperfunc.ledger.files import ledger_path
from hyperfunc.llm import llm_completion
from hyperfunc.llm.registry import route_for
from hyperfunc.program.loops import finish

from .families import FAMILIES
from .measures import AUTOMATIC, BlindJudge
from .probing import knowledge_of
from .servers import Server, opened

__all__ = ["Check", "examined"]

_LEAST_FREE = 200 << 20
_TEXT = "The old keeper climbed the stairs once more, and the lamp answered."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        name: of it.
        fine: whether a search can do with it.
        said: what was seen, and what to do where it is not fine.
    """

    name: str
    fine: bool
    said: str


def examined(model: str, judge: str | None, output_dir: Path, ledger: str | None = None) -> list[Check]:
    """Look at the server, its samplers, a text of the model, the judge and its key, and the disk.

    Args:
        model: as a search takes it.
        judge: likewise.
        output_dir: of results.
        ledger: folder or file of the ledger.

    Returns:
        The checks; nothing is raised for what is missing.
    """
    home = ledger_path(ledger).parent
    checks: list[Check] = []
    try:
        with opened(model) as server:
            checks.append(Check("server", True, f"{server.shown} is {server.identity}"))
            checks.append(_tried("model", lambda: _writes(server)))
            checks.append(_tried("samplers", lambda: _samplers(server, home / "probes")))
    except HyperfuncError as error:
        checks.append(Check("server", False, str(error)))
    if judge is None:
        checks.append(Check("judge", True, f"none: {AUTOMATIC} score the texts; name one with --judge-model"))
    else:
        key = _tried("key", lambda: f"{judge} has what it needs: {route_for(judge).identity}")
        checks.append(key)
        if key.fine:
            checks.append(_tried("judge", lambda: _judges(judge)))
    checks.append(_disk("results", output_dir))
    checks.append(_disk("ledger", home))
    return checks


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except HyperfuncError as error:
        return Check(name, False, str(error))


def _writes(server: Server) -> str:
    response = finish(llm_completion(server.model, "And it came to pass", max_tokens=8, seed=1))
    return f"wrote {response.text.strip()!r:.60}"


def _samplers(server: Server, folder: Path) -> str:
    known = knowledge_of(server, folder)
    troubles = {name: problem for name in FAMILIES if (problem := known.problem(name))}
    fine = [name for name in FAMILIES if name not in troubles]
    how = {"probe": "seen by a probe", "known": "known", "trust": "taken on trust, it cannot be probed"}
    parts = [f"{', '.join(fine)} act ({how[known.source]})"]
    return "; ".join([*parts, *(f"not {name}: {why}" for name, why in troubles.items())])


def _judges(judge: str) -> str:
    async def mark() -> float:
        found = await BlindJudge(judge).score(_TEXT, None, {"text": "Write about a lighthouse."})
        return float(found)

    return f"{judge} gave a text {10 * asyncio.run(mark()):.1f} of 10"


def _disk(name: str, folder: Path) -> Check:
    there = next(f for f in (folder.absolute(), *folder.absolute().parents) if f.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Check(name, False, f"cannot write to {folder}; name another folder")
    free = shutil.disk_usage(there).free
    said = f"{folder}: {free / 1e9:.1f} GB free"
    return Check(name, free > _LEAST_FREE, said if free > _LEAST_FREE else f"{said}; make room")
