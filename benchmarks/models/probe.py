"""Whether the probe tells what servers honor: the real llama.cpp server, and some that drop one parameter."""

from __future__ import annotations

import asyncio
import importlib.util
import tempfile
import time
from pathlib import Path

from tests.llm.probe.markov import Chain, served
from tests.llm.real.gguf import write_local_model
from tests.llm.real.llamacpp import llama_server

from benchmarks.models.conformance import MODEL
from benchmarks.report_table import Table
from hyperfunc.llm.probe import ProbeReport, Status, probe

KNOWN = {
    **dict.fromkeys(
        ("temperature", "seed", "top_k", "top_p", "min_p", "typical_p", "top_n_sigma"), Status.HONORED
    ),
    **dict.fromkeys(("nsigma", "typical"), Status.IGNORED),
}
"""What is known of llama.cpp's server from its source and from experiments without this probe."""

DROPPED = (
    "temperature",
    "seed",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "max_tokens",
)


def mistakes(report: ProbeReport) -> list[str]:
    """Fields of the llama.cpp server that the report has wrong."""
    return [field for field, status in KNOWN.items() if report.status(field) != status]


def found(dropped: str) -> bool:
    """Whether the probe names the parameter that a planted server drops, and no other."""
    with served(Chain(drops=dropped)) as url:
        report = asyncio.run(probe(url))
    return [name for name in DROPPED if report.field(name) is None] == [dropped]


def measure(table: Table) -> None:
    """Enter the figures."""
    real(table)
    planted = DROPPED[::4] if table.quick else DROPPED
    share = sum(found(name) for name in planted) / len(planted)
    table.add("probe: planted servers seen through", share, at_least=1, note=f"{len(planted)} that drop one")
    with served(Chain(heats_first=True)) as first, served(Chain()) as last:
        places = [asyncio.run(probe(url)).temperature for url in (first, last)]
    table.add("probe: place of the temperature told", float(places == ["first", "last"]), at_least=1)


def real(table: Table) -> None:
    """Figures of the real server."""
    name = "probe: fields of llama.cpp that it has wrong"
    if importlib.util.find_spec("xllamacpp") is None:
        table.not_measured(name, "pip install 'hyperfunc[llamacpp]'")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = write_local_model(MODEL, Path(folder) / "prose.gguf")
        with llama_server(file) as server:
            began = time.perf_counter()
            report = asyncio.run(probe(server.url))
            seconds = time.perf_counter() - began
    wrong = mistakes(report)
    table.add(name, len(wrong), at_most=0, note=", ".join(wrong) or f"{len(KNOWN)} fields")
    table.add("probe: calls of one probe", report.requests, note=f"{seconds:.1f} s on this server")
