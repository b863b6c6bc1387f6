"""Equal calls are made once; unequal ones never share, and sharing never shows."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from hyperfunc import Example, Exemplar, HyperSystem, Real, current_seed, hyperfunction, llm_completion
from hyperfunc.execution.sharing import Unshareable, frozen, own
from hyperfunc.testing import ScriptedClient

MODEL = "test/sharing"


@dataclass(frozen=True)
class Level:
    level: Annotated[float, Real(0, 10)] = 1.0


def everything(example: Example, pred: Any) -> float:
    return 1.0


def rows(n: int, **inputs: Any) -> list[Example]:
    return [Example({"i": i, **inputs}, None) for i in range(n)]


def system_of(run: Any, *functions: Any) -> HyperSystem:
    return type("Made", (HyperSystem,), {"run": run})(functions)


def test_ten_equal_calls_in_flight_make_one() -> None:
    made = 0

    @hyperfunction
    async def look_up(key: str) -> str:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return key.upper()

    async def run(self: Any, i: int) -> str:
        return await look_up("a")

    assert system_of(run).evaluate(rows(10), everything).predictions == ["A"] * 10
    assert made == 1


def test_share_false_makes_every_call() -> None:
    made = 0

    @hyperfunction(share=False)
    async def count(key: str) -> int:
        nonlocal made
        made += 1
        return made

    async def run(self: Any, i: int) -> int:
        return await count("a")

    assert set(system_of(run).evaluate(rows(5), everything).predictions) == {1, 2, 3, 4, 5}


def test_calls_that_read_a_seed_at_different_places_are_not_shared_and_at_the_same_place_are() -> None:
    made: list[int] = []

    @hyperfunction
    async def draw(x: int) -> int:
        seed = current_seed()
        assert seed is not None
        made.append(seed)
        await asyncio.sleep(0)
        return seed

    @hyperfunction
    async def say(x: int, *, prompt: str) -> str:
        return prompt

    async def run(self: Any, i: int) -> tuple[int, ...]:
        await say(i)
        return tuple(await asyncio.gather(draw(0), draw(0), draw(0)))

    population = [{"say.prompt": f"p{k}"} for k in range(5)]
    found = system_of(run).evaluate_population(population, rows(2), everything)
    assert len({seed for cell in found[0].cells for seed in cell.prediction}) == 6
    assert all(e.predictions == found[0].predictions for e in found)
    assert len(made) == len(set(made)) == 6


def test_stochastic_calls_and_calls_with_different_values_below_run_side_by_side() -> None:
    """Only the first call goes alone: it tells what the others would read."""

    async def script(request: Any) -> str:
        for _ in range(30):
            await asyncio.sleep(0)
        return "x"

    client = ScriptedClient(script)

    @hyperfunction
    async def inner(x: int, *, prompt: str) -> str:
        """Ask."""
        return (await llm_completion(MODEL, f"{prompt}{x}", temperature=0)).content

    @hyperfunction
    async def pipeline(x: int) -> str:
        return await inner(x)

    async def run(self: Any, i: int) -> str:
        return await pipeline(0)

    population = [{"inner.prompt": f"p{k}"} for k in range(20)]
    with client.answering(MODEL):
        system_of(run).evaluate_population(population, rows(1), everything)
    assert client.calls == 20
    assert client.peak >= 19


def test_samples_of_one_question_are_drawn_together() -> None:
    @hyperfunction
    async def sample(x: str) -> str:
        return (await llm_completion(MODEL, x, temperature=1)).content

    async def run(self: Any, i: int) -> int:
        return len(set(await asyncio.gather(*(sample("q") for _ in range(16)))))

    async def slow(request: Any) -> str:
        for _ in range(30):
            await asyncio.sleep(0)
        return str(request.seed)

    client = ScriptedClient(slow)
    with client.answering(MODEL):
        assert system_of(run).evaluate(rows(1), everything).predictions == [16]
    assert client.peak >= 15


def test_a_candidate_that_differs_in_one_step_reruns_only_what_follows() -> None:
    made: list[str] = []

    def step(name: str) -> Any:
        @hyperfunction(name=name)
        async def work(x: str, *, prompt: str) -> str:
            made.append(f"{name}{prompt}")
            return f"{x}{prompt}"

        return work

    first, second, third = step("first"), step("second"), step("third")

    async def run(self: Any, i: int) -> str:
        return str(await third(await second(await first("x"))))

    population = [{}, {"first.prompt": "!"}, {"second.prompt": "!"}, {"third.prompt": "!"}]
    found = system_of(run, first, second, third).evaluate_population(population, rows(1), everything)
    assert [e.predictions for e in found] == [["x"], ["x!"], ["x!"], ["x!"]]
    assert sorted(made) == ["first", "first!", "second", "second", "second!", "third", "third", "third!"]


def test_nested_functions_with_different_values_are_not_shared() -> None:
    @hyperfunction(optimize_hparams=True)
    def deep(x: int, hp: Level) -> float:
        return x + hp.level

    @hyperfunction
    async def middle(x: int) -> float:
        return float(deep(x))

    @hyperfunction
    async def top(x: int) -> float:
        return float(await middle(x))

    async def run(self: Any, i: int) -> float:
        return float(await top(0))

    found = system_of(run).evaluate_population(
        [{"deep.hp.level": float(k % 3)} for k in range(6)], rows(2), everything
    )
    assert [e.predictions for e in found] == [[float(k % 3)] * 2 for k in range(6)]


def test_a_knob_of_the_system_read_inside_a_call_is_part_of_it() -> None:
    class Own(HyperSystem):
        level = Real(0, 10, default=2.0)

        async def run(self, i: int) -> float:
            return float(await read(0))

    @hyperfunction
    async def read(x: int) -> float:
        return system.level

    system = Own()
    found = system.evaluate_population([{}, {"level": 5.0}, {"level": 2.0}], rows(1), everything)
    assert [e.predictions for e in found] == [[2.0], [5.0], [2.0]]


def test_calls_that_would_wait_for_each_other_do_not_hang() -> None:
    """One candidate goes ping → pong, the other pong → ping, over equal calls."""

    class Loop(HyperSystem):
        mode = Real(0, 1, default=0.0)

        async def run(self, i: int) -> str:
            return str(await (ping(0) if self.mode < 0.5 else pong(0)))

    @hyperfunction
    async def ping(x: int) -> str:
        await asyncio.sleep(0)
        return "ping" + (await pong(0) if system.mode < 0.5 else "")

    @hyperfunction
    async def pong(x: int) -> str:
        await asyncio.sleep(0)
        return "pong" + (await ping(0) if system.mode >= 0.5 else "")

    system = Loop()
    found = asyncio.run(
        asyncio.wait_for(system.aevaluate_population([{}, {"mode": 1.0}], rows(1), everything), 10)
    )
    assert [e.predictions for e in found] == [["pingpong"], ["pongping"]]


def test_a_shared_result_belongs_to_whoever_gets_it() -> None:
    @hyperfunction
    async def documents(query: str) -> list[dict[str, int]]:
        await asyncio.sleep(0)
        return [{"n": 1}]

    async def run(self: Any, i: int) -> list[dict[str, int]]:
        found = await documents("q")
        found[0]["n"] += i
        found.append({"own": i})
        return found

    predictions = system_of(run).evaluate(rows(3), everything).predictions
    assert predictions == [[{"n": 1 + i}, {"own": i}] for i in range(3)]


def test_inputs_belong_to_the_lane_that_gets_them() -> None:
    @hyperfunction
    def note(x: int, *, prompt: str) -> str:
        return prompt

    def run(self: Any, i: int, history: list[str]) -> list[str]:
        history.append(note(i))
        return history

    data = rows(1, history=["start"])
    found = system_of(run).evaluate_population([{"note.prompt": "a"}, {"note.prompt": "b"}], data, everything)
    assert [e.predictions[0] for e in found] == [["start", "a"], ["start", "b"]]
    assert data[0].inputs["history"] == ["start"]


def test_a_result_that_cannot_be_copied_is_not_shared() -> None:
    made = 0

    @hyperfunction
    async def lock(key: str) -> Any:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return threading.Lock()

    async def run(self: Any, i: int) -> int:
        return id(await lock("a"))

    system_of(run).evaluate(rows(4), everything)
    assert made == 4


def test_a_leader_that_is_cut_off_leaves_the_call_to_others() -> None:
    made = 0

    @hyperfunction
    async def work(key: str) -> str:
        nonlocal made
        made += 1
        if made == 1:
            await asyncio.Event().wait()
        return "done"

    async def run(self: Any, i: int) -> str:
        if i == 0:
            task = asyncio.create_task(work("a"))
            for _ in range(10):
                await asyncio.sleep(0)
            task.cancel()
            return "gave up"
        for _ in range(5):
            await asyncio.sleep(0)
        return str(await work("a"))

    found = system_of(run).evaluate(rows(4), everything)
    assert found.predictions == ["gave up", "done", "done", "done"]
    assert made == 2


def test_a_leader_that_is_cut_off_while_it_queues_leaves_the_call_to_others() -> None:
    hold = asyncio.Event()

    @hyperfunction
    async def busy(x: int) -> int:
        await hold.wait()
        return x

    @hyperfunction
    async def work(key: str) -> str:
        return "done"

    async def run(self: Any, i: int) -> Any:
        if i == 0:
            return await busy(0)
        if i == 1:
            task = asyncio.create_task(work("a"))
            for _ in range(10):
                await asyncio.sleep(0)
            task.cancel()
            hold.set()
            return "gave up"
        for _ in range(5):
            await asyncio.sleep(0)
        return await work("a")

    async def go() -> Any:
        return await asyncio.wait_for(system_of(run).aevaluate(rows(4), everything, max_concurrency=1), 10)

    assert asyncio.run(go()).predictions == [0, "gave up", "done", "done"]


def test_an_error_of_the_program_is_shared_as_an_error_of_its_own() -> None:
    made = 0

    @hyperfunction
    async def work(key: str) -> str:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        raise KeyError("nothing there")

    async def run(self: Any, i: int) -> str:
        try:
            return str(await work("a"))
        except KeyError as error:
            error.add_note(f"lane {i}")
            return ",".join(error.__notes__)

    assert system_of(run).evaluate(rows(4), everything).predictions == [f"lane {i}" for i in range(4)]
    assert made == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_small_concurrency_with_nested_and_shared_calls_does_not_hang(limit: int) -> None:
    @hyperfunction
    async def leaf(x: int) -> int:
        await asyncio.sleep(0)
        return x

    @hyperfunction
    async def branch(x: int) -> int:
        await asyncio.sleep(0)
        return sum(await asyncio.gather(leaf(1), leaf(x), leaf(2)))

    @hyperfunction(retries=1)
    def sync_branch(x: int) -> int:
        return x

    async def run(self: Any, i: int) -> int:
        if i % 2:
            return await leaf(1) + sync_branch(i)
        return sum(await asyncio.gather(branch(i), leaf(1), branch(i + 1)))

    async def go() -> Any:
        return await asyncio.wait_for(
            system_of(run).aevaluate(rows(12), everything, max_concurrency=limit), 20
        )

    expected = [1 + i if i % 2 else (3 + i) + 1 + (4 + i) for i in range(12)]
    assert asyncio.run(go()).predictions == expected


def test_equal_requests_under_a_small_concurrency_do_not_hang() -> None:
    client = ScriptedClient(lambda request: request.messages[-1].content)

    @hyperfunction
    async def two(x: int) -> str:
        answers = await asyncio.gather(
            llm_completion(MODEL, "a", temperature=0), llm_completion(MODEL, "b", temperature=0)
        )
        return "".join(a.content for a in answers)

    @hyperfunction
    async def one(x: int) -> str:
        return (await llm_completion(MODEL, "b", temperature=0)).content

    async def run(self: Any, i: int) -> str:
        return str(await (two(i) if i % 2 == 0 else one(i)))

    async def go() -> Any:
        return await asyncio.wait_for(system_of(run).aevaluate(rows(8), everything, max_concurrency=1), 20)

    with client.answering(MODEL):
        assert asyncio.run(go()).predictions == ["ab", "b"] * 4
    assert client.calls == 2
    assert client.peak == 1


@pytest.mark.parametrize("limit", [1, 4, 512])
def test_no_more_requests_are_in_flight_than_allowed(limit: int) -> None:
    async def slow(request: Any) -> str:
        for _ in range(5):
            await asyncio.sleep(0)
        return "x"

    client = ScriptedClient(slow)

    @hyperfunction
    async def ask(x: int) -> str:
        return (await llm_completion(MODEL, str(x), temperature=0)).content

    async def run(self: Any, i: int) -> str:
        return str(await ask(i))

    with client.answering(MODEL):
        system_of(run).evaluate(rows(40), everything, max_concurrency=limit)
    assert client.calls == 40
    assert client.peak == min(limit, 40)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 1.0), (True, 1), (0.0, -0.0), ("1", 1), ((1,), [1]), ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (b"a", "a"), ({1}, frozenset({1})), (None, "None"), (Level(1.0), Level(2.0)),
        (Exemplar("a", "b"), Exemplar("b", "a")),
    ],
)  # fmt: skip
def test_what_python_tells_apart_is_told_apart(a: Any, b: Any) -> None:
    assert frozen(a) != frozen(b)
    assert frozen(a) == frozen(own(a))


def test_what_has_no_content_cannot_be_compared() -> None:
    assert frozen(float("nan")) == frozen(float("nan"))
    for value in (object(), threading.Lock(), lambda: 0):
        with pytest.raises(Unshareable):
            frozen(value)
