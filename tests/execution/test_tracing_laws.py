"""Laws of tracing, on drawn programs whose true dependencies are known: none of them is missed."""

from __future__ import annotations

import asyncio
import linecache
from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.execution.graphs import reached, trace

from hyperfunc import hyperfunction

torch.set_num_threads(1)

# Programs as lists of steps: each a call on values made so far, or glue between calls.


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["call", "glue", "view", "write"]), st.integers(0, 20), st.integers(0, 20)),
    min_size=1, max_size=9,
)  # fmt: skip


@hyperfunction
async def tensor_call(a: Any, b: Any) -> Any:
    out = torch.tanh(a)
    out.view(-1)[:1].add_(0.5 * b.view(-1)[:1])
    return out


@hyperfunction
async def text_call(a: str, b: str) -> Any:
    return len(a) if b.endswith("n") else f"{a[:3]}{len(b)}"


def mean_of(value: Any) -> float:
    return float(torch.as_tensor(value).float().mean())


def true_sources(steps: list[Step], write: bool) -> list[set[int]]:
    """For each call, the calls whose outputs its arguments are made of; views share what is written."""
    values: list[tuple[set[int], int]] = [(set(), 0), (set(), 1)]
    memory: dict[int, set[int]] = {0: set(), 1: set()}
    calls: list[set[int]] = []
    for kind, i, j in steps:
        (one, at), (two, other) = values[i % len(values)], values[j % len(values)]
        both = one | two | memory[at] | memory[other]
        if kind == "call":
            values.append(({len(calls)}, len(memory)))
            memory[len(memory)] = set()
            calls.append(both)
        elif kind == "view":
            values.append((one, at))
        elif kind == "write" and write:
            memory[at] |= two | memory[other]
        else:
            values.append((both, len(memory)))
            memory[len(memory)] = set()
    return calls


@settings(max_examples=20)
@given(STEPS)
def test_programs_of_tensors_have_exactly_their_edges(steps: list[Step]) -> None:
    async def run(x: Any, y: Any) -> None:
        values = [x, y]
        for kind, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "call":
                values.append(await tensor_call(a, b))
            elif kind == "view":
                values.append(a[:].view(-1))
            elif kind == "write":
                a.mul_(0.5).add_(b)
            else:
                values.append(torch.stack([a, 2 * b + 1]).mean(0))

    graph = trace(run, x=torch.ones(2), y=torch.zeros(2))
    assert graph.error is None
    assert [set(graph.dependencies(n)) for n in range(len(graph.calls))] == true_sources(steps, write=True)
    assert not any(e.kind == "inferred" for e in graph.edges)


@settings(max_examples=20)
@given(STEPS)
def test_no_true_dependency_of_a_program_of_texts_is_missed(steps: list[Step]) -> None:
    async def run(x: str, y: str) -> None:
        values: list[Any] = [x, y]
        for kind, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "call":
                values.append(await text_call(str(a), str(b)))
            elif kind == "view":
                values.append(a)
            else:
                values.append(f"{a}+{b}" if (i + j) % 2 else len(str(a)) + len(str(b)))

    graph = trace(run, x="an input text", y="then")
    assert graph.error is None
    for number, sources in enumerate(true_sources(steps, write=False)):
        assert sources <= reached(graph, number)


@settings(max_examples=20)
@given(STEPS, st.booleans())
def test_no_true_dependency_of_a_mixed_program_is_missed(steps: list[Step], threaded: bool) -> None:
    async def run(x: Any, y: Any) -> None:
        values: list[Any] = [x, y]
        for kind, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "call":
                values.append(await tensor_call(torch.as_tensor(a), torch.as_tensor(b)))
            elif kind == "view":
                values.append(a)
            elif threaded:
                values.append(await asyncio.to_thread(mean_of, a + b))
            else:
                values.append(mean_of(a + b) + 1)

    graph = trace(run, x=torch.ones(2), y=2.0)
    assert graph.error is None
    for number, sources in enumerate(true_sources(steps, write=False)):
        assert sources <= reached(graph, number)


# Programs as text: names bound once or again, in and out of loops, and a truth that is computed apart.

NAMES = ["x", "y", "a", "b", "c"]
TERMS = st.one_of(st.sampled_from(NAMES), st.sampled_from(["'const'", "7", "CONSTANT"]))
EXPRESSIONS = st.one_of(
    TERMS.map(lambda t: (t, [t])),
    st.tuples(TERMS, TERMS).map(lambda p: (f"str({p[0]}) + str({p[1]})", list(p))),
    st.tuples(TERMS, TERMS).map(lambda p: (f'f"{{{p[0]}}}-{{{p[1]}}}"', list(p))),
    TERMS.map(lambda t: (f"len(str({t}))", [t])),
    st.tuples(TERMS, TERMS).map(lambda p: (f"({p[0]}, {p[1]})[1]", [p[1]])),
    TERMS.map(lambda t: (f"helper({t})", [t])),
)
LINES = st.tuples(st.sampled_from(["let", "call"]), st.sampled_from(NAMES), EXPRESSIONS, EXPRESSIONS)
BLOCKS = st.lists(
    st.tuples(st.integers(1, 2), st.lists(LINES, min_size=1, max_size=3)), min_size=1, max_size=4
)


@hyperfunction
async def made(a: Any, b: Any) -> Any:
    return len(str(a)) if str(b).endswith("7") else f"{str(a)[:5]}.{len(str(b))}"


def as_text(blocks: list[Any]) -> str:
    lines = ["CONSTANT = 'a constant of the module'", "def helper(v):", "    return str(v)[::-1]"]
    lines += ["async def run(x, y):", "    a, b, c = 'a', 2, 'c'"]
    for times, block in blocks:
        lines.append(f"    for _ in range({times}):")
        for kind, name, (first, _), (second, _) in block:
            made_of = f"await made({first}, {second})" if kind == "call" else first
            lines.append(f"        {name} = {made_of}")
    return "\n".join(lines) + "\n"


def truth(blocks: list[Any]) -> list[set[int]]:
    holds: dict[str, set[int]] = {name: set() for name in NAMES}
    calls: list[set[int]] = []
    for times, block in blocks:
        for _ in range(times):
            for kind, name, (_, first), (_, second) in block:
                read = [*first, *second] if kind == "call" else first
                sources = set().union(*(holds.get(t, set()) for t in read))
                holds[name] = {len(calls)} if kind == "call" else sources
                if kind == "call":
                    calls.append(sources)
    return calls


@settings(max_examples=20)
@given(blocks=BLOCKS)
def test_what_the_text_of_a_program_says_is_never_wrong(blocks: list[Any]) -> None:
    text = as_text(blocks)
    path = f"<program {hash(text)}>"
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    space: dict[str, Any] = {"made": made}
    exec(compile(text, path, "exec"), space)
    graph = trace(space["run"], x="an input", y=7)
    assert graph.error is None
    expected = truth(blocks)
    assert len(graph.calls) == len(expected)
    for number, sources in enumerate(expected):
        assert sources <= reached(graph, number), text
