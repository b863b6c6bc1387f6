"""Runs whose optimizer has texts written: what proposers are told, what is kept, what is never done twice."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import Example, HyperSystem, Ledger, ScoreResult, hyperfunction, llm_completion
from hyperfunc.errors import ProposerError
from hyperfunc.llm.client import Request, Response, Usage
from hyperfunc.llm.registry import register_client, unregister_client
from hyperfunc.optimizers.proposers import ProposalRequest, Proposed, Reflection, TextProposer
from hyperfunc.optimizers.reflective import Reflective, RoundRobin

WORDS = [f"{side}{number}" for number in range(8) for side in "xy"]
MODEL = "test/consulting"


@hyperfunction(optimize_prompt=True)
async def left(words: str, *, prompt: str) -> str:
    """Keep words."""
    answer = await llm_completion(MODEL, f"{prompt}|{words}", temperature=0)
    return answer.content


@hyperfunction(optimize_prompt=True)
async def right(words: str, *, prompt: str) -> str:
    """Keep words."""
    answer = await llm_completion(MODEL, f"{prompt}|{words}", temperature=0)
    return answer.content


class Keeping(HyperSystem):
    """Keeps the words that its prompts name."""

    async def run(self, words: str) -> str:
        both = await asyncio.gather(left(words), right(words))
        return " ".join(both)


class Model:
    """Says which words of the second part stand in the first, after a random time."""

    def __init__(self, seed: int = 0) -> None:
        self.seen: list[str] = []
        self._luck = random.Random(seed)

    async def complete(self, request: Request) -> Response:
        text = request.messages[0].content
        await asyncio.sleep(self._luck.random() * 0.002)
        self.seen.append(text)  # what is cut off was not answered
        prompt, _, words = text.partition("|")
        kept = " ".join(word for word in words.split() if re.search(rf"\b{word}\b", prompt))
        return Response(text=kept, usage=Usage(prompt_tokens=1, completion_tokens=1), cost=0.001)


@pytest.fixture
def model() -> Iterator[Model]:
    client = Model()
    register_client(MODEL, client)
    yield client
    unregister_client(MODEL)


def metric(
    example: Example, pred: str, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None
) -> ScoreResult:
    """Words with an x are for the left, those with a y for the right."""
    wanted = example.inputs["words"].split()
    missing = [word for word in wanted if word not in pred.split()]
    score = 1 - len(missing) / len(wanted)
    if pred_name is None:
        return ScoreResult(score, f"{len(missing)} words are missing")
    assert all(call.name == pred_name and call.inputs == example.inputs for call in pred_trace)
    assert len(pred_trace) == 1
    own = [word for word in missing if word.startswith("x" if pred_name == "left" else "y")]
    return ScoreResult(score, f"add {own[0]}" if own else "")


def data() -> list[Example]:
    luck = random.Random(5)
    return [Example({"words": " ".join(luck.sample(WORDS, 3))}, None, id=str(n)) for n in range(24)]


class Adding(TextProposer):
    """Adds what the feedback asks for; counts how often it is asked."""

    def __init__(self, delay: int = 0) -> None:
        self.requests: list[ProposalRequest] = []
        self._luck = random.Random(delay)

    def __repr__(self) -> str:
        return "Adding()"

    async def propose(self, request: ProposalRequest) -> Proposed:
        self.requests.append(request)
        await asyncio.sleep(self._luck.random() * 0.004)
        change = {}
        for name in request.names:
            asked = [
                found for record in request.failures for found in re.findall(r"add (\w+)", record.about(name))
            ]
            fresh = [word for word in dict.fromkeys(asked) if word not in request.values[name].split()]
            change[name] = " ".join([request.values[name], *fresh[:2]])
        return Proposed((change,))


def optimize(proposer: Any, ledger: Path | Ledger, **options: Any) -> Any:
    settings = options.pop("settings", {})
    named: dict[str, Any] = {"budget": "150 evaluations", "run_id": "r", "test": data()[16:], "seed": 3}
    return Keeping(ledger=ledger).optimize(
        data()[:12], metric, validation=data()[12:16], optimizer=Reflective(proposer, **settings),
        **{**named, **options},
    )  # fmt: skip


def facts(result: Any) -> Any:
    steps = [(s.note, s.n_candidates, s.best_value, s.incumbent, s.spend.calls, s.spend.evaluations)
             for s in result.history]  # fmt: skip
    return [result.best.to_json(), result.stopped, result.warnings, result.score_best, result.gain, steps]


def test_feedback_reaches_the_component_it_is_about(model: Model, tmp_path: Path) -> None:
    proposer = Adding()
    result = optimize(proposer, tmp_path, budget="300 evaluations")
    assert result.score_start == 0.0
    assert result.score_best > 0.9
    assert not result.recommended_start
    assert set(re.findall(r"[xy]\d", result.best["left.prompt"])) <= {w for w in WORDS if w[0] == "x"}
    assert set(re.findall(r"[xy]\d", result.best["right.prompt"])) <= {w for w in WORDS if w[0] == "y"}
    first = proposer.requests[0]
    assert first.task == "Keeps the words that its prompts name."
    assert {call.function for record in first.records for call in record.exchanges} == {"left", "right"}
    assert first.records == tuple(sorted(first.records, key=lambda record: record.score))


def test_held_out_and_validation_examples_are_never_shown(model: Model, tmp_path: Path) -> None:
    proposer = Adding()
    optimize(proposer, tmp_path)
    shown = {record.inputs["words"] for request in proposer.requests for record in request.records}
    assert shown <= {example.inputs["words"] for example in data()[:12]}


def test_decisions_do_not_depend_on_time(tmp_path: Path) -> None:
    found = []
    for delay in range(4):
        register_client(MODEL, Model(delay))
        found.append(facts(optimize(Adding(delay), tmp_path / str(delay), max_concurrency=1 + 7 * delay)))
    unregister_client(MODEL)
    assert found[0] == found[1] == found[2] == found[3]


class Stop(Exception):
    pass


class StopAt:
    """Breaks off at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __getattr__(self, name: str) -> Any:
        return lambda payload: self._step(payload) if name == "on_step" else None

    def _step(self, record: Any) -> None:
        if record.step == self.step:
            raise Stop


def test_a_run_that_is_broken_off_anywhere_goes_on_to_the_same_end(model: Model, tmp_path: Path) -> None:
    whole = optimize(Adding(), tmp_path / "whole")
    paid = len(model.seen)
    for step in range(0, len(whole.history), 3):
        model.seen.clear()
        first, second = Adding(), Adding()
        with pytest.raises(Stop):
            optimize(first, tmp_path / str(step), callbacks=[StopAt(step)])
        resumed = optimize(second, tmp_path / str(step))
        assert facts(resumed) == facts(whole)
        assert len(model.seen) == paid, "what was paid is not paid again"


def test_a_kept_proposal_is_not_asked_for_again(model: Model, tmp_path: Path) -> None:
    first, second = Adding(), Adding()
    one, two = optimize(first, tmp_path), optimize(second, tmp_path)
    assert facts(one) == facts(two)
    assert first.requests
    assert not second.requests


def test_a_plain_function_may_propose(model: Model, tmp_path: Path) -> None:
    def add_all(request: ProposalRequest) -> dict[str, str]:
        return {
            name: " ".join(w for w in WORDS if w[0] == ("x" if "left" in name else "y"))
            for name in request.names
        }

    assert optimize(add_all, tmp_path).score_best == 1.0


def test_a_proposer_that_returns_nonsense_is_an_error_that_says_so(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ProposerError, match=r"returned 3\.5 of type float; return a text"):
        optimize(lambda request: 3.5, tmp_path)


def test_an_unchanged_text_is_no_proposal_and_a_run_of_them_ends(model: Model, tmp_path: Path) -> None:
    result = optimize(lambda request: dict(request.values), tmp_path, settings={"patience": 5})
    assert result.stopped == "5 proposals in a row brought nothing new to try"
    assert result.winner == result.start


def test_components_may_take_turns(model: Model, tmp_path: Path) -> None:
    proposer = Adding()
    optimize(proposer, tmp_path, settings={"components": RoundRobin()})
    assert {len(request.names) for request in proposer.requests} == {1}
    assert {request.names[0] for request in proposer.requests} == {"left.prompt", "right.prompt"}


class Writer:
    """A reflector over a model: adds what it is told, and costs."""

    def __init__(self) -> None:
        self.calls = 0

    async def complete(self, request: Request) -> Response:
        self.calls += 1
        prompt = "\n".join(message.content for message in request.messages)
        _, current, rest = prompt.split("```", 2)
        fresh = [
            word for word in dict.fromkeys(re.findall(r"add (\w+)", rest)) if word not in current.split()
        ]
        text = " ".join([current.strip(), *fresh[:2]])
        return Response(
            text=f"```\n{text}\n```", usage=Usage(prompt_tokens=300, completion_tokens=20), cost=0.01
        )


def test_a_reflector_is_charged_to_the_same_budget_and_keeps_to_its_share(
    model: Model, tmp_path: Path
) -> None:
    writer = Writer()
    register_client("test/writer", writer)
    limited = optimize(
        Reflection("test/writer"), tmp_path / "a", budget="300 calls", settings={"share": 0.05, "patience": 3}
    )
    assert 0 < writer.calls <= 15
    assert limited.spend.calls <= 300
    assert any("consultations have used up their share, 5%" in step.note for step in limited.history)
    assert limited.paid_calls == len(model.seen) + writer.calls
    free = optimize(Reflection("test/writer"), tmp_path / "b", budget="300 calls")
    assert free.spend.calls <= 300
    assert free.score_best > 0.8
    unregister_client("test/writer")


@pytest.mark.parametrize("seed", range(12))
def test_no_budget_is_ever_overshot(seed: int, tmp_path: Path) -> None:
    luck = random.Random(seed)
    client, writer = Model(seed), Writer()
    register_client(MODEL, client)
    register_client("test/writer", writer)
    calls, evaluations = luck.randrange(60, 400), luck.randrange(40, 200)
    result = optimize(
        Reflection("test/writer"), tmp_path, budget=f"{calls} calls, {evaluations} evaluations",
        max_concurrency=luck.choice([1, 3, 16, 200]), seed=seed,
    )  # fmt: skip
    assert len(client.seen) + writer.calls == result.paid_calls <= calls
    assert result.spend.evaluations <= evaluations
    unregister_client("test/writer")
    unregister_client(MODEL)
