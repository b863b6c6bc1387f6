"""The sampler search as people run it: one command, its files, servers of several kinds."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.apps.sampler_search.counting import small
from tests.llm.probe.markov import Chain, served
from tests.llm.real.gguf import write_local_model

from benchmarks.report_table import Table
from hyperfunc.apps.sampler_search.search import search
from hyperfunc.errors import ModelError
from hyperfunc.llm.serving.running import background
from hyperfunc.llm.serving.service import Service

__all__ = ["measure"]

_MODEL = "local/prose"
_SETTINGS = 3


def measure(table: Table) -> None:
    """All figures; quick: six settings in place of the 24 of the quick test."""
    with tempfile.TemporaryDirectory() as folder:
        quick_test(table, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        servers(table, Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        planted(table, Path(folder))


def quick_test(table: Table, folder: Path) -> None:
    """``quick_test`` from the command line, and what it leaves."""
    began = time.perf_counter()
    _call(folder, "search", "--config-section", "quick_test", *(["-i", "6"] if table.quick else []))
    seconds = time.perf_counter() - began
    what = "6 settings of it" if table.quick else ""
    table.add("quick_test from the command line", seconds, "s", at_most=90, note=what)
    results = folder / "results"
    table.add("quick_test: reports", len(list(results.glob("*.html"))), at_least=1)
    exported = list(results.glob("*.yaml"))
    read = [file for file in exported if _call(folder, "benchmark", "--samplers", str(file), "-n", "1")]
    table.add("quick_test: exported files that sampler benchmark reads", len(read), at_least=1)


def servers(table: Table, folder: Path) -> None:
    """The same search against the embedded model, its KoboldCpp routes, and the real llama.cpp server."""
    name = "{}: settings scored, of " + str(_SETTINGS)
    table.add(name.format("embedded"), _scored(folder / "embedded", _MODEL), at_least=_SETTINGS)
    with background(Service([_MODEL])) as url:
        table.add(name.format("KoboldCpp routes"), _scored(folder / "kobold", url), at_least=_SETTINGS)
    if importlib.util.find_spec("xllamacpp") is None:
        table.not_measured(name.format("llama.cpp server"), "pip install 'hyperfunc[llamacpp]'")
        return
    weights = write_local_model(_MODEL, folder / "prose.gguf")
    table.add(name.format("llama.cpp server"), _scored(folder / "llamacpp", str(weights)), at_least=_SETTINGS)


def planted(table: Table, folder: Path) -> None:
    """A server that ignores top_n_sigma, which its probe has to find before a search writes a text."""
    with served(Chain(drops="top_n_sigma")) as url:
        model = f"koboldcpp/{url}?template=none"
        config = small(folder, model=model, sampler_types=("top_n_sigma",))
        try:
            found: Any = search(config, ledger=folder / "ledger", callbacks=()).whole
        except ModelError as error:
            found = str(error)
    caught = isinstance(found, str) and "ignores nsigma" in found
    begun = len(list((folder / "results").glob("*.json")))
    table.add("planted server: searches that begin", begun, at_most=0, note=found if caught else "")
    table.add("planted server: parameters named", float(caught), at_least=1)


def _scored(folder: Path, model: str) -> int:
    folder.mkdir()
    config = small(folder, model=model, n_iterations=_SETTINGS)
    found = search(config, ledger=folder / "ledger", callbacks=()).whole
    return sum(entry["mean_score"] is not None for entry in found["all_results"])


def _call(folder: Path, *words: str) -> bool:
    """Whether a command of ``hyperfunc sampler`` ends well; what it says is shown when it does not."""
    done = subprocess.run(
        [sys.executable, "-m", "hyperfunc", "sampler", *words],
        cwd=folder, env={**os.environ, "HYPERFUNC_LEDGER": str(folder / "ledger")}, text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
    return done.returncode == 0
