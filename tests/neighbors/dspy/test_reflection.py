"""Reflection LMs as clients of ours: kept, charged, asked in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hyperfunc import HyperSystem, hyperfunction, llm_completion, per_item
from hyperfunc.errors import BadReply, ProgramError
from hyperfunc.evaluation import Example
from hyperfunc.interop.dspy.proposing import instruction_proposer, register_reflection_lm
from hyperfunc.ledger import Ledger
from hyperfunc.optimizers.proposers import ProposalRequest
from hyperfunc.spaces import Text

from .scripted import Script, Server, dspy

pytestmark = pytest.mark.dspy
Serve = Callable[[Script], Server]


def ask(model: str, ledger: Ledger) -> Any:
    """One evaluation of a program that asks the model."""

    @hyperfunction
    async def program(question: str) -> str:
        return (await llm_completion(model, question, temperature=0)).content

    metric = per_item(lambda example, pred: 1.0)
    (cell,) = (
        HyperSystem([program]).evaluate([Example({"question": "why?"}, None)], metric, ledger=ledger).cells
    )
    return cell


def test_an_answer_is_kept_and_charged(serve: Serve) -> None:
    server = serve(lambda messages: "because")
    model = register_reflection_lm(server.lm())
    assert model == register_reflection_lm(server.lm())
    with Ledger.memory() as ledger:
        cells = [ask(model, ledger) for _ in range(2)]
    assert [(c.prediction, c.calls, c.tokens) for c in cells] == [("because", 1, 15)] * 2
    assert server.calls == 1
    assert server.asked[0] == [{"role": "user", "content": "why?"}]


@pytest.mark.parametrize("answer", ["because", ["because", "or not"], [{"text": "because"}]])
def test_any_function_of_a_prompt_will_do(answer: Any) -> None:
    threads = []

    def reflect(prompt: str) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        assert prompt == "why?"
        return answer

    with Ledger.memory() as ledger:
        assert ask(register_reflection_lm(reflect), ledger).prediction == "because"
    assert threads == [False]


def test_functions_of_equal_name_are_told_apart() -> None:
    names = {register_reflection_lm(lm) for lm in (lambda prompt: "a", lambda prompt: "b")}
    assert len(names) == 2


def test_what_gives_no_text_is_no_reflection_lm() -> None:
    from hyperfunc.llm.completion import request_for
    from hyperfunc.llm.registry import route_for

    model = register_reflection_lm(lambda prompt: 7)
    with pytest.raises(BadReply, match="gave 7"):
        asyncio.run(route_for(model).client.complete(request_for(model, "why?")))
    with pytest.raises(ProgramError, match=r"give a dspy\.LM"):
        register_reflection_lm(7)


def test_the_reflection_lm_is_current_while_an_instruction_proposer_runs(serve: Serve) -> None:
    serve(lambda messages: "[[ ## answer ## ]]\nof the program\n\n[[ ## completed ## ]]")
    other = Server(lambda messages: "[[ ## answer ## ]]\nbetter\n\n[[ ## completed ## ]]")

    def propose(candidate: Any, reflective_dataset: Any, components_to_update: Any) -> dict[str, str]:
        answer = dspy.Predict("question -> answer")(question="how?").answer
        return {name: f"{candidate[name]} {answer}" for name in components_to_update}

    request = ProposalRequest(("self.prompt",), {"self.prompt": "old"}, {"self.prompt": Text("old")})
    proposed = asyncio.run(instruction_proposer(propose, other.lm()).propose(request))
    assert proposed.changes == ({"self.prompt": "old better"},)
    assert other.calls == 1
    other.close()


@pytest.mark.parametrize("given", [{"self": "old"}, {}, None, {"self": 3}, {"other": "x"}])
def test_what_is_no_new_instruction_is_no_proposal(given: Any) -> None:
    request = ProposalRequest(("self.prompt",), {"self.prompt": "old"}, {"self.prompt": Text("old")})
    proposed = asyncio.run(instruction_proposer(lambda c, r, n: given).propose(request))
    assert proposed.changes == ()
    assert len(proposed.refused) == (given is None or given in ({"self": 3}, {"other": "x"}))
