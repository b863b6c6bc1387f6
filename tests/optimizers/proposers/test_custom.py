"""A user's own function: sync or async, in whichever form it answers, and its errors are its own."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from tests.optimizers.proposers.asked import MODEL, TEXTS, one, propose, record, request

from hyperfunc import llm_completion
from hyperfunc.errors import ProposerError
from hyperfunc.optimizers.proposers import Custom, Edits, ProposalRequest, Proposed, as_proposer
from hyperfunc.spaces import Exemplar, Exemplars, Text

ANSWERS: dict[str, tuple[Any, list[dict[str, str]]]] = {
    "a text": ("x", [{"route.prompt": "x"}]),
    "texts": (["x", "y"], [{"route.prompt": "x"}, {"route.prompt": "y"}]),
    "a mapping": ({"reply.prompt": "x"}, [{"reply.prompt": "x"}]),
    "mappings": (
        [{"reply.prompt": "x"}, {"route.prompt": "y"}],
        [{"reply.prompt": "x"}, {"route.prompt": "y"}],
    ),
    "a component": ({"reply": "x"}, [{"reply.prompt": "x"}]),
    "proposed": (Proposed(({"route.prompt": "x"},)), [{"route.prompt": "x"}]),
    "nothing": (None, []),
    "no texts": ([], []),
}


@pytest.mark.parametrize(("answer", "wanted"), ANSWERS.values(), ids=ANSWERS.keys())
def test_every_form_of_an_answer_sync_and_async(answer: Any, wanted: Any) -> None:
    def sync(about: ProposalRequest) -> Any:
        assert about.names == tuple(TEXTS)
        return answer

    async def later(about: ProposalRequest) -> Any:
        return answer

    class Callable:
        async def __call__(self, about: ProposalRequest) -> Any:
            return answer

    for function in (sync, later, lambda about: later(about), functools.partial(later), Callable()):
        assert list(propose(as_proposer(function), request())) == wanted


WRONG: list[tuple[Any, str]] = [
    (3, "returned 3 of type int"),
    ([3], "returned 3 of type int"),
    ({"route.prompt": 3}, "is a text, but got 3"),
    ({"rout.prompt": "x"}, "did you mean 'route.prompt'"),
    (Proposed(({"x": "y"},)), "which it was not asked for"),
]


@pytest.mark.parametrize(("answer", "reason"), WRONG)
def test_anything_else_is_an_error_that_names_the_function(answer: Any, reason: str) -> None:
    def mine(about: ProposalRequest) -> Any:
        return answer

    with pytest.raises(ProposerError, match=reason) as caught:
        propose(Custom(mine), request())
    assert "test_custom" in str(caught.value)
    assert "mine" in str(caught.value)


def test_a_text_that_is_too_long_is_left_to_whoever_screens() -> None:
    about = request({"p": "x"}, knobs={"p": Text(max_chars=2)})
    assert propose(Custom(lambda about: "long"), about) == ({"p": "long"},)


def test_exemplars_are_made_canonical() -> None:
    about = request({"a.exemplars": ()}, knobs={"a.exemplars": Exemplars()})
    (change,) = propose(Custom(lambda r: {"a.exemplars": [(1, 2)]}, kinds=frozenset({"exemplars"})), about)
    assert change == {"a.exemplars": (Exemplar(1, 2),)}


def test_a_function_that_waits_runs_in_a_thread_with_its_context() -> None:
    place: contextvars.ContextVar[str] = contextvars.ContextVar("place")
    seen = []

    def waits(about: ProposalRequest) -> str:
        seen.append((threading.current_thread() is threading.main_thread(), place.get()))
        return asyncio.run(llm_completion(MODEL, "hello")).content

    async def main() -> Any:
        place.set("here")
        return await Custom(waits, calls=1).propose(one())

    from hyperfunc.testing import ScriptedClient

    with ScriptedClient(["x"]).answering(MODEL):
        assert asyncio.run(main()).changes == ({"route.prompt": "x"},)
    assert seen == [(False, "here")]


def test_its_own_errors_pass() -> None:
    def fails(about: ProposalRequest) -> str:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        propose(Custom(fails), one())


def test_the_calling_convention_of_gepa_and_dspy() -> None:
    seen: dict[str, Any] = {}

    def proposer(
        candidate: dict[str, str], reflective_dataset: dict[str, Any], components_to_update: list[str]
    ) -> dict[str, str]:
        seen.update(candidate=candidate, dataset=reflective_dataset, names=components_to_update)
        return dict.fromkeys(components_to_update, "x")

    class Instance:
        def __call__(self, candidate: Any, reflective_dataset: Any, components_to_update: Any) -> Any:
            return proposer(candidate, reflective_dataset, components_to_update)

    async def later(candidate: Any, reflective_dataset: Any, components_to_update: Any) -> Any:
        return proposer(candidate, reflective_dataset, components_to_update)

    values = {**TEXTS, "tone": "kind"}
    about = request(values, names=("route.prompt",), records=(record(),))
    functions: tuple[Callable[..., Any], ...] = (proposer, Instance(), later)
    for function in functions:
        seen.clear()
        assert propose(as_proposer(function), about) == ({"route.prompt": "x"},)
        assert seen["candidate"] == values
        assert seen["names"] == ["route.prompt"]
        assert [set(entry) for entry in seen["dataset"]["route.prompt"]] == [
            {"Inputs", "Generated Outputs", "Feedback"}
        ]


def test_what_cannot_be_called_is_refused_at_once() -> None:
    assert isinstance(as_proposer(Edits()), Edits)
    for wrong in (None, 3, Edits, "model", lambda: "x", lambda a, b: "x"):
        with pytest.raises(ProposerError):
            as_proposer(wrong)
    with pytest.raises(ProposerError, match="calls of a proposer"):
        Custom(lambda about: None, calls=-1)
    assert (Custom(lambda about: None, calls=2).calls, repr(Custom(len))) == (
        2,
        "Custom(calls=0, kinds=frozenset({'text'}), name='builtins.len')",
    )
