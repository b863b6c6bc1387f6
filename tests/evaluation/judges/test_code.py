"""Code: a model is asked unless running was asked for, and then tests decide."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from tests.evaluation.judges.test_judge import key

from hyperfunc import CodeCorrectnessJudge, CompositeScorer, Example, Failure, HyperSystem, hyperfunction
from hyperfunc.errors import MetricError
from hyperfunc.evaluation.judges import CODE_CORRECTNESS, CodeTests
from hyperfunc.evaluation.judges.code import code_in
from hyperfunc.evaluation.sandbox import Sandbox
from hyperfunc.testing import ScriptedClient

BOX = Sandbox(need=())
CODE = "def double(x):\n    return 2 * x\n"
TESTS = ["assert double(2) == 4", "assert double(3) == 7", "assert double('a') == 'aa'"]


def run(output: Any, expected: Any = TESTS) -> Any:
    return asyncio.run(CodeTests(BOX).score(output, expected, {}))


def test_by_default_nothing_is_run_and_a_model_is_asked(tmp_path: Any) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')"
    answer = json.dumps({c.name: {"reason": "", "score": 5} for c in CODE_CORRECTNESS.criteria})
    with ScriptedClient([answer]).answering("judge") as client:
        found = asyncio.run(CodeCorrectnessJudge("judge").score(trap, [trap], {}))
    assert (found.score, client.calls) == (1.0, 1)
    assert not (tmp_path / "ran").exists()


def test_where_it_was_asked_for_tests_decide_and_no_model_is_asked() -> None:
    judge = CodeCorrectnessJudge("judge", run=BOX)
    with ScriptedClient([]).answering("judge") as client:
        found = asyncio.run(judge.score(CODE, TESTS, {}))
    assert found.score == pytest.approx(2 / 3)
    assert client.calls == 0


def test_the_score_is_the_share_of_tests_and_feedback_tells_what_failed() -> None:
    found = run(CODE)
    assert found.score == pytest.approx(2 / 3)
    assert found.feedback == "'assert double(3) == 7': AssertionError: assert double(3) == 7"
    assert (found.details["passed"], found.details["tests"]) == (2, 3)
    assert "limits" in found.details["held"]
    assert run(CODE, "assert double(1) == 2").feedback == "all tests pass"


@pytest.mark.parametrize("output", [None, Failure("boom"), "no code at all", "def double(:", "", 17])
def test_what_is_no_code_scores_0(output: Any) -> None:
    found = run(output)
    assert found.score == 0.0
    assert found.feedback


@pytest.mark.parametrize("expected", [None, 3, [], [3], {"tests": []}])
def test_an_example_without_tests_is_an_error(expected: Any) -> None:
    with pytest.raises(MetricError, match="give a piece of test code, or a list of them"):
        run(CODE, expected)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1", "x = 1"),
        ("Here:\n```python\nx = 1\n```\nDone.", "x = 1\n"),
        ("```py\nx = 1\n```\n```json\n{}\n```\n```python3\ny = 2\n```", "x = 1\n\ny = 2\n"),
        ("```\nx = 1\n```\n```sh\nls\n```", "x = 1\n"),
        ("  ```python\nx = '```'\n  ```", "x = '```'\n"),
        ("```json\n{}\n```", "```json\n{}\n```"),
        ("```python\nnever ends", "```python\nnever ends"),
    ],
)
def test_code_is_found_in_an_answer(text: str, code: str) -> None:
    assert code_in(text) == code


def test_running_needs_a_sandbox_and_is_seen_by_the_ledger() -> None:
    with pytest.raises(MetricError, match="give Sandbox"):
        CodeTests(True)  # type: ignore[arg-type]
    boxes = (None, BOX, Sandbox(cpu_seconds=1))
    judges = [
        *(CodeCorrectnessJudge("judge", run=box) for box in boxes),
        CodeTests(BOX),
        CodeTests(Sandbox()),
    ]
    assert len({key(judge) for judge in judges}) == len(judges)


def test_in_an_evaluation_lanes_run_their_code_side_by_side() -> None:
    @hyperfunction
    def write(n: int) -> str:
        return f"def f():\n    return {n}\n"

    examples = [Example({"n": n}, "assert f() % 2 == 0") for n in range(6)]
    found = HyperSystem([write]).evaluate(examples, CompositeScorer.equal(CodeTests(BOX)))
    assert [cell.score for cell in found.cells] == [1.0, 0.0] * 3
