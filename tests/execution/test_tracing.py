"""Tracing: every call of a run in order, and every input with the earlier outputs it comes from."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from tests.execution.graphs import reached, trace

from hyperfunc import Example, HyperSystem, Real, combine, hyperfunction, llm_completion, split
from hyperfunc.errors import MissingInput, ProgramError
from hyperfunc.program.graph import CallGraph
from hyperfunc.testing import ScriptedClient

torch.set_num_threads(1)


@hyperfunction
async def f(x: Any, y: Any = None) -> Any:
    return x * 2 if y is None else x * 2 + y


@hyperfunction
async def g(x: Any, y: Any = None) -> Any:
    return x + x if y is None else x + x + y


@hyperfunction
async def h(x: Any, y: Any = None) -> Any:
    return x + x if y is None else x + x + y


@hyperfunction
def say(text: str, *more: Any) -> str:
    return f"<{text}|{len(more)}>"


@hyperfunction
def take(x: Any) -> str:
    return f"took a {type(x).__name__}"


@hyperfunction
def count(text: str) -> int:
    return len(text)


def kinds(graph: CallGraph) -> dict[tuple[int, int], str]:
    return {(e.source, e.target): e.kind for e in graph.edges}


def names(graph: CallGraph) -> list[list[str]]:
    return [[c.name for c in stage] for stage in graph.stages()]


def test_calls_stand_in_the_order_they_were_made_with_inputs_and_outputs() -> None:
    async def run(x: float) -> float:
        return float(await g(await f(x), y=1.5))

    graph = trace(run, x=2.5)
    assert [c.name for c in graph.calls] == ["f", "g"]
    assert [dict(c.inputs) for c in graph.calls] == [{"x": 2.5}, {"x": 5.0, "y": 1.5}]
    assert [c.output for c in graph.calls] == [5.0, 11.5]
    assert graph.output == 11.5
    assert graph.dependencies(1) == {0}
    assert kinds(graph) == {(0, 1): "is"}
    assert all(c.seconds >= 0 and c.error is None for c in graph.calls)


@pytest.mark.parametrize(
    "x", [3, 2.5, "some text", torch.ones(2), np.ones(2)], ids=lambda x: type(x).__name__
)
def test_calls_of_a_gather_could_run_at_once_and_what_joins_them_comes_after(x: Any) -> None:
    async def run(x: Any) -> Any:
        one, two = await asyncio.gather(g(x), h(x))
        return await f(one, two) if not isinstance(x, str) else take((one, two))

    graph = trace(run, x=x)
    assert graph.error is None
    assert [len(stage) for stage in names(graph)] == [2, 1]
    assert names(graph)[0] == ["g", "h"]


@pytest.mark.parametrize("x", [1, 1.5, torch.ones(2)], ids=lambda x: type(x).__name__)
def test_a_piece_of_an_output_leads_back_to_it(x: Any) -> None:
    @hyperfunction
    async def pair(x: Any) -> tuple[Any, Any]:
        return x + 1, x + 2

    async def run(x: Any) -> Any:
        p = await pair(x)
        return await f(p[0])

    graph = trace(run, x=x)
    assert names(graph) == [["pair"], ["f"]]
    assert kinds(graph) == {(0, 1): "inferred" if isinstance(x, int) else "derives"}


def test_arithmetic_on_tensors_is_followed_and_on_python_numbers_inferred() -> None:
    async def run(x: Any) -> Any:
        value = await f(x)
        return await g(2 * value + 1)

    assert kinds(trace(run, x=torch.ones(2))) == {(0, 1): "derives"}
    assert kinds(trace(run, x=1.5)) == {(0, 1): "inferred"}


def test_combine_and_split_keep_their_edges() -> None:
    async def run(x: Any) -> Any:
        both = combine([await f(x), await g(x)])
        left, right = split(both, 2)
        return await h(left), await h(x), await h(right + 1), await h(both)

    graph = trace(run, x=torch.ones(2))
    assert kinds(graph) == {(s, t): "derives" for s in (0, 1) for t in (2, 4, 5)}


def test_views_and_writing_in_place_are_followed() -> None:
    async def run(x: Any) -> None:
        buffer = torch.zeros(3, 2)
        row = buffer[0]
        await h(buffer)
        row.add_(await f(x))
        await h(buffer)
        buffer[1] = await g(x)
        await h(buffer[2])
        whole = torch.zeros(2)
        torch.add(x, await f(x), out=whole)
        await h(whole)
        await h(x)

    graph = trace(run, x=torch.ones(2))
    assert [c.name for c in graph.calls] == ["h", "f", "h", "g", "h", "f", "h", "h"]
    assert [graph.dependencies(n) for n in (0, 2, 4, 6, 7)] == [set(), {1}, {1, 3}, {5}, set()]
    assert {e.kind for e in graph.edges} == {"derives"}


def test_a_call_that_writes_into_its_input_comes_before_who_reads_it() -> None:
    @hyperfunction
    def fill(x: Any) -> None:
        x.append(1) if isinstance(x, list) else x.add_(1)

    def run(x: Any) -> None:
        fill(x)
        take(x)

    given: list[Any] = [[], torch.ones(2)]
    for x in given:
        graph = trace(run, x=x)
        assert names(graph) == [["fill"], ["take"]]
        assert kinds(graph) == {(0, 1): "derives"}


def test_iteration_conversion_and_gradients_lead_back() -> None:
    weight = torch.ones(2, requires_grad=True)

    async def run(x: Any) -> None:
        out = await f(x)
        for row in out:
            await h(row)
        await h(float(out[0]))
        await h(out.tolist()[1])
        await h(torch.nn.Parameter(out))
        take(out.numpy())
        (weight * out).sum().backward()
        await h(weight.grad)
        await h(out.shape[0])

    graph = trace(run, x=torch.ones(2))
    assert graph.error is None
    assert all(0 in reached(graph, n) for n in range(1, len(graph.calls)))
    assert [kinds(graph)[0, n] for n in (1, 2, 3, 4, 5)] == ["derives"] * 5


def test_constants_and_inputs_of_the_run_make_no_edges() -> None:
    async def run(ticket: str, number: int) -> None:
        say("shipping please")
        say(ticket)
        say(ticket, number, 3, None, True, "shipping please")
        say(f"Classify {ticket} in {number}")
        say("shipping please" + ticket, number + 1)
        prompt = f"{ticket}!"
        say(prompt)
        say(LABEL, len(ticket), [ticket, {"role": "user"}])

    graph = trace(run, ticket="shipping please", number=3)
    assert graph.error is None
    assert graph.edges == ()
    assert len(graph.stages()) == 1


LABEL = "a label of the module"


def test_text_that_holds_an_output_derives_from_it_and_from_nothing_else_that_the_text_does_not_read() -> (
    None
):
    def run(ticket: str) -> None:
        team = say("shipping")
        other = say("billing")
        say(f"{team}: {ticket}")
        say(team[1:5] + "?")
        say(ticket, [other])

    graph = trace(run, ticket="hello there")
    assert kinds(graph) == {(0, 2): "derives", (0, 3): "inferred", (1, 4): "holds"}


def test_what_cannot_be_followed_comes_after_everything_that_has_finished() -> None:
    def build(*parts: Any) -> str:
        return "-".join(str(p)[:2] for p in parts)

    def run(x: str) -> None:
        one, two = count(x), count(x + "!")
        say(build(one, two))
        say(build(x))

    graph = trace(run, x="abc")
    # The third is put after both, and the fourth after the third, which brings the others along.
    assert kinds(graph) == {(0, 2): "inferred", (1, 2): "inferred", (2, 3): "inferred"}


def test_an_input_that_equals_an_output_is_not_taken_for_it() -> None:
    @hyperfunction
    def label(text: str) -> str:
        return "shipping"

    def run(ticket: str) -> None:
        label(ticket)
        label(*[ticket])

    assert trace(run, ticket="shipping").edges == ()


def test_a_name_that_is_bound_again_is_not_taken_for_the_input() -> None:
    def run(x: int) -> None:
        y = 1
        for _ in range(2):
            say("a", x, y)
            x = count("abc")
            y += x

    graph = trace(run, x=3)
    assert [c.name for c in graph.calls] == ["say", "count"] * 2
    assert graph.dependencies(2) == {0, 1} or graph.dependencies(2) == {1}


def test_a_name_that_is_changed_in_place_is_not_taken_for_a_constant() -> None:
    def run(x: int) -> None:
        n = m = k = 1
        n += count("abc")
        say("added", n)
        for m in (count("abcd"),):
            say("looped", m)
        k, _ = count("abcde"), 2
        say("unpacked", k)

    graph = trace(run, x=3)
    assert [c.name for c in graph.calls] == ["count", "say"] * 3
    assert all(n - 1 in reached(graph, n) for n in (1, 3, 5))


def test_a_run_that_calls_itself_has_other_inputs_inside() -> None:
    class System(HyperSystem):
        async def run(self, x: int, depth: int) -> int:
            if depth == 0:
                return int(await f(x))
            return int(await self.run(await f(x) + 1, depth - 1))

    graph = System().trace_run(x=3, depth=2)
    assert [c.name for c in graph.calls] == ["f"] * 3
    assert [graph.dependencies(n) for n in range(3)] == [set(), {0}, {1}]


def test_containers_records_and_attributes_are_looked_into() -> None:
    @dataclass
    class Record:
        part: Any

    class Holder:
        def __init__(self, part: Any) -> None:
            self.part = part

    class Slotted:
        __slots__ = ("part",)

        def __init__(self, part: Any) -> None:
            self.part = part

    def run(x: Any) -> None:
        out = say("text")
        for made in ([out], {"a": (1, out)}, Record(out), Holder([out]), Slotted(out), lambda: out, {out}):
            take(made)
        take(out)
        take([x])

    graph = trace(run, x="the input")
    assert [kinds(graph).get((0, n)) for n in range(1, 10)] == ["holds"] * 7 + ["is", None]


def test_a_container_that_changed_is_read_anew() -> None:
    async def run(xs: list[Any]) -> None:
        await f(xs)
        xs.append(await g(1.5))
        await h(xs)
        later = h(xs)
        xs.append(await f("more"))
        await later

    graph = trace(run, xs=[1, 2])
    assert [c.name for c in graph.calls] == ["f", "g", "h", "h", "f"]
    assert 0 not in graph.dependencies(1)
    assert 1 in graph.dependencies(2)
    assert 4 in graph.dependencies(3)


def test_arrays_are_known_by_identity_and_by_what_they_are_views_of() -> None:
    async def run(x: Any) -> None:
        out = await f(x)
        await h(out)
        await h(out[1:])
        await h(x)
        x += out
        await h(x)
        await h(np.zeros(2))

    graph = trace(run, x=np.ones(3))
    assert [kinds(graph).get((0, n)) for n in (1, 2, 3)] == ["is", "derives", None]
    assert graph.dependencies(3) == set()
    assert 0 in reached(graph, 4)
    assert {kind for (_, target), kind in kinds(graph).items() if target in (4, 5)} == {"inferred"}


def test_nested_calls_have_a_parent_and_stages_inside_it() -> None:
    @hyperfunction
    async def outer(x: Any) -> Any:
        one = await f(x)
        other = await g(x)
        return await h(one, other)

    async def run(x: Any) -> Any:
        first = await f(x)
        return await g(await outer(first))

    for x in (torch.ones(2), 2.5):
        graph = trace(run, x=x)
        assert [(c.name, c.parent) for c in graph.calls] == [
            ("f", None), ("outer", None), ("f", 1), ("g", 1), ("h", 1), ("g", None),
        ]  # fmt: skip
        assert names(graph) == [["f"], ["outer"], ["g"]]
        assert [[c.name for c in stage] for stage in graph.stages(inside=1)] == [["f", "g"], ["h"]]
        assert graph.dependencies(5) == {1}


@pytest.mark.parametrize("blocking", [False, True])
def test_synchronous_runs_and_threads_are_traced(blocking: bool) -> None:
    here = []

    @hyperfunction(blocking=blocking)
    def one(x: Any) -> Any:
        here.append(threading.current_thread())
        return two(x + 1)

    @hyperfunction
    def two(x: Any) -> Any:
        return x * 2

    def run(x: Any) -> Any:
        return two(one(x))

    graph = trace(run, x=torch.ones(2))
    assert graph.error is None
    assert [(c.name, c.parent) for c in graph.calls] == [("one", None), ("two", 0), ("two", None)]
    assert graph.dependencies(2) == {0}
    assert (here[0] is not threading.current_thread()) is blocking or blocking is False


def test_what_happens_in_a_thread_is_never_taken_for_independent() -> None:
    async def run(x: Any) -> None:
        out = await f(x)
        number = await asyncio.to_thread(lambda: int(out.sum().item()))
        await h(number)

    assert trace(run, x=torch.ones(2)).dependencies(1) == {0}


def test_a_failing_run_gives_the_graph_up_to_the_failure() -> None:
    @hyperfunction
    async def broken(x: Any) -> Any:
        raise ValueError("no luck")

    async def run(x: Any) -> Any:
        return await broken(await f(x))

    graph = trace(run, x=2.5)
    assert graph.error == "ValueError: no luck"
    assert graph.output is None
    assert [c.error for c in graph.calls] == [None, "ValueError: no luck"]
    assert kinds(graph) == {(0, 1): "is"}


def test_a_failure_that_the_program_handles_stays_on_the_call() -> None:
    @hyperfunction(retries=1)
    def broken(x: Any) -> Any:
        return f_sync(x) / 0

    @hyperfunction
    def f_sync(x: Any) -> Any:
        return x

    def run(x: float) -> float:
        try:
            return float(broken(x))
        except ZeroDivisionError:
            return -1.0

    graph = trace(run, x=2.5)
    assert (graph.error, graph.output) == (None, -1.0)
    assert [(c.name, c.parent) for c in graph.calls] == [("broken", None), ("f_sync", 0), ("f_sync", 0)]
    assert graph.calls[0].error == "ZeroDivisionError: float division by zero"


def test_the_program_sees_its_own_objects() -> None:
    seen: list[Any] = []

    @hyperfunction
    def give(x: Any) -> Any:
        seen.append(out := {"made": x})
        return out

    def run(x: Any) -> Any:
        out = give(x)
        seen.append(out)
        return type(x), out is seen[0], x

    graph = trace(run, x={"a": [1, 2.5, "text", b"bytes", 10**30, (None, -0.0)]})
    assert graph.output == (dict, True, {"a": [1, 2.5, "text", b"bytes", 10**30, (None, -0.0)]})


def test_equal_calls_are_all_made() -> None:
    made = []

    @hyperfunction
    async def once(x: int) -> int:
        made.append(x)
        return x

    async def run(x: int) -> list[int]:
        return await asyncio.gather(once(x), once(x))

    assert len(trace(run, x=1).calls) == len(made) == 2


def test_a_call_that_is_never_awaited_is_none() -> None:
    async def run(x: float) -> float:
        f(x).close()
        return float(await g(x))

    assert [c.name for c in trace(run, x=1.5).calls] == ["g"]


def test_the_systems_own_values_are_used_and_are_constants() -> None:
    class System(HyperSystem):
        scale = Real(0, 10, default=2.5)

        async def run(self, x: float) -> Any:
            await f(x)
            return await g(self.scale)

    system = System()
    system.candidate = {"scale": 7.25}
    graph = system.trace_run(x=1.5)
    assert (graph.output, graph.edges) == (14.5, ())


def test_models_are_called_under_the_same_seeds_as_in_an_evaluation() -> None:
    @hyperfunction
    async def ask(x: int) -> str:
        return (await llm_completion("test/tracing", f"q{x}", temperature=1)).content

    class System(HyperSystem):
        async def run(self, x: int) -> str:
            return str(await ask(x))

    with ScriptedClient(lambda request: str(request.seed)).answering("test/tracing"):
        plain = System().evaluate([Example({"x": 1}, "")], lambda example, pred: 1.0)
        assert System().trace_run(x=1).output == plain.predictions[0]


def test_inputs_come_as_a_mapping_an_example_or_by_name() -> None:
    class System(HyperSystem):
        def run(self, x: int, inputs: int = 0) -> int:
            return x + inputs

    system = System()
    graphs = [system.trace_run({"x": 1}), system.trace_run(Example({"x": 1}, 5)), system.trace_run(x=1)]
    assert [g.output for g in graphs] == [1, 1, 1]
    assert system.trace_run(x=1, inputs=4).output == 5
    assert asyncio.run(system.atrace_run({"x": 1})).output == 1
    assert HyperSystem([count]).trace_run(text="abc").output == 3
    assert [c.name for c in HyperSystem([f]).trace_run(Example("f", {"x": 1.5})).calls] == ["f"]
    with pytest.raises(MissingInput, match="lacks the argument 'x'"):
        system.trace_run({})
    with pytest.raises(ProgramError, match="by keyword"):
        system.trace_run(Example({"x": 1}, 5), x=1)


def test_an_evaluation_carries_a_graph_for_each_lane(tmp_path: Any) -> None:
    class System(HyperSystem):
        async def run(self, x: Any) -> Any:
            return await g(await f(x))

    system, rows = System(), [Example({"x": 1.5}, 0), Example({"x": 2.5}, 0)]
    options: dict[str, Any] = {"repeats": 2, "ledger": tmp_path}
    plain = system.evaluate(rows, lambda example, pred: pred / 20, **options)
    traced = system.evaluate(rows, lambda example, pred: pred / 20, collect_trace=True, **options)
    assert traced == plain
    assert plain.traces == (None,) * 4
    assert [t.output for t in traced.traces if t is not None] == traced.predictions == [6.0, 6.0, 10.0, 10.0]
    assert all(t is not None and kinds(t) == {(0, 1): "is"} for t in traced.traces)
    assert traced.execution.mode == "plain"
    several = system.evaluate_population([{}, {}], rows, lambda example, pred: 1.0, collect_trace=True)
    assert [len(e.traces) for e in several] == [2, 2]


def test_lanes_of_tensors_are_traced_apart() -> None:
    class System(HyperSystem):
        async def run(self, x: Any) -> Any:
            return await g(await f(x) + 1)

    rows = [Example({"x": torch.full((2,), float(n))}, 0) for n in range(3)]
    for lane in System().evaluate(rows, lambda example, pred: 1.0, collect_trace=True).traces:
        assert lane is not None
        assert kinds(lane) == {(0, 1): "derives"}


def test_a_call_whose_task_is_cancelled_before_its_first_step_leaves_nothing_behind() -> None:
    async def run(x: float) -> float:
        never = asyncio.ensure_future(g(x))
        never.cancel()
        await asyncio.wait([never])
        return float(await f(x))

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        graph = trace(run, x=2.5)
        gc.collect()
    assert [str(warning.message) for warning in said] == []
    assert [call.name for call in graph.calls if call.output is not None] == ["f"]
    assert graph.output == 5.0
