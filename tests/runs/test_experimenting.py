"""An experiment records an evaluation: what it says, what it costs, and that it costs nothing again."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from hyperfunc import (
    Budget,
    ExactMatch,
    Example,
    Experiment,
    HyperSystem,
    Ledger,
    LMParam,
    Random,
    compare,
    hyperfunction,
    llm_completion,
)
from hyperfunc.analysis.experiment import experiment_in, heads_in
from hyperfunc.errors import BudgetTooSmall, EvidenceError, InfrastructureError, ProgramError, UnknownPrice
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

MODEL = "test/experiment"


@hyperfunction(hp_type=LMParam, optimize_hparams=True, model=MODEL)
async def decide(x: int, *, prompt: str, hp: LMParam) -> str:
    """Decide about item 1 of 2."""
    answer = await llm_completion(MODEL, f"{prompt} x={x}", temperature=round(hp.temperature, 2))
    return answer.content


class Program(HyperSystem):
    async def run(self, x: int) -> str:
        if x == 13:
            raise ValueError("thirteen")
        return str(await decide(x))


def answer(request: Request) -> str:
    luck = random.Random(f"{request.messages[0].content} {request.seed}").random()
    return "right" if luck * 2.0 > (request.sampling.temperature or 0.0) else "wrong"


DATA = [Example({"x": x}, "right", group=f"g{x // 2}", weight=1.0 + x % 2) for x in range(24)]
COLD = {"decide.hp.temperature": 0.2}


def run(
    ledger: Path | Ledger, data: Any = DATA, metric: Any = None, script: Any = answer, **options: Any
) -> tuple[Experiment, int]:
    """The record, and how many calls were really made."""
    with ScriptedClient(script, cost=0.125).answering(MODEL, price=0.125) as client:
        return Program().experiment(data, metric or ExactMatch(), ledger=ledger, **options), client.calls


@pytest.fixture
def ledger() -> Any:
    with Ledger.memory() as opened:
        yield opened


def test_it_says_what_evaluate_says_and_what_it_rests_on(ledger: Ledger) -> None:
    found, calls = run(ledger, name="main", candidate=COLD)
    with ScriptedClient(answer).answering(MODEL):
        value = Program().evaluate(DATA, ExactMatch(), candidate=COLD)
    assert found.score.estimate == pytest.approx(float(value))
    assert found.score.low < found.score.estimate < found.score.high
    assert [cell.score for cell in found.cells] == [cell.score for cell in value.cells]
    assert [cell.example for cell in found.cells] == [example.key for example in DATA]
    assert [(cell.group, cell.weight) for cell in found.cells[:3]] == [
        ("group g0", 1.0), ("group g0", 2.0), ("group g1", 1.0),
    ]  # fmt: skip
    assert (found.failed, found.missing, found.groups, calls) == (1, 0, 12, 23)
    assert (found.metric, found.system, found.name) == ("ExactMatch", "Program", "main")
    assert found.values["decide.hp.temperature"] == 0.2
    assert (found.spend["calls"], found.paid) == (23, {"calls": 23, "dollars": 23 * 0.125})
    assert found.environment["models"] == {MODEL: []}


def test_the_ledger_gives_it_back_as_it_was(ledger: Ledger) -> None:
    found, _ = run(ledger, name="main")
    assert experiment_in(ledger, found.id) == found
    assert [head["name"] for head in heads_in(ledger).values()] == ["main"]
    assert ledger.list_runs() == ()


def test_a_second_one_pays_nothing_in_this_process_or_another(tmp_path: Path) -> None:
    first, _ = run(tmp_path / "ledger")
    second, calls = run(tmp_path / "ledger", name="again")
    assert calls == 0
    assert second.paid == {"calls": 0, "dollars": 0.0}
    assert second.spend["calls"] == first.spend["calls"]
    assert (second.cells, second.score, second.candidate) == (first.cells, first.score, first.candidate)
    assert second.id != first.id
    assert compare(first, second).differences[0].verdict == "same"


def test_other_values_are_another_candidate_of_the_same_program(ledger: Ledger) -> None:
    warm, _ = run(ledger, candidate={"decide.hp.temperature": 1.9})
    cold, _ = run(ledger, candidate=COLD)
    assert warm.candidate != cold.candidate
    assert (warm.program, warm.scorer, warm.data) == (cold.program, cold.scorer, cold.data)
    assert warm.compare(cold).gain.low > 0
    assert cold.compare(warm, cold).differences[1].verdict == "same"


def test_repeats_are_averaged(ledger: Ledger) -> None:
    run(ledger)
    often, calls = run(ledger, repeats=4)
    assert calls == 3 * 23
    assert len(often.cells) == 24
    assert any(cell.score not in (0.0, 1.0) for cell in often.cells)


def test_repeats_are_not_taken_for_more_examples(ledger: Ledger) -> None:
    def even(request: Request) -> str:
        return "right" if int(request.messages[0].content.split("=")[-1]) % 3 else "wrong"

    once, _ = run(ledger, script=even)
    often, _ = run(ledger, script=even, repeats=4)
    assert often.cells == once.cells
    assert often.score.low == pytest.approx(once.score.low)
    assert often.score.high == pytest.approx(once.score.high)


def test_what_infrastructure_lost_is_missing_and_tried_again(ledger: Ledger) -> None:
    def broken(request: Request) -> Any:
        if "x=3" in request.messages[0].content:
            return InfrastructureError("the line is down")
        return answer(request)

    first, _ = run(ledger, script=broken)
    assert first.missing == 1
    assert first.cells[3].score is None
    second, calls = run(ledger)
    assert (second.missing, calls) == (0, 1)
    assert second.cells[3].score is not None


def test_nothing_scored_is_no_experiment(ledger: Ledger) -> None:
    with pytest.raises(InfrastructureError, match="the line is down"):
        run(ledger, DATA[:10], script=lambda request: InfrastructureError("the line is down"))
    assert heads_in(ledger) == {}


def test_a_budget_that_ends_early_keeps_what_was_paid_and_records_nothing(ledger: Ledger) -> None:
    with pytest.raises(BudgetTooSmall, match="the budget 10 calls does not pay 24 examples"):
        run(ledger, budget="10 calls")
    assert heads_in(ledger) == {}
    found, calls = run(ledger, budget=Budget(calls=23))
    assert found.spend["calls"] == 23
    assert calls == 13


def test_a_budget_in_dollars_needs_a_price(ledger: Ledger) -> None:
    with ScriptedClient(answer).answering(MODEL, price=None), pytest.raises(UnknownPrice):
        Program().experiment(DATA, ExactMatch(), budget="$1", ledger=ledger)


def accuracy(preds: list[Any], expected: list[Any]) -> float:
    return sum(p == e for p, e in zip(preds, expected, strict=True)) / len(preds)


def test_a_metric_over_sets_has_an_interval_and_no_scores_of_single_examples(ledger: Ledger) -> None:
    found, _ = run(ledger, metric=accuracy, candidate=COLD)
    assert found.score.method == "percentile bootstrap"
    assert found.score.low < found.score.estimate < found.score.high
    assert (found.scorer, {cell.score for cell in found.cells}) == (None, {None})
    with pytest.raises(EvidenceError, match="scored by accuracy, a metric over the whole set"):
        found.compare(found)


def test_evaluating_held_out_examples_counts_as_a_look(tmp_path: Path) -> None:
    held = [Example({"x": x}, "right") for x in range(100, 120)]
    run(tmp_path, data=held)
    run(tmp_path, data=held, name="the same again")
    run(tmp_path, data=held, candidate=COLD)
    with ScriptedClient(answer).answering(MODEL):
        result = Program().optimize(
            DATA, ExactMatch(), test=held, optimizer=Random(3), budget="400 calls", ledger=tmp_path
        )
    assert result.certificate is not None
    assert result.certificate.looks == 2
    assert result.ledger is not None
    result.ledger.close()


def test_a_run_and_an_experiment_meet_on_the_examples_both_have(tmp_path: Path) -> None:
    held = [Example({"x": x}, "right") for x in range(100, 140)]
    base, _ = run(tmp_path, data=[*held, *DATA], name="main", candidate={"decide.hp.temperature": 1.9})
    with ScriptedClient(answer).answering(MODEL):
        result = Program().optimize(
            DATA, ExactMatch(), test=held, optimizer=Random(6), budget="900 calls", ledger=tmp_path
        )
    assert result.certificate is not None
    assert result.ledger is not None
    for reference in ("last", result.run_id, result.certificate):
        found = compare("main", reference, ledger=result.ledger)
        assert found.examples == 40
        assert found.differences[0].score.estimate == result.certificate.figures.winner.estimate
    assert base.compare(result.certificate).gain.low > 0
    result.ledger.close()


def test_the_export_gives_values_and_scores(ledger: Ledger, tmp_path: Path) -> None:
    found, _ = run(ledger, candidate=COLD)
    found.export(tmp_path / "cold.json")
    fresh = Program()
    fresh.load(tmp_path / "cold.json")
    assert fresh.candidate["decide.hp.temperature"] == 0.2
    assert compare(tmp_path / "cold.json", found).differences[0].verdict == "same"


def test_a_fused_evaluation_is_recorded_like_any_other(ledger: Ledger) -> None:
    @hyperfunction(optimize_prompt=False)
    def double(x: Any) -> Any:
        return x * 2.0

    def near(example: Example, pred: Any) -> float:
        return float((pred - example.expected).abs() < 0.5)

    data = [Example({"x": torch.tensor(float(n))}, torch.tensor(float(n * 2 + n % 2))) for n in range(12)]
    system = HyperSystem([double])
    fused = system.experiment(data, near, ledger=ledger, execution="fused")
    plain = system.experiment(data, near, ledger=ledger, execution="plain")
    assert [cell.score for cell in fused.cells] == [1.0, 0.0] * 6
    assert (fused.cells, fused.score) == (plain.cells, plain.score)


HANDLERS: dict[str, Any] = {}


class Late(HyperSystem):
    """Its function is found when a run reaches it, and not by reading the code."""

    async def run(self, x: int) -> str:
        return str(await globals()["HANDLERS"]["de" + "cide"](x))


def test_functions_that_are_reached_late_belong_to_the_values(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(HANDLERS, "decide", decide)
    system = Late()
    assert "decide.prompt" not in system.candidate
    with ScriptedClient(answer).answering(MODEL) as client:
        first = system.experiment(DATA, ExactMatch(), ledger=ledger)
        calls = client.calls
        second = system.experiment(DATA, ExactMatch(), ledger=ledger)
        assert client.calls == calls
    assert first.candidate == second.candidate
    assert "decide.prompt" in first.values


def test_the_async_twin_gives_the_same(ledger: Ledger) -> None:
    with ScriptedClient(answer).answering(MODEL):
        found = asyncio.run(Program().aexperiment(DATA, ExactMatch(), ledger=ledger))
    assert found.cells == run(ledger)[0].cells


def test_without_a_ledger_named_the_default_one_keeps_it() -> None:
    with ScriptedClient(answer).answering(MODEL):
        found = Program().experiment(DATA, ExactMatch(), name="main")
    assert compare("main", found.id[:-2]).examples == 24


@pytest.mark.parametrize("name", ["last", "x.json", "two\nlines", "x" * 101, "\x1b[31m", 7])
def test_a_name_that_means_something_else_is_refused(ledger: Ledger, name: Any) -> None:
    with pytest.raises(EvidenceError, match="name"):
        run(ledger, name=name)


def test_repeats_below_one_are_refused(ledger: Ledger) -> None:
    with pytest.raises(ProgramError, match="repeats is 0"):
        run(ledger, repeats=0)
