"""Which samplers the server really honors, found out before the first text and kept for a day."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperfunc.errors import ModelError
from hyperfunc.llm.probe import ProbeReport, Status, probe
from hyperfunc.llm.providers.parameters import SWITCH_OF
from hyperfunc.program.loops import finish

from .families import FAMILIES
from .servers import Server, self_description

__all__ = ["Knowledge", "fitting_families", "knowledge_of"]

_EMBEDDED_ORDER = ("penalties", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "temperature")
_EMBEDDED_LACKS = ("xtc_probability", "dry_multiplier")
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of a server's samplers.

    Args:
        source: ``probe``, ``known`` (the embedded models, which are tested) or ``trust``.
        trouble: what becomes of each canonical parameter that does not act, by name.
        order: of the samplers, as far as it is known.
        temperature: ``last``, ``first`` or ``unknown`` of them.
        report: of the probe, as JSON; ``None`` without one.
        server: what the server says it is.
    """

    source: str
    trouble: dict[str, str]
    order: tuple[str, ...]
    temperature: str
    report: dict[str, Any] | None = None
    server: str = ""

    def problem(self, family: str) -> str:
        """Why a family cannot be searched on this server; empty when it can."""
        for name in FAMILIES[family].parameters:
            switch = SWITCH_OF.get(name, name)
            if switch in self.trouble:
                return f"{name}: {self.trouble[switch]}"
        return ""


def knowledge_of(server: Server, folder: Path) -> Knowledge:
    """What a server makes of the samplers; asks it, unless it was asked in the last day.

    Args:
        server: that is asked.
        folder: where reports of probes are kept.

    Raises:
        ModelError, InfrastructureError: the probe cannot be made.
    """
    if server.kind == "embedded":
        absent = dict.fromkeys(_EMBEDDED_LACKS, "the embedded models have no such sampler")
        return Knowledge("known", absent, _EMBEDDED_ORDER, "last", server=server.identity)
    if not server.probed_as or server.table is None:
        return Knowledge("trust", {}, (), "unknown", server=server.identity)
    report = _kept(server, folder) or _asked(server, folder)
    return Knowledge(
        "probe", _trouble(server, report), report.order, report.temperature,
        json.loads(report.to_json()), report.server,
    )  # fmt: skip


def _trouble(server: Server, report: ProbeReport) -> dict[str, str]:
    assert server.table is not None
    found = {}
    parameters = {n for family in FAMILIES.values() for n in family.parameters}
    for name in sorted({SWITCH_OF.get(n, n) for n in parameters}):
        field = server.table.names.get(name)
        if field is None:
            found[name] = f"{server.table.server} has no such parameter"
            continue
        status = report.status(field)
        if status in (Status.IGNORED, Status.REJECTED):
            evidence = next(f.evidence for f in report.findings if f.field == field)
            verb = "ignores" if status == Status.IGNORED else "refuses"
            found[name] = f"the server {verb} {field} ({evidence})"
    return found


def _file(server: Server, folder: Path) -> Path:
    # An address says nothing of what is served there today.
    seen = f"{server.identity} {server.probed_as} {self_description(server.url)}"
    mark = hashlib.blake2b(seen.encode(), digest_size=8).hexdigest()
    return folder / f"probe-{mark}.json"


def _kept(server: Server, folder: Path) -> ProbeReport | None:
    file = _file(server, folder)
    try:
        if time.time() - file.stat().st_mtime < _DAY:
            return ProbeReport.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ModelError):
        return None
    return None


def _asked(server: Server, folder: Path) -> ProbeReport:
    report = finish(
        probe(server.url, provider=server.probed_as, model=server.asked_for or None, key=server.key)
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = _file(server, folder)
    part = file.with_suffix(f".{os.getpid()}.part")
    part.write_text(report.to_json(), encoding="utf-8")
    part.replace(file)
    return report


def fitting_families(
    known: Knowledge, wanted: Sequence[str], *, chosen: bool
) -> tuple[tuple[str, ...], list[str]]:
    """The families that a search may use, and what is left out.

    Args:
        known: of the server.
        wanted: names of families.
        chosen: whether somebody chose them; then none is left out.

    Raises:
        ModelError: a chosen family does not act on this server, or none does.
    """
    problems = {name: problem for name in wanted if (problem := known.problem(name))}
    if problems and chosen:
        name, problem = next(iter(problems.items()))
        others = ", ".join(n for n in FAMILIES if not known.problem(n)) or "none"
        raise ModelError(
            f"the sampler {name} cannot be searched on this server, since {problem}; nothing was generated: "
            f"leave it out of --samplers (it honors {others}), or use another server"
        )
    kept = tuple(name for name in wanted if name not in problems)
    if not kept:
        raise ModelError("this server honors no sampler of which a family is known; use another server")
    return kept, [f"{name} is left out: {problem}" for name, problem in problems.items()]
