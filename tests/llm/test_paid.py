"""Paid answers are durable before anyone builds on them, and bounds count everything that is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hyperfunc import ExactMatch, Example, HyperSystem, Ledger, llm_completion
from hyperfunc.errors import LedgerError
from hyperfunc.llm import Message, Request, Response, Sampling, Usage, route_for
from hyperfunc.llm.paid import find_response, is_repeatable, most_tokens, request_key, used
from hyperfunc.testing import ScriptedClient

MODEL = "test/paid"


def test_what_a_program_goes_on_with_is_committed_and_answers_share_commits(tmp_path: Path) -> None:
    commits = 0
    seen: list[bool] = []

    class Ask(HyperSystem):
        async def run(self, text: str) -> str:
            answer = await llm_completion(MODEL, text, temperature=0)
            request = Request(
                model=MODEL, messages=(Message("user", text),), sampling=Sampling(temperature=0)
            )
            with Ledger.open(tmp_path, readonly=True) as other:
                key = request_key(route_for(MODEL).identity, request)
                seen.append(find_response(other, key) == answer)
            return answer.content

    def counted() -> None:
        nonlocal commits
        commits += 1
        flush()

    rows = [Example({"text": str(n)}, str(n)) for n in range(40)]
    client = ScriptedClient(lambda request: request.messages[-1].content)
    with client.answering(MODEL), Ledger.open(tmp_path) as ledger:
        flush = ledger.flush
        ledger.flush = counted  # type: ignore[method-assign]
        assert float(Ask().evaluate(rows, ExactMatch(), ledger=ledger)) == 1.0
    assert seen == [True] * 40
    assert commits <= 10


def test_an_answer_that_cannot_be_kept_stops_the_program() -> None:
    class Ask(HyperSystem):
        async def run(self, text: str) -> str:
            return (await llm_completion(MODEL, text, temperature=0)).content

    def full() -> None:
        raise LedgerError("the disk is full")

    with ScriptedClient(lambda request: "x").answering(MODEL), Ledger.memory() as ledger:
        flush, ledger.flush = ledger.flush, full  # type: ignore[method-assign]
        with pytest.raises(LedgerError, match="full"):
            Ask().evaluate([Example({"text": "a"}, "x")], ExactMatch(), ledger=ledger)
        ledger.flush = flush  # type: ignore[method-assign]


def ask(text: str = "x", **more: Any) -> Request:
    return Request(model=MODEL, messages=(Message("user", text),), **more)


def test_the_bound_counts_bytes_of_everything_that_is_sent() -> None:
    plain = most_tokens(ask(sampling=Sampling(max_tokens=10)))
    assert most_tokens(ask("é", sampling=Sampling(max_tokens=10))) == plain + 1
    assert most_tokens(ask(sampling=Sampling(max_tokens=11))) == plain + 1
    tool = {"type": "function", "function": {"name": "f", "description": "d" * 500}}
    assert most_tokens(ask(sampling=Sampling(max_tokens=10), tools=(tool,))) >= plain + 500
    schema = {"type": "object", "description": "s" * 300}
    assert most_tokens(ask(sampling=Sampling(max_tokens=10), response_format=schema)) >= plain + 300
    assert most_tokens(ask()) > 4096


def test_what_a_server_does_not_say_is_charged_at_its_most() -> None:
    request = ask(sampling=Sampling(max_tokens=10))
    said = Response(text="", usage=Usage(prompt_tokens=1, completion_tokens=2), cost=0.5)
    assert used(request, said, lambda r: 9.0) == (3, 0.5)
    assert used(request, Response(text=""), lambda r: 9.0) == (most_tokens(request), 9.0)
    assert used(request, Response(text=""), lambda r: None) == (most_tokens(request), None)


def test_only_what_is_greedy_or_has_a_seed_is_repeatable() -> None:
    assert is_repeatable(ask(seed=0))
    assert is_repeatable(ask(sampling=Sampling(temperature=0)))
    assert not is_repeatable(ask())
    assert not is_repeatable(ask(sampling=Sampling(temperature=0.1)))


def test_the_key_depends_on_what_answers_and_on_everything_asked() -> None:
    keys = {
        request_key("m", ask()), request_key("n", ask()), request_key("m", ask("y")),
        request_key("m", ask(seed=0)),
        request_key("m", ask(stop=("#",))), request_key("m", ask(logprobs=1)),
        request_key("m", ask(sampling=Sampling(temperature=0.0))),
    }  # fmt: skip
    assert len(keys) == 7
