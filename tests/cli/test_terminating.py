"""SIGTERM ends a command like Ctrl-C, and nothing that the user's program has forked."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest


@pytest.mark.slow
def test_children_of_a_program_are_terminated_as_ever(tmp_path: Path) -> None:
    (tmp_path / "forking.py").write_text(
        textwrap.dedent(
            """
            import multiprocessing
            import time

            from hyperfunc import HyperSystem, Real


            class Forking(HyperSystem):
                level = Real(0, 1)

                def run(self, x):
                    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(8,))
                    child.start()
                    child.terminate()
                    child.join(4)
                    return f"ended with {child.exitcode}"


            system = Forking()
            """
        ),
        encoding="utf-8",
    )
    (tmp_path / "data.jsonl").write_text(
        '{"inputs": {"x": 1}, "expected": "ended with -15"}\n', encoding="utf-8"
    )
    words = ["-m", "hyperfunc", "evaluate", "forking:system", "--data", "data.jsonl", "--metric", "exact"]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"score +1\.000 ", done.stdout), done.stdout
