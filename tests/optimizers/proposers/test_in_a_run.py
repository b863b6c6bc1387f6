"""In a run: proposers' requests are charged, kept in the ledger, and stop where the budget does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.optimizers.proposers.asked import MODEL, one, record, request

from hyperfunc import HyperSystem, hyperfunction, llm_completion
from hyperfunc.errors import BudgetExhausted
from hyperfunc.execution import Engine, Settings
from hyperfunc.execution.account import Account
from hyperfunc.ledger import Budget, Ledger, Meter
from hyperfunc.optimizers.proposers import APE, Custom, Proposed, Reflection, TextProposer
from hyperfunc.testing import ScriptedClient

FENCED = "```\nA better text.\n```"


@hyperfunction
def route(ticket: str, *, prompt: str) -> str:
    """Say the team."""
    return prompt + ticket


def aside(
    proposer: TextProposer, about: Any, account: Account, ledger: Ledger | None = None
) -> tuple[Proposed, int]:
    """What the engine gets from a proposer, and how many calls it was charged for."""
    system = HyperSystem([route])
    engine = Engine(system.program(), Settings(0), ledger, account)
    values = system.bind(system.candidate)
    work = engine.aside(values, lambda: proposer.propose(about), origin="run", luck="consultation 0")
    found, charges = asyncio.run(work)
    assert isinstance(found, Proposed)
    return found, len(charges)


def waits(about: Any) -> str:
    return asyncio.run(llm_completion(MODEL, "in a thread")).content


@pytest.mark.parametrize(
    ("proposer", "calls"), [(Reflection(MODEL), 2), (APE(MODEL, n=2), 2), (Custom(waits, calls=1), 1)]
)
def test_requests_are_charged_and_a_second_run_pays_none(proposer: TextProposer, calls: int) -> None:
    about = (
        request(records=(record(1.0),))
        if calls == 2 and isinstance(proposer, Reflection)
        else one(records=(record(1.0),))
    )
    with ScriptedClient(lambda _: FENCED).answering(MODEL) as client, Ledger.memory() as ledger:
        account = Account(Meter(Budget(calls=calls)))
        first, charged = aside(proposer, about, account, ledger)
        assert first.changes
        assert client.calls == charged == account.spent.calls == calls
        again = Account(Meter(Budget(calls=calls)))
        assert aside(proposer, about, again, ledger) == (first, calls)
        assert client.calls == calls
        assert (again.spent.calls, again.paid_calls) == (calls, 0)


@pytest.mark.parametrize("limit", [0, 1, 2, 3])
def test_no_request_is_made_beyond_the_budget_and_none_that_was_paid_is_lost(limit: int) -> None:
    about, proposer = request(), Reflection(MODEL, retries=1)
    with ScriptedClient(lambda r: "no fence").answering(MODEL) as client, Ledger.memory() as ledger:
        account = Account(Meter(Budget(calls=limit)))
        with pytest.raises(BudgetExhausted):
            aside(proposer, about, account, ledger)
        assert client.calls == account.spent.calls == limit
        found, charged = aside(proposer, about, Account(), ledger)
        assert len(found.refused) == 2
        assert client.calls == charged == 4 == proposer.calls * len(about.names)


@contextmanager
def served() -> Iterator[str]:
    """The command that serves an embedded model, as a process of its own."""
    words = [sys.executable, "-m", "hyperfunc", "serve-model", "--model", "local/prose", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split(" at ")[1].split()[0]
        finally:
            process.terminate()
            process.communicate(timeout=20)


@pytest.mark.slow
def test_a_real_model_server_that_answers_nonsense_or_refuses_is_counted_and_not_fatal() -> None:
    with served() as url:
        model = f"openai/{url}/v1#local/prose"
        short = Reflection(model, max_tokens=12, template="{current}\n{records}\n{answer}")
        nonsense, charged = aside(short, one("Tell."), account := Account())
        refused, asked_once = aside(Reflection(model), one(records=(record(),) * 8), Account())
    assert nonsense.changes == refused.changes == ()
    assert "gave no readable answer in 2 tries" in nonsense.refused[0]
    assert charged == account.paid_calls == 2
    assert "did not take the request" in refused.refused[0]
    assert asked_once <= 1
