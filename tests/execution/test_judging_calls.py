"""A metric that judges calls gets those of each lane; nothing else is traced, and nothing is paid twice."""

from __future__ import annotations

import asyncio
from collections import deque
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import (
    CallGraph,
    Choice,
    CompositeScorer,
    ExactMatch,
    Example,
    HyperSystem,
    Ledger,
    Random,
    ScoreResult,
    hyperfunction,
    llm_completion,
)
from hyperfunc.errors import MetricError
from hyperfunc.evaluation import (
    ToolEfficiency,
    TrajectoryExactMatch,
    TrajectoryF1,
    TrajectoryOrder,
    TrajectoryRecall,
    as_metric,
    same_name,
)
from hyperfunc.execution import filling
from hyperfunc.testing import ScriptedClient

MODEL = "test/calls"
TOOLS = ("search", "buy")


@hyperfunction
async def search(query: str) -> str:
    return f"{query} found"


@hyperfunction
async def buy(item: str) -> str:
    return f"{item} bought"


class Agent(HyperSystem):
    way = Choice(("straight", "twice", "backwards", "none", "broken"))

    async def run(self, wish: str) -> str:
        if self.way == "broken":
            raise ValueError("lost")
        if self.way == "none":
            return wish
        if self.way == "backwards":
            await buy(wish)
            return await search(wish)
        found = await search(wish)
        if self.way == "twice":
            found = await search(wish)
        return await buy(found)


ROWS = [Example({"wish": wish}, ["search", "buy"]) for wish in ("lamp", "rug")]
WAYS = [{"way": way} for way in ("straight", "twice", "backwards", "none", "broken")]


@pytest.mark.parametrize(
    ("scorer", "values"),
    [
        (TrajectoryExactMatch(), [1.0, 0.0, 0.0, 0.0, 0.0]),
        (TrajectoryF1(), [1.0, 0.8, 1.0, 0.0, 0.0]),
        (TrajectoryOrder(), [1.0, 1.0, 0.5, 0.0, 0.0]),
        (TrajectoryRecall(only="search", match=same_name), [1.0, 1.0, 1.0, 0.0, 0.0]),
        (ToolEfficiency(), [1.0, 2 / 3, 1.0, 0.0, 0.0]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_candidates_are_judged_by_the_calls_they_make(scorer: Any, values: list[float]) -> None:
    rows = [Example(e.inputs, ["search"]) for e in ROWS] if scorer.only else ROWS
    found = Agent().evaluate_population(WAYS, rows, scorer)
    assert list(found) == pytest.approx(values)
    assert found.execution.mode == "plain"
    assert found.execution.why == "the metric judges calls"
    assert found[0].traces == (None, None)
    assert found[4].cells[0].failure == "ValueError: lost"
    assert "missing: search, buy" in found[3].cells[0].feedback or scorer.only


def test_the_answer_and_the_way_may_count_both() -> None:
    def right(example: Example, pred: str, trace: CallGraph) -> float:
        way = TrajectoryExactMatch().compare(trace, example.expected["way"])
        return 0.5 * way.score + 0.5 * (pred == example.expected["answer"])

    row = Example({"wish": "lamp"}, {"answer": "lamp found bought", "way": ["search", "buy"]})
    assert list(Agent().evaluate_population(WAYS, [row], right)) == [1.0, 0.5, 0.0, 0.0, 0.0]
    whole = CompositeScorer([(TrajectoryF1(), 0.5), (ToolEfficiency(), 0.5)])
    assert list(Agent().evaluate_population(WAYS, ROWS, whole)) == pytest.approx([1, 11 / 15, 1, 0, 0])


def test_collected_traces_are_those_that_were_judged() -> None:
    seen: list[CallGraph] = []

    def look(example: Example, pred: str, trace: CallGraph) -> float:
        seen.append(trace)
        return 1.0

    found = Agent().evaluate(ROWS, look, collect_trace=True)
    assert [id(t) for t in found.traces] == [id(t) for t in seen]
    assert found.execution.why == "calls are traced"


# Nothing is traced that nobody asked for


@pytest.mark.parametrize(
    "metric",
    [
        ExactMatch(),
        lambda example, pred: 1.0,
        lambda example, pred, trace=None: 1.0 if trace is None else 0.0,
        lambda preds, expected: 1.0,
    ],
)
def test_no_lane_is_traced_for_other_metrics(metric: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(before: Any) -> None:
        raise AssertionError("a lane was traced")

    monkeypatch.setattr(filling, "Tracer", never)
    assert not as_metric(metric).traced
    Agent().evaluate(ROWS, metric)
    with pytest.raises(AssertionError, match="was traced"):
        Agent().evaluate(ROWS, TrajectoryF1())


def test_a_trace_with_a_default_is_not_given_even_where_traces_are_collected() -> None:
    def like_dspy(example: Example, pred: str, trace: Any = None) -> float:
        return 1.0 if trace is None else 0.0

    assert Agent().evaluate(ROWS, like_dspy) == Agent().evaluate(ROWS, like_dspy, collect_trace=True) == 1.0


def test_calls_of_the_metric_itself_are_not_judged() -> None:
    async def asking(example: Example, pred: str, trace: CallGraph) -> ScoreResult:
        await search("again")
        return ScoreResult(1.0, " ".join(c.name for c in trace.calls))

    assert Agent().evaluate(ROWS, asking).cells[0].feedback == "search buy"


# What is shared, paid and kept


def counted(**settings: Any) -> tuple[type[HyperSystem], deque[str]]:
    # No list: what a list holds would be a part of the program.
    made: deque[str] = deque()

    @hyperfunction(name="leaf", **settings)
    async def leaf(x: str) -> str:
        made.append(f"leaf {x}")
        await asyncio.sleep(0)
        return x * 2

    @hyperfunction(name="around", **settings)
    async def around(x: str) -> str:
        made.append(f"around {x}")
        return await leaf(x) + await leaf("same")

    class Counted(HyperSystem):
        other = Choice(("a", "b", "c", "d"))

        async def run(self, x: str) -> str:
            return await around(x) + await leaf(x)

    return Counted, made


POPULATION = [{"other": value} for value in "abcd"]
PATH = ["around", "leaf", "leaf", "leaf"]
WHOLE = TrajectoryExactMatch(nested=True)


@pytest.mark.parametrize("limit", [1, 512])
def test_equal_calls_are_made_once_unless_calls_are_inside(limit: int) -> None:
    kind, made = counted()
    rows = [Example({"x": x}, PATH) for x in ("one", "two")]
    found = kind().evaluate_population(POPULATION, rows, WHOLE, max_concurrency=limit)
    assert list(found) == [1.0] * 4
    assert sorted(made) == ["around one"] * 4 + ["around two"] * 4 + ["leaf one", "leaf same", "leaf two"]


def test_calls_of_one_trace_have_outputs_of_their_own() -> None:
    kind, _ = counted()
    seen: list[CallGraph] = []

    def look(example: Example, pred: str, trace: CallGraph) -> float:
        seen.append(trace)
        return 1.0

    kind().evaluate_population(POPULATION, [Example({"x": "one"}, PATH)], look)
    for trace in seen:
        first, last = trace.calls[1], trace.calls[3]
        assert first.output == last.output == "oneone"
        assert first.output is not last.output


@pytest.mark.parametrize("limit", [1, 512])
def test_every_call_that_is_made_is_charged_and_charged_again_by_a_run_that_repeats_it(
    limit: int, tmp_path: Path
) -> None:
    kind, made = counted(model="test/own")
    rows = [Example({"x": x}, PATH) for x in ("one", "two", "three")]

    def run() -> Any:
        made.clear()
        return kind().optimize(
            rows, WHOLE, budget="60 calls", optimizer=Random(), ledger=tmp_path, max_concurrency=limit
        )

    first = run()
    # What is called inside a call that is paid is paid with it, and shared with who calls it outside.
    assert first.paid_calls == first.spend.calls == len([c for c in made if c.startswith("around")])
    assert 3 * 2 <= first.spend.calls <= 60
    second = run()
    assert not made
    assert (second.paid_calls, second.spend.calls) == (0, first.spend.calls)


def test_what_is_in_the_ledger_is_not_run_again(tmp_path: Path) -> None:
    kind, made = counted()
    rows = [Example({"x": x}, PATH) for x in ("one", "two")]

    def run(metric: Any) -> int:
        made.clear()
        assert kind().evaluate(rows, metric, ledger=tmp_path) == 1.0
        return len(made)

    assert run(lambda example, pred: 1.0) == 5
    assert run(WHOLE) == 5  # a prediction does not say how it came about
    assert run(WHOLE) == 0
    assert run(TrajectoryRecall(nested=True)) == 5
    assert run(lambda example, pred: 1.0) == 0


def test_finished_calls_come_from_the_ledger(tmp_path: Path) -> None:
    kind, made = counted(cache=True)
    rows = [Example({"x": "one"}, PATH)]
    kind().evaluate(rows, WHOLE, ledger=tmp_path)
    made.clear()
    assert kind().evaluate(rows, WHOLE, candidate={"other": "b"}, ledger=tmp_path) == 1.0
    assert list(made) == ["around one"]


@hyperfunction
async def ask(wish: str, *, prompt: str) -> str:
    """Ask."""
    return (await llm_completion(MODEL, f"{prompt} {wish}", temperature=0.5)).content


class Asking(HyperSystem):
    times = Choice((3, 2, 1))

    async def run(self, wish: str) -> str:
        for _ in range(self.times):
            wish = await ask(wish)
        return wish


def train(ledger: Path | Ledger, **options: Any) -> tuple[Any, ScriptedClient]:
    client = ScriptedClient(lambda request: str(hash((request.messages[-1].content, request.seed)) % 7))
    data = [Example({"wish": f"wish {n}"}, ["ask"]) for n in range(30)]
    with client.answering(MODEL):
        result = Asking().optimize(
            data, ToolEfficiency(), budget="300 calls", optimizer=Random(), ledger=ledger, **options
        )
    return result, client


def test_a_program_learns_to_take_fewer_steps_and_resumes_for_free(tmp_path: Path) -> None:
    first, client = train(tmp_path / "a")
    assert first.best["times"] == 1
    assert first.score_best == 1.0
    assert client.calls == first.paid_calls <= 300
    again, idle = train(tmp_path / "a")
    assert idle.calls == again.paid_calls == 0
    slow, _ = train(tmp_path / "b", max_concurrency=1)
    for other in (again, slow):
        assert (other.best, other.score_best, other.gain, other.spend.calls) == (
            first.best, first.score_best, first.gain, first.spend.calls,
        )  # fmt: skip


def test_an_example_without_a_trajectory_stops_the_evaluation() -> None:
    with pytest.raises(MetricError, match="the example expects None"):
        Agent().evaluate([Example({"wish": "lamp"}, None)], TrajectoryF1())


def test_programs_of_tensors_are_judged_by_their_calls() -> None:
    torch = pytest.importorskip("torch")

    @hyperfunction
    def double(x: Any) -> Any:
        return 2 * x

    class Tensors(HyperSystem):
        times = Choice((1, 2))

        def run(self, x: Any) -> Any:
            for _ in range(self.times):
                x = double(x + 1)
            return x

    def chained(example: Example, pred: Any, trace: CallGraph) -> float:
        return len([e for e in trace.edges if e.kind == "derives"]) / 2

    rows = [Example({"x": torch.ones(2)}, ["double", "double"]) for _ in range(3)]
    population = [{"times": 1}, {"times": 2}]
    assert list(Tensors().evaluate_population(population, rows, TrajectoryRecall())) == [0.5, 1.0]
    assert list(Tensors().evaluate_population(population, rows, chained)) == [0.0, 0.5]


def test_a_program_that_turns_out_to_wait_is_traced_once() -> None:
    @hyperfunction(retries=1)
    def waiting(x: str) -> str:
        return x

    class Late(HyperSystem):
        def __init__(self) -> None:
            super().__init__()
            # Nothing that a look at the code can find.
            self.tools = {"waiting": waiting}

        async def run(self, wish: str) -> str:
            await search(wish)
            return str(self.tools["waiting"](wish))

    row = Example({"wish": "lamp"}, ["search", "waiting"])
    assert Late().evaluate([row], TrajectoryExactMatch()) == 1.0
