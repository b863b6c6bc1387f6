"""evaluate, compare, gate: from a system to a verdict, by name, by id, by file."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from hyperfunc import HyperSystem
from hyperfunc.cli.main import INTERRUPTED, cli
from hyperfunc.ledger import Ledger

PROGRAM = """
from hyperfunc import Choice, ExactMatch, HyperSystem, hyperfunction

@hyperfunction(model="test/rule")
def answer(number: int, rule: str) -> str:
    with open("calls.txt", "a") as file:
        file.write("x")
    return {"never": "no", "even": "yes" if number % 2 == 0 else "no", "right": "yes"}[rule]

class Rule(HyperSystem):
    rule = Choice(("never", "even", "right"), default="even")

    def run(self, number):
        return answer(number, self.rule)

class Never(Rule):
    rule = Choice(("never", "even", "right"), default="never")

class Right(Rule):
    rule = Choice(("never", "even", "right"), default="right")

def accuracy(preds, expected):
    return sum(p == e for p, e in zip(preds, expected)) / len(preds)

def strict(example, pred):
    return float(pred == example.expected)
"""


class Project:
    """A folder with a program and its data, and the commands called in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"rule_{uuid.uuid4().hex}"  # modules of one process must not meet
        (folder / f"{self.name}.py").write_text(PROGRAM)
        self.data("test.jsonl", range(40))
        self.data("other.jsonl", range(100, 120))

    def data(self, name: str, numbers: Any, groups: int = 0) -> None:
        rows: list[dict[str, Any]] = [{"inputs": {"number": n}, "expected": "yes"} for n in numbers]
        for place, row in enumerate(rows):
            row |= {"group": f"g{place % groups}"} if groups else {}
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))

    def call(self, *words: str) -> Result:
        return CliRunner().invoke(cli, list(words))

    def evaluate(
        self, *more: str, system: str = "Rule", data: str = "test.jsonl", metric: str = "exact"
    ) -> Result:
        named = metric if metric == "exact" else f"{self.name}:{metric}"
        return self.call("evaluate", f"{self.name}:{system}", "--data", data, "--metric", named, *more)

    def calls(self) -> int:
        file = self.folder / "calls.txt"
        return len(file.read_text()) if file.exists() else 0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER")
    monkeypatch.setattr(sys, "path", list(sys.path))
    return Project(tmp_path)


@pytest.fixture
def three(project: Project) -> Project:
    """With three experiments: never, even (main), right."""
    for system, name in (("Never", "never"), ("Rule", "main"), ("Right", "right")):
        done = project.evaluate("--name", name, system=system)
        assert done.exit_code == 0, done.output
    return project


def id_of(done: Result) -> str:
    return re.search(r"experiment (\S+)", done.output).group(1)  # type: ignore[union-attr]


# evaluate


def test_evaluate_prints_the_score_with_its_interval_and_the_id(project: Project) -> None:
    done = project.evaluate("--name", "main")
    assert done.exit_code == 0, done.output
    assert re.search(r"score +0\.500   0\.\d+ to 0\.\d+\n", done.output)
    assert "40 in 40 groups" in done.output
    assert f"experiment {id_of(done)}  main" in done.output
    assert project.calls() == 40


def test_evaluating_the_same_again_pays_nothing(project: Project) -> None:
    project.evaluate()
    done = project.evaluate()
    assert "40 calls" in done.output
    assert "0 of them made now" in done.output
    assert project.calls() == 40


def test_values_come_from_an_export(project: Project) -> None:
    (project.folder / "values.json").write_text(json.dumps({"values": {"rule": "right"}}))
    assert "score     1.000" in project.evaluate("--values", "values.json").output


def test_an_experiment_is_listed_shown_and_exported(three: Project) -> None:
    listed = three.call("runs").output.splitlines()
    assert len(listed) == 4
    assert re.search(r"Right, right +experiment +1\.000  40 calls", listed[1])
    shown = three.call("show", "main")
    assert "score     0.500" in shown.output
    assert three.call("export", "right", "right.json").exit_code == 0
    assert json.loads((three.folder / "right.json").read_text())["values"] == {"rule": "right"}
    assert "score     1.000" in three.evaluate("--values", "right.json").output


def test_a_budget_that_is_too_small_says_so_and_pays_no_more_than_it(project: Project) -> None:
    done = project.evaluate("--budget", "10 calls")
    assert done.exit_code == 1
    assert "does not pay 40 examples" in done.output
    assert project.calls() == 10


def test_an_interrupted_evaluation_says_what_is_kept(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HyperSystem, "experiment", interrupted)
    done = project.evaluate()
    assert done.exit_code == INTERRUPTED
    assert "what was paid for is kept" in done.output


# compare


def test_compare_names_each_gain_over_the_first(three: Project) -> None:
    done = three.call("compare", "main", "never", "right")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[0].split() == ["score", "gain", "95%", "interval", "p", "Holm", "better", "equal", "worse"]
    assert re.match(r"main +0\.500 +baseline", lines[1])
    assert re.match(r"never +0\.000 +−0\.500 .* <0\.001 +<0\.001 +0 +20 +20 +worse", lines[2])
    assert re.match(r"right +1\.000 +\+0\.500 .* <0\.001 +<0\.001 +20 +20 +0 +better", lines[3])
    assert lines[4] == "40 examples that all have, in 40 groups, scored by ExactMatch"


def test_ids_beginnings_files_and_last_are_names_too(three: Project) -> None:
    done = three.evaluate()
    three.call("export", "right", "right.json")
    for word in (id_of(done), id_of(done)[:-1], "last"):
        found = three.call("compare", "right.json", word)
        assert found.exit_code == 0, found.output
        assert "−0.500" in found.output


def test_compare_writes_json_and_markdown(three: Project) -> None:
    found = json.loads(three.call("compare", "main", "right", "--json").output)
    assert found["differences"][0]["gain"]["estimate"] == 0.5
    assert (found["baseline"]["label"], found["examples"]) == ("main", 40)
    assert three.call("compare", "main", "right", "--markdown", "out/table.md").exit_code == 0
    assert "| `right` | 1.000 | +0.500 |" in (three.folder / "out" / "table.md").read_text()


def test_a_run_is_compared_by_what_it_recommends(project: Project) -> None:
    words = ["--data", "other.jsonl", "--test", "test.jsonl", "--metric", "exact", "--no-report"]
    done = project.call("optimize", f"{project.name}:Never", *words, "--budget", "2000 evaluations")
    assert done.exit_code == 0, done.output
    project.evaluate("--name", "start", system="Never")
    with Ledger.open(project.folder / ".hyperfunc", readonly=True) as ledger:
        [run] = ledger.list_runs()
    found = project.call("compare", "start", run.run_id)
    assert re.search(rf"{run.run_id} +1\.000 +\+1\.000", found.output)
    assert project.call("gate", run.run_id, "--baseline", "start", "--min-gain", "0.5").exit_code == 0


def test_groups_and_missing_overlap_are_said(project: Project) -> None:
    project.data("few.jsonl", range(20, 60), groups=4)
    project.evaluate("--name", "main")
    project.evaluate("--name", "few", data="few.jsonl", system="Right")
    done = project.call("compare", "main", "few")
    assert "20 examples that all have, in 4 groups" in done.output
    for words in ("only 20 examples are common", "the examples are grouped", "only 4 independent groups"):
        assert f"warning: {words}" in done.output


# gate


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["right", "--baseline", "main", "--min-gain", "0"], 0),
        (["right", "--baseline", "main", "--min-gain", "0.2", "--max-drop", "0"], 0),
        (["right", "--baseline", "main", "--min-gain", "0.6"], 1),
        (["never", "--baseline", "main", "--max-drop", "0.1"], 1),
        (["--baseline", "main", "--min-gain", "0.3"], 0),
        (["main", "--baseline", "main", "--min-gain", "0"], 1),
        (["main", "--baseline", "main", "--max-drop", "0"], 0),
    ],
)
def test_the_exit_status_is_the_verdict(three: Project, words: list[str], status: int) -> None:
    done = three.call("gate", *words)
    assert done.exit_code == status, done.output
    assert done.output.splitlines()[-1].startswith("passed" if status == 0 else "failed: ")
    assert "Traceback" not in done.output


def test_the_gate_says_how_many_more_examples_it_takes(three: Project) -> None:
    done = three.call("gate", "--baseline", "main", "--min-gain", "0.4")
    assert re.search(r"about [\d,]+ more examples like these would settle it", done.output)


def test_the_gate_writes_junit_and_a_summary(three: Project) -> None:
    files = ["--junit", "out/gate.xml", "--summary", "gate.md"]
    assert three.call("gate", "--baseline", "main", "--min-gain", "0.6", *files).exit_code == 1
    [suite] = ET.parse(three.folder / "out" / "gate.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert (three.folder / "gate.md").read_text().startswith("## Evaluation gate: failed")


def test_a_gate_that_cannot_be_checked_leaves_no_old_report(three: Project) -> None:
    files = ["--junit", "gate.xml", "--summary", "gate.md"]
    assert three.call("gate", "--baseline", "main", "--min-gain", "0", *files).exit_code == 0
    done = three.call("gate", "--baseline", "mian", "--min-gain", "0", *files)
    assert done.exit_code == 1
    assert "did you mean 'main'?" in done.output
    [suite] = ET.parse(three.folder / "gate.xml").getroot()
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    assert "could not be checked" in (three.folder / "gate.md").read_text()


# Refusals

Words = Callable[[Project], Result]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (lambda p: p.call("compare", "main"), 2, "main alone cannot be compared"),
        (lambda p: p.call("compare", "main", "nowhere"), 1, "there is no run 'nowhere', and no experiment"),
        (lambda p: p.call("compare", "main", "nowhere.json"), 1, "cannot read nowhere.json"),
        (lambda p: p.call("compare", "main", "test.jsonl"), 1, "is no JSON"),
        (lambda p: p.call("compare", "main", "right", "--ledger", "none"), 1, "there is no ledger at"),
        (lambda p: p.call("gate", "right", "--baseline", "main"), 2, "a gate needs a limit"),
        (lambda p: p.call("gate", "right", "--min-gain", "0"), 2, "Missing option '--baseline'"),
        (lambda p: p.call("gate", "--baseline", "main", "--min-gain", "2"), 2, "--min-gain"),
        (lambda p: p.call("gate", "--baseline", "main", "--min-gain", "nan"), 1, "min_gain is nan"),
        (lambda p: p.evaluate("--name", "last"), 1, "cannot have the name 'last'"),
        (lambda p: p.evaluate("--values", "test.jsonl"), 1, "cannot read values from test.jsonl"),
        (lambda p: p.evaluate(data="none.jsonl"), 2, "none.jsonl"),
        (lambda p: p.evaluate(system="Rul"), 2, "did you mean 'Rule'"),
        (lambda p: p.call("verify", "right.json"), 1, "is of an experiment"),
        (
            lambda p: p.call("report", "right"),
            1,
            "right is an experiment: show, export, compare",
        ),
        (lambda p: p.call("resume", "last"), 1, "this ledger has no runs yet"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(three: Project, words: Words, status: int, says: str) -> None:
    three.call("export", "right", "right.json")
    done = words(three)
    assert done.exit_code == status
    assert says in done.output
    assert "Traceback" not in done.output
    assert "HYPERFUNC_DEBUG" not in done.output


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"metric": "strict"}, "main was scored by ExactMatch"),
        ({"metric": "accuracy"}, "scored by accuracy, a metric over the whole set"),
        ({"data": "other.jsonl"}, "no example is in all of them (main has 40,"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(three: Project, more: dict[str, str], says: str) -> None:
    assert three.evaluate(**more).exit_code == 0
    done = three.call("compare", "main", "last")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert says in done.output
