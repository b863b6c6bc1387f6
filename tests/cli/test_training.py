"""Training from the shell: optimize, interrupt, resume, and every way to name things wrongly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hyperfunc.cli.main import INTERRUPTED, cli
from hyperfunc.ledger import Ledger

PROGRAM = """
import os
import time
from hyperfunc import Choice, HyperSystem, Real

class Shop(HyperSystem):
    discount = Real(0, 1, default=0.9)
    channel = Choice(("none", "letter", "mail"), default="none")

    def run(self, income):
        time.sleep(float(os.environ.get("SLOW", "0")))
        return {"none": 0.0, "letter": 0.1, "mail": 0.3}[self.channel] + 0.7 * (1 - self.discount) * income

system = Shop()
broken = 1 / 3

def earned(example, pred):
    return pred

def unclear(a, b):
    return 0.0
"""


class Project:
    """A folder with a program and its data, and the commands called in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"shop_{uuid.uuid4().hex}"  # modules of one process must not meet
        (folder / f"{self.name}.py").write_text(PROGRAM)
        lines = [json.dumps({"income": i / 40, "expected": None}) for i in range(40)]
        (folder / "data.jsonl").write_text("\n".join(lines) + "\n")

    def words(self, *more: str, system: str = "Shop", metric: str = "earned") -> list[str]:
        named = metric if metric in ("exact", "exat") else f"{self.name}:{metric}"
        budget = ["--budget", "4000 evaluations"]
        return [
            "optimize",
            f"{self.name}:{system}",
            "--data",
            "data.jsonl",
            "--metric",
            named,
            *budget,
            *more,
        ]

    def call(self, *words: str) -> Result:
        return CliRunner().invoke(cli, list(words))

    def start(self, *words: str, slow: float = 0.0) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "hyperfunc", *words]
        environment = {**os.environ, "SLOW": str(slow)}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True
        )

    def result(self, run: str) -> dict[str, object]:
        with Ledger.open(self.folder / ".hyperfunc", readonly=True) as ledger:
            payload = ledger.events(ledger.get_run(run).run_id, "result")[-1].payload
        spend = {name: amount for name, amount in payload["spend"].items() if name != "seconds"}
        return {**payload, "spend": spend, "paid_calls": None}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Project(tmp_path)


def run_id(project: Project) -> str:
    with Ledger.open(project.folder / ".hyperfunc", readonly=True) as ledger:
        return max(ledger.list_runs(), key=lambda row: row.created).run_id


def test_optimize_trains_a_system_and_says_what_it_found(project: Project) -> None:
    done = project.call(*project.words())
    assert done.exit_code == 0, done.output
    assert "From 0." in done.output
    assert "channel\n    none → mail" in done.output
    assert (project.folder / ".hyperfunc" / "reports" / f"{run_id(project)}.html").is_file()
    assert f"optimize {project.name}:Shop --data data.jsonl" in project.call("show", "last").output


def test_an_instance_is_a_system_too_and_the_report_can_be_left_out(project: Project) -> None:
    done = project.call(*project.words("--no-report", system="system"))
    assert done.exit_code == 0, done.output
    assert not (project.folder / ".hyperfunc" / "reports").exists()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(project: Project) -> None:
    for seed in ("3", "3"):
        project.call(*project.words("--seed", seed))
    with Ledger.open(project.folder / ".hyperfunc", readonly=True) as ledger:
        first, second = (project.result(row.run_id) for row in ledger.list_runs())
    assert first == second


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Reads what a process says until a word comes; gives up after a while."""
    assert process.stderr is not None
    giving_up = threading.Timer(60, process.kill)
    giving_up.start()
    said = ""
    while word not in said:
        line = process.stderr.readline()
        assert line, f"it ended before it said {word!r}: {said}"
        said += line
    giving_up.cancel()


@pytest.mark.slow
def test_an_interrupted_run_resumes_to_the_result_it_would_have_had(project: Project) -> None:
    project.call(*project.words("--seed", "5"))
    whole = project.result(run_id(project))

    (project.folder / ".hyperfunc").rename(project.folder / "done")
    process = project.start(*project.words("--seed", "5"), slow=0.002)
    wait_for(process, "step 0")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED, err
    assert "Traceback" not in err
    name = run_id(project)
    assert f"resume with: hyperfunc resume {name}" in err
    assert "Not finished" in project.call("show", name).output

    done = project.call("resume", name)
    assert done.exit_code == 0, done.output
    assert project.result(name) == whole


Words = Callable[[Project], list[str]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (lambda p: p.words(system="sistem"), "did you mean 'system'"),
        (lambda p: p.words(system="broken"), "is a float, and a HyperSystem is needed"),
        (lambda p: p.words(metric="unclear"), "cannot tell what metric unclear(a, b) judges"),
        (lambda p: p.words(metric="exat"), "did you mean 'exact'"),
        (
            lambda p: ["optimize", "nowhere:x", "--data", "data.jsonl", "--metric", "exact"],
            "no module 'nowhere'",
        ),
        (lambda p: ["optimize", "noform", "--data", "data.jsonl", "--metric", "exact"], "MODULE:SYSTEM"),
        (lambda p: p.words("--budget", "lots"), "budget"),
        (lambda p: ["resume", "nothing"], "there is no ledger at"),
    ],
)
def test_what_is_named_wrongly_is_said_in_a_sentence(project: Project, words: Words, says: str) -> None:
    done = project.call(*words(project))
    assert done.exit_code in (1, 2)
    assert says in done.output
    assert "Traceback" not in done.output


def test_a_line_of_the_data_that_is_wrong_is_named(project: Project) -> None:
    (project.folder / "data.jsonl").write_text('{"income": 1}\nnot json\n')
    done = project.call(*project.words())
    assert done.exit_code == 1
    assert "line 2" in done.output


def test_a_run_from_python_is_resumed_in_python(project: Project) -> None:
    with Ledger.open() as ledger:
        ledger.create_run("notebook", {"system": "Shop"})
    done = project.call("resume", "notebook")
    assert done.exit_code == 1
    assert "run_id='notebook'" in done.output
