"""Trajectories are read from every form that people and libraries write, or refused in one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc import Trajectory
from hyperfunc.errors import MetricError
from hyperfunc.evaluation import ToolCall

LAMP = {"item": "lamp"}
BUY, BARE, EMPTY = ToolCall("buy", LAMP), ToolCall("buy"), ToolCall("buy", {})


def openai(name: str, arguments: Any) -> dict[str, Any]:
    return {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    ("given", "calls"),
    [
        ([], ()),
        (["search", "buy"], (ToolCall("search"), ToolCall("buy"))),
        (("search",), (ToolCall("search"),)),
        ((name for name in ["search"]), (ToolCall("search"),)),
        ([("buy", LAMP), ["buy", LAMP], ("buy", None), ("buy", {})], (BUY, BUY, BARE, EMPTY)),
        (["search", ("buy", '{"item": "lamp"}')], (ToolCall("search"), BUY)),
        ([{"name": "buy", "arguments": LAMP}, {"name": "buy"}], (BUY, BARE)),
        ([openai("buy", '{"item": "lamp"}'), openai("buy", LAMP), openai("buy", "")], (BUY, BUY, EMPTY)),
        ([{"type": "function_call", "call_id": "1", "name": "buy", "arguments": '{"item": "lamp"}'}], (BUY,)),
        ([BUY], (BUY,)),
        (Trajectory((BUY,)), (BUY,)),
        ({"role": "assistant", "tool_calls": [openai("buy", LAMP)]}, (BUY,)),
    ],
)  # fmt: skip
def test_every_form_is_read(given: Any, calls: tuple[ToolCall, ...]) -> None:
    assert Trajectory.of(given).calls == calls


def test_the_messages_of_a_chat_give_its_tool_calls() -> None:
    chat = [
        {"role": "system", "content": "Help."},
        {"role": "user", "content": "A lamp, please."},
        {"role": "assistant", "content": None, "tool_calls": [openai("search", "{}"), openai("buy", LAMP)]},
        {"role": "tool", "tool_call_id": "call_1", "name": "search", "content": "[]"},
        {"role": "assistant", "content": "Done.", "tool_calls": None},
    ]
    assert str(Trajectory.of(chat)) == "search() → buy(item='lamp')"
    answer = [
        {"type": "reasoning", "summary": []},
        {"type": "function_call", "name": "buy", "arguments": ""},
        {"type": "function_call_output", "output": "x"},
    ]
    assert Trajectory.of(answer).calls == (EMPTY,)


@pytest.mark.parametrize(
    "given",
    [
        None, 3, "search", b"search", {"search": 1}, [3], [None], [("buy",)], [("buy", 3)], [(3, {})],
        [("search", "buy")], [{"arguments": {}}], [{"name": 3}], [{"name": "buy", "arguments": [1]}],
        [openai("buy", "{item: lamp}")], [openai("buy", "[" * 100_000)], [openai("buy", "[1]")],
        [{"type": "function"}], [{"role": "assistant", "tool_calls": "buy"}],
        [{"role": "assistant", "tool_calls": ["buy"]}], [{"role": "a", "tool_calls": [{"role": "b"}]}],
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_sentence(given: Any) -> None:
    with pytest.raises(MetricError, match="trajectory") as caught:
        Trajectory.of(given)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


TEXT = st.text(st.characters(codec="utf-8"), max_size=5)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(-1e9, 1e9), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=5,
)
CALLS = st.builds(ToolCall, TEXT, st.one_of(st.none(), st.dictionaries(TEXT, VALUES, max_size=3)))
TRAJECTORIES = st.lists(CALLS, max_size=5).map(tuple).map(Trajectory)


@given(TRAJECTORIES)
def test_what_is_written_down_reads_as_the_same_trajectory(calls: Trajectory) -> None:
    assert Trajectory.of(json.loads(json.dumps(calls.to_json()))) == calls


@pytest.mark.parametrize("value", [object(), float("nan"), {1: 2}, {1, 2}, b"x"])
def test_what_is_no_json_is_not_written_down_as_something_else(value: Any) -> None:
    with pytest.raises(MetricError, match="no JSON"):
        Trajectory((ToolCall("f", {"x": value}),)).to_json()


@given(TRAJECTORIES, st.integers(-6, 6))
def test_it_is_a_sequence(calls: Trajectory, at: int) -> None:
    assert list(calls) == list(calls.calls)
    assert len(calls) == len(calls.names)
    assert calls[at:].calls == calls.calls[at:]
    if -len(calls) <= at < len(calls):
        assert calls[at] is calls.calls[at]
        assert calls[at] in calls


def test_only_some_names_may_count() -> None:
    made = ["plan", "search", "plan", "buy"]
    assert Trajectory.of(made, only=("search", "buy")).names == ("search", "buy")
    assert Trajectory.of([*made, "sea"], only="search").names == ("search",)
    assert Trajectory.of(Trajectory.of(made), only={"plan"}).names == ("plan", "plan")


def test_a_trajectory_reads_well_whatever_is_in_it() -> None:
    class Hostile:
        def __repr__(self) -> str:
            raise RuntimeError("no text")

    assert str(Trajectory()) == "no calls"
    shown = str(ToolCall("f", {"x": Hostile(), "y": "\ud800" * 3, "z": "long" * 1000}))
    assert shown.startswith("f(x=a Hostile that cannot be shown")
    assert len(shown.encode()) < 400
