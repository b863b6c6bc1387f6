"""The nouns of a call graph: what depends on what, stages, text and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.program.graph import Call, CallGraph, Edge


def call(
    number: int, name: str = "f", *, parent: int | None = None, span: tuple[int, int] | None = None
) -> Call:
    began, ended = span or (2 * number, 2 * number + 1)
    return Call(number, name, (name, number), {"x": number}, number, parent=parent, began=began, ended=ended)


def numbers(stages: list[list[Call]]) -> list[list[int]]:
    return [[c.number for c in stage] for stage in stages]


def test_calls_without_edges_could_run_at_once() -> None:
    graph = CallGraph((call(0), call(1), call(2)), ())
    assert numbers(graph.stages()) == [[0, 1, 2]]


def test_a_call_stands_right_after_the_last_call_it_depends_on() -> None:
    edges = (Edge(0, 2, "is"), Edge(1, 2, "derives"), Edge(2, 4, "inferred"))
    graph = CallGraph(tuple(call(n) for n in range(5)), edges)
    assert numbers(graph.stages()) == [[0, 1, 3], [2], [4]]
    assert graph.dependencies(2) == graph.dependencies(graph.calls[2]) == {0, 1}
    assert graph.dependencies(0) == frozenset()


def test_nested_calls_have_stages_of_their_own() -> None:
    # 0, and inside 1: 2 then 3; what 3 gets from 0 makes 1 wait for it.
    calls = (
        call(0, span=(0, 1)), call(1, span=(2, 9)), call(2, parent=1, span=(3, 4)),
        call(3, parent=1, span=(5, 6)), call(4, span=(10, 11)),
    )  # fmt: skip
    graph = CallGraph(calls, (Edge(0, 3, "is"), Edge(2, 3, "is")))
    assert numbers(graph.stages()) == [[0, 4], [1]]
    assert numbers(graph.stages(inside=1)) == numbers(graph.stages(calls[1])) == [[2], [3]]


def test_calls_that_talk_while_both_are_under_way_are_no_circle() -> None:
    calls = (
        call(0, span=(0, 9)), call(1, span=(1, 8)), call(2, parent=0, span=(2, 3)),
        call(3, parent=1, span=(4, 5)), call(4, parent=0, span=(6, 7)),
    )  # fmt: skip
    graph = CallGraph(calls, (Edge(2, 3, "is"), Edge(3, 4, "is")))
    assert numbers(graph.stages()) == [[0, 1]]


def test_an_empty_run_has_no_stages() -> None:
    graph = CallGraph((), (), output=3)
    assert graph.stages() == []
    assert "run -> 3" in str(graph)


def test_the_text_shows_calls_in_order_with_what_they_come_after() -> None:
    calls = (call(0, "route"), Call(1, "reply", ("reply", 0), {"team": "x"}, error="ValueError: no"))
    text = str(CallGraph(calls, (Edge(0, 1, "is"),), error="ValueError: no"))
    assert text.splitlines() == [
        "0 route(x=0) -> 0",
        "1 reply(team='x') raised ValueError: no  after 0 (is)",
        "run raised ValueError: no",
        "stages [0 1]",
    ]


def test_a_long_value_and_a_broken_repr_are_shown_short() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    text = str(Call(0, "f", (), {"a": "y" * 500, "b": Broken()}))
    assert len(text) < 200
    assert "<Broken, whose repr raised RuntimeError>" in text


def test_json_is_json() -> None:
    graph = CallGraph((call(0), call(1)), (Edge(0, 1, "holds"),), {"x": object()}, {1, 2})
    row = json.loads(json.dumps(graph.to_json()))
    assert row["edges"] == [{"source": 0, "target": 1, "kind": "holds"}]
    assert row["stages"] == [[0], [1]]
    assert [c["name"] for c in row["calls"]] == ["f", "f"]
    assert row["error"] is None


@settings(max_examples=60)
@given(st.data())
def test_stages_hold_every_call_once_and_no_call_before_what_it_needs(data: Any) -> None:
    count = data.draw(st.integers(1, 8))
    pairs = [(s, t) for t in range(count) for s in range(t)]
    edges = tuple(Edge(s, t, "is") for s, t in pairs if data.draw(st.booleans()))
    stages = numbers(CallGraph(tuple(call(n) for n in range(count)), edges).stages())
    at = {n: i for i, stage in enumerate(stages) for n in stage}
    assert sorted(n for stage in stages for n in stage) == list(range(count))
    for n in range(count):
        needed = [at[e.source] for e in edges if e.target == n]
        assert at[n] == max((s + 1 for s in needed), default=0)


@pytest.mark.parametrize("field", ["calls", "edges", "inputs", "error"])
def test_a_graph_is_frozen(field: str) -> None:
    with pytest.raises(AttributeError):
        setattr(CallGraph((), ()), field, ())
