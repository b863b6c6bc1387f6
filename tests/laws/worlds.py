"""Random programs: trees that a system's ``run`` walks, calling real hyperfunctions of every kind.

A tree is plain data and travels as an input, so that it is part of what an example is. Numbers stay
below 997.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Annotated, Any

from hypothesis import strategies as st

from hyperfunc import Example, HyperSystem, Real, current_seed, hyperfunction, llm_completion
from hyperfunc.llm.client import Request
from hyperfunc.testing import ScriptedClient

MODEL = "test/world"
SIZE = 997

Tree = tuple[Any, ...]


@dataclass(frozen=True)
class Nums:
    a: Annotated[float, Real(0.0, 10.0)] = 3.0
    b: Annotated[float, Real(0.0, 10.0)] = 5.0


@hyperfunction(optimize_hparams=True)
def add(x: int, hp: Nums) -> int:
    return (x + int(hp.a * 10)) % SIZE


@hyperfunction
async def ask(x: int, *, prompt: str) -> int:
    """Say a number."""
    answer = await llm_completion(MODEL, f"{prompt}:{x}", temperature=0)
    return int(answer.content)


@hyperfunction
async def sample(x: int, *, prompt: str) -> int:
    """Draw a number."""
    answer = await llm_completion(MODEL, f"{prompt}:{x}", temperature=0.7)
    return int(answer.content)


@hyperfunction
async def dice(x: int) -> int:
    return (x + (current_seed() or 0)) % SIZE


@hyperfunction(optimize_hparams=True, retries=1)
def fragile(x: int, hp: Nums) -> int:
    if x % 3 == 0 and hp.b > 4:
        raise ValueError(f"{x} is divisible by 3")
    return x + 1


@hyperfunction
async def outer(x: int, *, prompt: str) -> int:
    """Ask twice."""
    first, second = await asyncio.gather(ask(x), ask(add(x)))
    return (first + second + len(prompt)) % SIZE


@hyperfunction
async def parts(x: int) -> list[int]:
    return [x, x + 1]


@hyperfunction(retries=1)
def twice(x: int) -> int:
    return add(add(x))


FUNCTIONS = {
    "add": add, "ask": ask, "sample": sample, "dice": dice, "fragile": fragile, "outer": outer,
    "twice": twice,
}  # fmt: skip


async def walk(tree: Tree, x: int) -> int:
    kind = tree[0]
    if kind == "x":
        return x
    if kind == "call":
        inner = await walk(tree[2], x)
        result = FUNCTIONS[tree[1]](inner)
        return await result if FUNCTIONS[tree[1]].is_async else result
    if kind == "if":
        return await walk(tree[2] if await walk(tree[1], x) % 2 else tree[3], x)
    if kind == "loop":
        for _ in range(await walk(tree[1], x) % 3):
            x = await walk(tree[2], x)
        return x
    if kind == "gather":
        return sum(await asyncio.gather(*(walk(t, x) for t in tree[1]))) % SIZE
    if kind == "try":
        try:
            return await walk(tree[1], x)
        except ValueError:
            return await walk(tree[2], x)
    owned = await parts(await walk(tree[1], x))
    owned.append(len(owned))
    return sum(owned) % SIZE


def walk_sync(tree: Tree, x: int) -> int:
    kind = tree[0]
    if kind == "x":
        return x
    if kind == "call":
        return FUNCTIONS[tree[1]](walk_sync(tree[2], x))
    if kind == "if":
        return walk_sync(tree[2] if walk_sync(tree[1], x) % 2 else tree[3], x)
    if kind == "loop":
        for _ in range(walk_sync(tree[1], x) % 3):
            x = walk_sync(tree[2], x)
        return x
    if kind == "gather":
        return sum([walk_sync(t, x) for t in tree[1]]) % SIZE
    if kind == "try":
        try:
            return walk_sync(tree[1], x)
        except ValueError:
            return walk_sync(tree[2], x)
    owned: list[int] = parts(walk_sync(tree[1], x))
    owned.append(len(owned))
    return sum(owned) % SIZE


class Async(HyperSystem):
    async def run(self, tree: Tree, x: int) -> int:
        return await walk(tree, x)


class Sync(HyperSystem):
    def run(self, tree: Tree, x: int) -> int:
        return walk_sync(tree, x)


def answer(request: Request) -> str:
    """What the model of this world says: a function of the request, its seed included."""
    return str(random.Random(f"{request.messages[-1].content} {request.seed}").randrange(SIZE))


async def late(request: Request) -> str:
    """The same answers, in an order that has nothing to do with the order of the questions."""
    for _ in range(random.randrange(4)):
        await asyncio.sleep(0)
    return answer(request)


def world(shuffled: bool = False) -> ScriptedClient:
    return ScriptedClient(late if shuffled else answer)


def metric(example: Example, pred: int) -> float:
    return (pred % 11) / 10


def trees(names: tuple[str, ...] = tuple(FUNCTIONS)) -> st.SearchStrategy[Tree]:
    return st.recursive(
        st.just(("x",)),
        lambda inner: st.one_of(
            st.tuples(st.just("call"), st.sampled_from(names), inner),
            st.tuples(st.just("if"), inner, inner, inner),
            st.tuples(st.just("loop"), inner, inner),
            st.tuples(st.just("gather"), st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.tuples(st.just("try"), inner, inner),
            st.tuples(st.just("own"), inner),
        ),
        max_leaves=8,
    )


def datasets(names: tuple[str, ...] = tuple(FUNCTIONS)) -> st.SearchStrategy[list[Example]]:
    rows = st.tuples(trees(names), st.integers(0, 50))
    return st.lists(rows, min_size=1, max_size=3).map(
        lambda many: [Example({"tree": tree, "x": x}, None) for tree, x in many]
    )


values = st.fixed_dictionaries(
    {},
    optional={
        "add.hp.a": st.sampled_from([0.0, 1.5, 9.0]),
        "fragile.hp.b": st.sampled_from([0.0, 9.0]),
        "ask.prompt": st.sampled_from(["A", "B"]),
        "sample.prompt": st.just("C"),
        "outer.prompt": st.sampled_from(["", "longer"]),
    },
)
populations = st.lists(values, min_size=1, max_size=4)
kinds = st.sampled_from([Async, Sync])
