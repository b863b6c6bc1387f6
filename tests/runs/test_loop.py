"""A whole run: what it finds, what it may spend, how it goes on, and what it refuses."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import (
    ESHybridSystemOptimizer,
    ExactMatch,
    Example,
    HyperSystem,
    Ledger,
    LMParam,
    Real,
    hyperfunction,
    llm_completion,
)
from hyperfunc.errors import BudgetSyntax, BudgetTooSmall, MetricError, ProgramError
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

MODEL = "test/loop"


@hyperfunction(optimize_hparams=True, optimize_prompt=False)
async def decide(x: int, *, hp: LMParam) -> str:
    answer = await llm_completion(MODEL, f"x={x}", temperature=round(hp.temperature, 2))
    return answer.content


class Program(HyperSystem):
    async def run(self, x: int) -> str:
        return str(await decide(x))


def answer(request: Request) -> str:
    """Right where the temperature is low; in between, luck decides."""
    luck = random.Random(f"{request.messages[0].content} {request.seed}").random()
    return "right" if luck * 2.0 > (request.sampling.temperature or 0.0) else "wrong"


DATA = [Example({"x": x}, "right") for x in range(30)]


def facts(result: Any) -> dict[str, Any]:
    return {
        "best": result.best.id,
        "winner": result.winner.id,
        "scores": (result.score_start, result.score_best),
        "gain": result.gain,
        "steps": [(s.note, s.n_candidates, s.best_value) for s in result.history],
        "calls": result.spend.calls,
        "evaluations": result.spend.evaluations,
        "warnings": result.warnings,
    }


def train(ledger: Path | Ledger, script: Any = answer, budget: str = "400 calls", **options: Any) -> Any:
    system = Program()
    with ScriptedClient(script).answering(MODEL) as client:
        result = system.optimize(DATA, ExactMatch(), budget=budget, ledger=ledger, **options)
    return result, client, system


def test_a_run_finds_what_is_better_within_its_budget(tmp_path: Path) -> None:
    result, client, system = train(tmp_path / "l")
    assert client.calls <= 400
    assert result.spend.calls <= 400
    assert result.winner["decide.hp.temperature"] < 0.7
    assert result.score_best >= result.score_start
    assert system.candidate.id == system._as_candidate(result.best).id


@pytest.mark.parametrize("limit", [1, 512])
def test_the_same_seed_gives_the_same_run_whatever_the_concurrency(limit: int, tmp_path: Path) -> None:
    async def late(request: Request) -> str:
        for _ in range(random.randrange(3)):
            await asyncio.sleep(0)
        return answer(request)

    first, _, _ = train(tmp_path / "a", budget="150 calls", seed=3)
    second, _, _ = train(tmp_path / "b", late, budget="150 calls", seed=3, max_concurrency=limit)
    assert facts(first) == facts(second)


@pytest.mark.parametrize("share", [0.05, 0.4, 0.95])
def test_a_run_that_was_killed_goes_on_to_the_same_result(share: float, tmp_path: Path) -> None:
    whole, client, _ = train(tmp_path / "whole", budget="150 calls", run_id="r")
    needed = client.calls
    at, asked = max(1, int(share * needed)), 0

    def dying(request: Request) -> str:
        nonlocal asked
        asked += 1
        if asked == at:
            raise KeyboardInterrupt
        return answer(request)

    with pytest.raises(KeyboardInterrupt) as caught:
        train(tmp_path / "l", dying, budget="150 calls", run_id="r")
    assert any("run_id='r'" in note for note in caught.value.__notes__)
    resumed, client, _ = train(tmp_path / "l", budget="150 calls", run_id="r")
    assert facts(resumed) == facts(whole)
    assert client.calls <= needed - (at - 1)


def test_a_second_identical_run_pays_nothing(tmp_path: Path) -> None:
    first, _, _ = train(tmp_path / "l", budget="150 calls")
    second, client, _ = train(tmp_path / "l", budget="150 calls")
    assert client.calls == second.paid_calls == 0
    assert facts(second) == facts(first)


@pytest.mark.parametrize("calls", [11, 30, 64])
def test_a_budget_is_never_exceeded(calls: int, tmp_path: Path) -> None:
    try:
        _, client, _ = train(tmp_path / "l", budget=f"{calls} calls")
    except BudgetTooSmall:
        return
    assert client.calls <= calls


def test_evaluations_are_never_exceeded(tmp_path: Path) -> None:
    result, client, _ = train(tmp_path / "l", budget="90 evaluations")
    assert 0 < result.spend.evaluations <= 90
    assert client.calls <= 90


def test_a_deadline_ends_a_program_without_any_model(tmp_path: Path) -> None:
    @hyperfunction(hp_type=LMParam, optimize_hparams=True)
    def score(x: int, hp: LMParam) -> float:
        return -abs(hp.temperature - 0.5)

    system = HyperSystem([score], system_optimizer=ESHybridSystemOptimizer(steps=10**6))
    data = [Example("score", {"x": x}) for x in range(3)]
    result = system.optimize(
        data, lambda preds, expected: sum(preds) / len(preds), budget="1 s", ledger=tmp_path / "l"
    )
    assert result.spend.seconds < 20


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"budget": "2 calls"}, BudgetTooSmall, "cannot pay the start"),
        ({"budget": "many"}, BudgetSyntax, "many"),
        ({"budget": 100}, BudgetSyntax, "does not say of what"),
    ],
)
def test_a_wrong_budget_is_one_clear_error(
    options: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        train(tmp_path / "l", **options)


def test_a_metric_that_cannot_judge_the_start_is_an_error(tmp_path: Path) -> None:
    def broken(example: Example, pred: str) -> float:
        return float("nan")

    with ScriptedClient(answer).answering(MODEL), pytest.raises(MetricError, match="start cannot be judged"):
        Program().optimize(DATA, broken, budget="100 calls", ledger=tmp_path / "l")


def test_a_run_that_reaches_nothing_learnable_is_an_error(tmp_path: Path) -> None:
    @hyperfunction
    def fixed(x: int) -> int:
        return x

    class Fixed(HyperSystem):
        def run(self, x: int) -> int:
            return int(fixed(x))

    with pytest.raises(ProgramError, match="nothing can be learnt here"):
        Fixed().optimize(DATA, ExactMatch(), budget="100 calls", ledger=tmp_path / "l")

    class Missed(HyperSystem):
        def run(self, x: int) -> str:
            return "a" if x >= 0 else str(decide(x))

    with pytest.raises(ProgramError, match="reached none of the functions"):
        Missed().optimize(DATA, ExactMatch(), budget="100 calls", ledger=tmp_path / "l")


def test_an_interrupt_says_once_how_to_go_on(tmp_path: Path) -> None:
    def interrupted(preds: Any, expected: Any) -> float:
        raise KeyboardInterrupt

    class One(HyperSystem):
        knob = Real(0.0, 1.0)

        def run(self, x: float) -> float:
            return x * self.knob

    with pytest.raises(KeyboardInterrupt) as caught:
        One().optimize([({"x": 1.0}, 1.0)] * 4, interrupted, ledger=tmp_path / "l", run_id="r")
    assert len(caught.value.__notes__) == 1
