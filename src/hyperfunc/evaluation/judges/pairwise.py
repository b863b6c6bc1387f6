"""``PairwiseJudge``: which of two texts is better, asked in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hyperfunc.evaluation.scorers.base import Malformed, clean
from hyperfunc.llm.fencing import fenced
from hyperfunc.types import JSON

from .asking import Asking, all_of, ask
from .judge import as_rubric, as_temperature, check_length
from .rubric import Criterion, Rubric
from .wording import judged_text, messages_of_pair, texts_about

__all__ = ["Comparison", "PairwiseJudge", "Slot"]

Slot = Literal["one", "two", "equal"]

_MOST_REASON = 600
_SCHEMA: Mapping[str, JSON] = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "better": {"type": "string", "enum": ["one", "two", "equal"]},
    },
    "required": ["reason", "better"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two texts, compared in both orders.

    Args:
        slots: which place the judge preferred, first with the first text in place one, then with the first
            text in place two; empty when nothing was asked: a text could not be shown, or both are equal.
        reasons: the judge's words in the same order; when nothing was asked, why, for each text.
        result: 1 when the first text is better, 0 when the second is, 0.5 for a tie. What the two orders do
            not agree on is a tie.
    """

    slots: tuple[Slot, ...]
    reasons: tuple[str, ...]
    result: float

    @property
    def consistent(self) -> bool:
        """Whether both orders had the same outcome."""
        return len({_result(*order) for order in enumerate(self.slots)}) < 2


@dataclass(frozen=True, slots=True)
class PairwiseJudge:
    """Asks a model which of two texts is better, once in each order.

    Comparing is often more reliable than giving numbers, but models prefer a place: so both orders are
    asked, and when the two answers do not agree the result is a tie. Arguments are those of
    :class:`LLMJudge`; a rubric's numbers and weights play no part, its questions do.

    Args:
        model: that judges.
        criteria: a :class:`Rubric`, a list of :class:`Criterion`, or a text.
        include_inputs: show the task's inputs.
        include_expected: show what the example expects, if it expects anything.
        temperature: at least 0, or ``None``.
        seed: another seed is another draw of the judge.
        retries: further tries after an answer that cannot be read.
        max_tokens: longest answer.
        max_chars: of a text that are shown.

    Raises:
        MetricError: one of these is wrong.

    Example::

        judge = PairwiseJudge("openai/gpt-4.1-mini", "Which story would you rather read on?")
        comparison = await judge.compare(story, other, inputs={"prompt": prompt})

    Source: both orders with disagreement as a tie as in Zheng et al., "Judging LLM-as-a-judge with MT-bench
    and chatbot arena" (2023), arXiv:2306.05685, section 3.4.
    """

    model: str
    criteria: Rubric | Sequence[Criterion] | str
    include_inputs: bool = True
    include_expected: bool = True
    temperature: float | None = 0.0
    seed: int | None = None
    retries: int = 2
    max_tokens: int = 1024
    max_chars: int = 50_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "criteria", as_rubric(self.criteria, None))
        object.__setattr__(self, "temperature", as_temperature(self.temperature))
        check_length(self.max_chars)
        self._asking()

    @property
    def rubric(self) -> Rubric:
        """What it is asked."""
        assert isinstance(self.criteria, Rubric)
        return self.criteria

    def reseeded(self, seed: int) -> PairwiseJudge:
        """The same judge, drawn again."""
        return replace(self, seed=seed)

    async def compare(
        self, first: Any, second: Any, *, inputs: Mapping[str, Any] | None = None, expected: Any = None
    ) -> Comparison:
        """Compare two outputs of one task.

        Args:
            first, second: outputs; a failure and ``None`` lose to a text and tie with each other, unasked.
            inputs: of the task.
            expected: what the example expects, or ``None``.

        Raises:
            JudgeFailed: there was no readable answer in one of the orders.
            InfrastructureError: the model cannot be reached.
        """
        (one, fault_one), (two, fault_two) = _text_of(first), _text_of(second)
        if one is None or two is None:
            return Comparison((), (fault_one, fault_two), 0.5 + ((one is not None) - (two is not None)) / 2)
        if one == two:
            return Comparison((), ("the texts are equal",) * 2, 0.5)
        return await self._compare(one, two, inputs, expected)

    async def _compare(
        self, first: str, second: str, inputs: Mapping[str, Any] | None, expected: Any
    ) -> Comparison:
        about = texts_about(
            inputs if self.include_inputs else None, expected if self.include_expected else None
        )
        orders = [(first, second), (second, first)]
        answers = []
        for answer in await all_of(self._one_order(about, one, two) for one, two in orders):
            if isinstance(answer, Exception):
                raise answer
            answers.append(answer)
        slots: tuple[Slot, ...] = tuple(answer["better"] for answer in answers)
        reasons = tuple(clean(" ".join(answer["reason"].split()), _MOST_REASON) for answer in answers)
        outcomes = {_result(*order) for order in enumerate(slots)}
        return Comparison(slots, reasons, outcomes.pop() if len(outcomes) == 1 else 0.5)

    async def _one_order(self, about: Mapping[str, str], one: str, two: str) -> dict[str, JSON]:
        material = fenced({**about, "text one": one, "text two": two}, self.max_chars)
        return (await ask(self._asking(), messages_of_pair(self.rubric, material), _SCHEMA))[0]

    def _asking(self) -> Asking:
        return Asking(self.model, self.temperature, self.seed, self.retries, self.max_tokens)


def _text_of(output: Any) -> tuple[str | None, str]:
    """The text of an output, or why it has none."""
    try:
        return judged_text(output), ""
    except Malformed as problem:
        return None, str(problem)


def _result(order: int, slot: Slot) -> float:
    """The result for the first text when it stood in place one (order 0) or two (order 1)."""
    if slot == "equal":
        return 0.5
    return float((slot == "one") == (order == 0))
