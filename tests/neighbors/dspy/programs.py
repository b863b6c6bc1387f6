"""Programs under test."""

from __future__ import annotations

from typing import Any

from hyperfunc.optimizers import Optimizer
from hyperfunc.optimizers.base import Ask, Problem, State, Told
from hyperfunc.optimizers.effects import posterior_order
from hyperfunc.spaces import Candidate

from .scripted import answered, dspy, field

SAME = "question -> answer"


class Twins(dspy.Module):  # type: ignore[misc]
    """Two predictors of equal signature; the second reads what the first wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.first = dspy.Predict(SAME)
        self.second = dspy.Predict(SAME)

    def forward(self, question: str) -> Any:
        if question == "boom":
            raise ValueError("no such question")
        draft = self.first(question=question).answer
        return self.second(question=draft)


class Nested(dspy.Module):  # type: ignore[misc]
    """Predictors in lists, dicts and sub-modules, one of them frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.steps = [dspy.Predict(SAME), dspy.Predict(SAME)]
        self.tools = {"look up": dspy.ChainOfThought(SAME)}
        self.frozen = Twins()
        self.frozen._compiled = True

    def forward(self, question: str) -> Any:
        a = self.steps[0](question=question).answer
        b = self.steps[1](question=a).answer
        c = self.tools["look up"](question=b).answer
        return self.frozen(question=c)


def obedient(messages: list[dict[str, str]]) -> str:
    """A model that appends to the question what its instructions say after ``append``."""
    told = messages[0]["content"].partition("append ")[2].split()
    answer = field(messages, "question") + (told[0] if told else "")
    return answered(reasoning="so it is", answer=answer)


def examples(count: int, answer: str = "{}AB") -> list[Any]:
    return [
        dspy.Example(question=f"q{n}", answer=answer.format(f"q{n}")).with_inputs("question")
        for n in range(count)
    ]


class Given(Optimizer):
    """Tries candidates that it was given, all on all examples."""

    def __init__(self, *values: dict[str, Any]) -> None:
        self.values = values

    def __repr__(self) -> str:
        return f"Given({self.values!r})"

    def _init(self, problem: Problem) -> bool:
        return False

    def _ask(self, state: State) -> tuple[Ask | None, bool]:
        if state.own:
            return None, True
        problem = state.problem
        tried = [problem.space.candidate(v, base=problem.start) for v in ({}, *self.values)]
        return Ask(tuple(tried), tuple(range(problem.n_examples)), note="given"), True

    def _tell(self, state: State, ask: Ask, told: Told) -> bool:
        return True

    def _recommend(self, state: State) -> tuple[Candidate, ...]:
        return posterior_order(state.archive) or (state.problem.start,)
