"""``LLMJudge``: a scorer that asks a model to judge one text by a rubric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from hyperfunc.errors import MetricError
from hyperfunc.evaluation.scorers.base import Malformed, result, shown
from hyperfunc.llm.fencing import fenced
from hyperfunc.types import ScoreResult

from .asking import Asking, ask
from .rubric import Criterion, Rubric, feedback_of, marks_of, schema_of_marks, value_of
from .wording import judged_text, messages_of_marks, texts_about

__all__ = ["LLMJudge", "as_rubric", "as_temperature", "check_length"]


@dataclass(frozen=True, slots=True)
class LLMJudge:
    """A scorer that asks a model to judge one text by a rubric.

    The model gives a whole number for each criterion, under a JSON schema; the rest is computed here. It
    sees the rubric, the inputs of the task, what is expected, and the one text, all texts fenced as data, and
    nothing of who or what made the text. A judgement that cannot be had is missing: the cell is left open,
    counted, and never a score.

    Args:
        model: that judges, such as ``"openai/gpt-4.1-mini"``. Take another one than what is judged: models
            favor their own texts.
        criteria: a :class:`Rubric`, a list of :class:`Criterion`, or a text that makes a rubric of one.
        scale: the least and the highest number for criteria given as a text; (1, 5) by default.
        include_inputs: show the task's inputs.
        include_expected: show what the example expects, if it expects anything.
        temperature: at least 0; 0 asks for the likeliest answer, ``None`` leaves it to the server, which
            some reasoning models insist on.
        seed: another seed is another draw of the judge (see :func:`retest`). By default equal texts get
            equal judgements at temperature 0, and otherwise each place of an evaluation has its own luck.
        retries: further tries after an answer that cannot be read, at least 0.
        max_tokens: longest answer; a reasoning model needs room for its thoughts.
        max_chars: of a text, the inputs, or the expectation that are shown; of longer ones the middle is
            left out, visibly. At least 100.

    Raises:
        MetricError: one of these is wrong.

    Example::

        judge = LLMJudge("openai/gpt-4.1-mini", "Is the reply polite?", scale=(1, 5))
        system.evaluate(examples, judge)

    Source: a number for each criterion as in Liu et al., "G-Eval: NLG evaluation using GPT-4 with better
    human alignment" (2023), arXiv:2303.16634; the biases of such judges in Zheng et al., "Judging
    LLM-as-a-judge with MT-bench and chatbot arena" (2023), arXiv:2306.05685, section 3.
    """

    model: str
    criteria: Rubric | Sequence[Criterion] | str
    scale: tuple[int, int] | None = None
    include_inputs: bool = True
    include_expected: bool = True
    temperature: float | None = 0.0
    seed: int | None = None
    retries: int = 2
    max_tokens: int = 2048
    max_chars: int = 50_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "criteria", as_rubric(self.criteria, self.scale))
        object.__setattr__(self, "scale", None)
        object.__setattr__(self, "temperature", as_temperature(self.temperature))
        check_length(self.max_chars)
        self._asking()

    @property
    def rubric(self) -> Rubric:
        """What it is asked."""
        assert isinstance(self.criteria, Rubric)
        return self.criteria

    def reseeded(self, seed: int) -> Self:
        """The same judge, drawn again."""
        return replace(self, seed=seed)

    async def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Judge one output.

        Args:
            output: the text; data is shown as JSON. A failure and ``None`` score 0 unasked.
            expected: what the example expects, or ``None``.
            inputs: of the task.

        Returns:
            The weighted mean of the marks, in [0, 1], with the reasons of what was weak as feedback, and in
            ``details`` the marks by criterion under ``"criteria"``, and ``"tries"``, ``"defused"`` (control
            tokens and invisible characters that were shown instead of sent) and ``"left_out"`` (characters).

        Raises:
            JudgeFailed: the model gave no readable answer.
            InfrastructureError: it cannot be reached.
        """
        return await _judged(self, output, expected, inputs)

    def _asking(self) -> Asking:
        return Asking(self.model, self.temperature, self.seed, self.retries, self.max_tokens)


async def _judged(judge: LLMJudge, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
    """Here and not in the method, so that the ledger sees a change of any function it names."""
    try:
        text = judged_text(output)
    except Malformed as problem:
        return result(0.0, str(problem), {"malformed": True})
    about = texts_about(
        inputs if judge.include_inputs else None, expected if judge.include_expected else None
    )
    material = fenced({**about, "text": text}, judge.max_chars)
    rubric = judge.rubric
    messages = messages_of_marks(rubric, material)
    answer, tries = await ask(judge._asking(), messages, schema_of_marks(rubric))
    marks = marks_of(rubric, answer)
    details = {
        "criteria": {mark.name: mark.as_json() for mark in marks},
        "tries": tries, "defused": material.defused, "left_out": material.left_out,
    }  # fmt: skip
    return result(value_of(marks), feedback_of(rubric, marks), details)


def as_rubric(criteria: Any, scale: tuple[int, int] | None) -> Rubric:
    """The rubric that a judge was given in one of its forms.

    Raises:
        MetricError: it is none of them, or a scale was given to a rubric that has its own.
    """
    if isinstance(criteria, str):
        return Rubric.of(criteria, (1, 5) if scale is None else scale)
    if scale is not None:
        raise MetricError(
            f"scale is {shown(scale)}, but the criteria have scales of their own; give it there"
        )
    return criteria if isinstance(criteria, Rubric) else Rubric(criteria)


def as_temperature(temperature: Any) -> float | None:
    """A temperature in the one form that equal judges share, or ``None``.

    Raises:
        MetricError: it is none.
    """
    if temperature is None:
        return None
    try:
        number = float(temperature)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 <= number < math.inf:
        raise MetricError(f"the temperature of a judge is {shown(temperature)}; give at least 0, or None")
    return number


def check_length(max_chars: Any) -> None:
    """Check how much of a text a judge may see.

    Raises:
        MetricError: it is too little to judge by.
    """
    if not isinstance(max_chars, int) or max_chars < 100:
        raise MetricError(f"max_chars of a judge is {max_chars!r}; give at least 100")
