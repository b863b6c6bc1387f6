"""HiddenRules as a program of ours: two modules with a prompt each, and a simulated model that is told both.

The task lies beside the project, never in it. One rollout is one request to the model ``hidden/rules``, so
that it is kept, charged and counted against the concurrency like any paid call; the reflector answers for
``hidden/reflector``.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyperfunc import Example, HyperSystem, ScoreResult, hyperfunction, llm_completion
from hyperfunc.llm import register_client, unregister_client
from hyperfunc.llm.client import Message, Request, Response, Usage

__all__ = ["FILE", "REFLECTOR", "HiddenRules", "Reflecting", "Rollouts", "answering", "examples", "judged",
           "missing", "rules"]  # fmt: skip

FILE = Path(__file__).parents[3] / "shared" / "bench" / "hidden_rules.py"
MODEL = "hidden/rules"
REFLECTOR = "hidden/reflector"


def missing() -> str:
    """Why HiddenRules cannot be used; empty when it can."""
    return "" if FILE.is_file() else "HiddenRules (bench/hidden_rules.py in shared/ beside this) is not here"


@functools.cache
def rules() -> Any:
    """The module of the task."""
    spec = importlib.util.spec_from_file_location("hidden_rules", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hidden_rules"] = module
    spec.loader.exec_module(module)
    return module


class Rollouts:
    """The world as a model: the texts of both modules and the name of an example in, score and feedback out.

    Args:
        world: counts its rollouts itself.
        seconds: of a rollout.
        journal: a file that gets a line for each rollout, before it is answered.

    Attributes:
        cells: what was rolled out, as (texts, example).
    """

    def __init__(self, world: Any, seconds: float = 0.0, journal: Path | None = None) -> None:
        self.world = world
        self.seconds = seconds
        self.cells: set[tuple[str, ...]] = set()
        self._examples = {e.id: e for e in (*world.train, *world.val)}
        self._journal = None if journal is None else os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @property
    def calls(self) -> int:
        """Metric calls by the world's own count."""
        return int(self.world.calls)

    @property
    def twice(self) -> int:
        """Rollouts of what had been rolled out before."""
        return self.calls - len(self.cells)

    async def complete(self, request: Request) -> Response:
        """One rollout."""
        if self.seconds:
            await asyncio.sleep(self.seconds)
        *texts, example = (message.content for message in request.messages)
        candidate = dict(zip(self.world.components, texts, strict=True))
        score, feedback = self.world.rollout(candidate, self._examples[example])
        self.cells.add((*texts, example))
        if self._journal is not None:
            os.write(self._journal, (json.dumps([*texts, example]) + "\n").encode())
        return _answer(json.dumps({"score": score, **feedback}))


class Reflecting:
    """The scripted reflector as a model. The number of a call is the seed of its request.

    So an answer depends on what is asked alone, at any concurrency and after any resume.

    Args:
        scripted: of the task.
        seconds: of an answer.
    """

    def __init__(self, scripted: Any, seconds: float = 0.0) -> None:
        self.scripted = scripted
        self.seconds = seconds
        self.calls = 0

    async def complete(self, request: Request) -> Response:
        """A new text for the first that is fenced, by the hints that follow it."""
        self.calls += 1
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if request.seed is None:
            raise ValueError("a reflection needs a seed")
        _, current, rest = "\n".join(message.content for message in request.messages).split("```", 2)
        text = self.scripted.rewrite(current.strip("\n"), rest, request.seed)
        return _answer(f"```\n{text}\n```")


def _answer(text: str) -> Response:
    return Response(text=text, usage=Usage(prompt_tokens=1, completion_tokens=1), cost=0.0)


class Draft:
    """What a module makes of its prompt. A reflector is shown its name and never the prompt inside."""

    def __init__(self, module: str, text: str) -> None:
        self.module = module
        self.text = text

    def __str__(self) -> str:
        return f"draft of {self.module}"


@hyperfunction(optimize_prompt=True)
def module_0(example: str, *, prompt: str) -> Draft:
    """You are module_0. Do the task."""
    return Draft(f"module_0 for {example}", prompt)


@hyperfunction(optimize_prompt=True)
def module_1(example: str, *, prompt: str) -> Draft:
    """You are module_1. Do the task."""
    return Draft(f"module_1 for {example}", prompt)


class HiddenRules(HyperSystem):
    """The simulated program."""

    async def run(self, example: str) -> dict[str, Any]:
        """One rollout: score, and what each module did wrong."""
        drafts = (module_0(example), module_1(example))
        told = [*(Message("system", draft.text) for draft in drafts), Message("user", example)]
        answer = await llm_completion(MODEL, told, temperature=0)
        found: dict[str, Any] = json.loads(_muted(answer.content))
        return found


def judged(example: Example, pred: dict[str, Any], pred_name: str | None = None) -> ScoreResult:
    """The score, with feedback about one module when it is asked for."""
    if pred_name is None:
        return ScoreResult(pred["score"], f"{example.inputs['example']} scores {pred['score']:.2f}.")
    return ScoreResult(pred["score"], _heard(pred[pred_name.partition(".")[0]]))


# The scripted reflector obeys every hint that it sees, so what a program returned must not hold any: each
# module learns of its own flaw, by the feedback.
def _muted(text: str) -> str:
    return text.replace("<<need", "(need").replace(">>", ")")


def _heard(feedback: str) -> str:
    return feedback.replace("(need", "<<need").replace(")", ">>")


def examples(part: Any) -> list[Example]:
    """A part of the world for a system; what an example needs is nobody's to know."""
    return [Example({"example": each.id}) for each in part]


@contextlib.contextmanager
def answering(rollouts: Rollouts, reflecting: Reflecting) -> Iterator[None]:
    """Let both models answer in this process while it lasts."""
    world = rollouts.world
    register_client(MODEL, rollouts, identity=f"hidden rules {world.seed} {world.binary}")
    register_client(REFLECTOR, reflecting, identity=f"hidden reflector {reflecting.scripted.seed}")
    try:
        yield
    finally:
        unregister_client(MODEL)
        unregister_client(REFLECTOR)
