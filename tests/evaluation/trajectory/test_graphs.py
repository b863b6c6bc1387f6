"""The trajectory of a call graph: its calls in program order, all of them or the outermost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.execution.graphs import trace

from hyperfunc import Trajectory, hyperfunction


@hyperfunction
async def search(query: str, limit: int = 5) -> list[str]:
    return [query][:limit]


@hyperfunction
async def buy(item: str) -> str:
    return item


@hyperfunction
async def shop(wish: str) -> str:
    found = await search(wish, limit=1)
    return await buy(found[0])


@hyperfunction
async def plan(wish: str) -> str:
    return await shop(wish)


async def run(wish: str) -> str:
    await search(wish)
    return await plan(wish)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, "search plan"),
        ({"nested": True}, "search plan shop search buy"),
        ({"only": ("search", "buy")}, "search search buy"),
        ({"only": ("shop", "buy")}, "shop"),
        ({"only": ("shop", "buy"), "nested": True}, "shop buy"),
        ({"only": ("plan", "buy")}, "plan"),
        ({"only": ("pay",)}, ""),
    ],
)
def test_the_outermost_of_the_calls_that_count_or_all_of_them(options: Any, names: str) -> None:
    graph = trace(run, wish="lamp")
    assert Trajectory.of(graph, **options).names == tuple(names.split())


def test_arguments_are_what_the_program_passed_by_parameter() -> None:
    calls = Trajectory.of(trace(run, wish="lamp"), nested=True)
    assert str(calls) == (
        "search(query='lamp') → plan(wish='lamp') → shop(wish='lamp') → search(query='lamp', limit=1) → "
        "buy(item='lamp')"
    )


async def slowly(turns: list[int], wish: str) -> None:
    for turn in turns:
        for _ in range(turn):
            await asyncio.sleep(0)
        await buy(wish)
        await search(wish)


@pytest.mark.parametrize("turns", [([0], [0, 0]), ([5], [0, 0]), ([0], [3, 5]), ([7], [1, 9])])
def test_the_order_is_that_of_the_program_whatever_goes_on_first(turns: tuple[list[int], list[int]]) -> None:
    async def branching(wish: str) -> None:
        await search(wish)
        first = asyncio.create_task(slowly(turns[0], f"{wish} 1"))
        await plan(f"{wish} 2")
        await asyncio.gather(first, slowly(turns[1], f"{wish} 3"), plan(f"{wish} 4"))
        await buy(wish)

    expected = [
        ("search", "w"), ("buy", "w 1"), ("search", "w 1"), ("plan", "w 2"), ("plan", "w 4"),
        ("buy", "w 3"), ("search", "w 3"), ("buy", "w 3"), ("search", "w 3"), ("buy", "w"),
    ]  # fmt: skip
    calls = Trajectory.of(trace(branching, wish="w"))
    assert [(c.name, next(iter((c.arguments or {}).values()))) for c in calls] == expected
