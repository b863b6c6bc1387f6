"""Tracing a function as a system, and reading the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hyperfunc import HyperSystem
from hyperfunc.program.graph import CallGraph


def trace(run: Callable[..., Any], **inputs: Any) -> CallGraph:
    """The graph of ``run`` as a system's; it is given inputs by name and no ``self``."""
    system: type[HyperSystem] = type("Traced", (HyperSystem,), {"run": staticmethod(run)})
    return system().trace_run(inputs)


def reached(graph: CallGraph, number: int) -> set[int]:
    """Everything that edges put before a call."""
    found: set[int] = set()
    todo = [number]
    while todo:
        for source in graph.dependencies(todo.pop()) - found:
            found.add(source)
            todo.append(source)
    return found
