"""Code: judged by a model, or run with tests where that was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

from hyperfunc.errors import MetricError
from hyperfunc.evaluation import sandbox
from hyperfunc.evaluation.scorers.base import Malformed, result, shown
from hyperfunc.types import ScoreResult

from .judge import LLMJudge
from .presets import CODE_CORRECTNESS
from .rubric import Criterion, Rubric
from .wording import judged_text

__all__ = ["CodeCorrectnessJudge", "CodeTests", "code_in"]

_FENCE = r"^[ \t]*```[ \t]*([\w+-]*)[^\n]*\n(.*?)^[ \t]*```"


@final
@dataclass(frozen=True, slots=True)
class CodeTests:
    """The share of tests that Python code passes. It runs the code.

    The output is the code, or a text whose fenced blocks are; what the example expects are the tests: one
    piece of code that raises when something is wrong, or a list of them.

    Args:
        run: where code runs, and what must hold there. There is no default: running code of a model is a
            decision.

    Raises:
        MetricError: ``run`` is no sandbox.

    Example::

        tests = ["assert double(2) == 4", "assert double(-1) == -2"]
        system.evaluate([Example({"task": "double a number"}, tests)], CodeTests(Sandbox()))
    """

    run: sandbox.Sandbox

    def __post_init__(self) -> None:
        if not isinstance(self.run, sandbox.Sandbox):
            raise MetricError(f"run of CodeTests is {shown(self.run)}; give Sandbox() to let code be run")

    async def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Run the code with the tests.

        Returns:
            The share that passed, what went wrong with the others as feedback, and ``details`` with the
            number ``"passed"``, ``"tests"``, and what ``"held"`` while it ran.

        Raises:
            MetricError: the example has no tests, or this system cannot hold what the sandbox needs.
            InfrastructureError: the process could not be started.
        """
        return await _tested(self.run, output, expected)


@final
@dataclass(frozen=True, slots=True)
class CodeCorrectnessJudge(LLMJudge):
    """Judges code. It asks a model and runs nothing, unless ``run`` is given; then tests decide instead.

    Args:
        run: a :class:`Sandbox` lets the code be run with the tests that the example expects, as
            :class:`CodeTests` does, and no model is asked.

    Example::

        CodeCorrectnessJudge("openai/gpt-4.1-mini")                  # asks
        CodeCorrectnessJudge("openai/gpt-4.1-mini", run=Sandbox())   # runs
    """

    criteria: Rubric | Sequence[Criterion] | str = CODE_CORRECTNESS
    run: sandbox.Sandbox | None = None

    async def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Judge code by a model, or run it where a sandbox was given."""
        if self.run is None:
            return await LLMJudge.score(self, output, expected, inputs)
        return await CodeTests(self.run).score(output, expected, inputs)


async def _tested(run: sandbox.Sandbox, output: Any, expected: Any) -> ScoreResult:
    tests = _tests(expected)
    try:
        code = code_in(judged_text(output))
    except Malformed as problem:
        return result(0.0, str(problem), {"malformed": True})
    outcome = await run.run(code, tests)
    wrong = [f"{shown(t, 120)}: {p}" for t, p in zip(tests, outcome.problems, strict=True) if p is not None]
    details = {"passed": outcome.passed, "tests": len(tests), "held": list(outcome.held)}
    return result(outcome.passed / len(tests), "\n".join(wrong) or "all tests pass", details)


def code_in(text: str) -> str:
    """The code in an answer: its blocks that say Python, else those that say nothing, else all of it."""
    blocks = re.findall(_FENCE, text, flags=re.MULTILINE | re.DOTALL)
    for tags in (("python", "py", "python3"), ("",)):
        if found := [code for tag, code in blocks if tag.lower() in tags]:
            return "\n".join(found)
    return text


def _tests(expected: Any) -> list[str]:
    tests = [expected] if isinstance(expected, str) else expected
    if not isinstance(tests, list | tuple) or not tests or not all(isinstance(t, str) for t in tests):
        raise MetricError(
            f"code is run with tests, and the example expects {shown(expected)}; give a piece of test code, "
            "or a list of them"
        )
    return list(tests)
