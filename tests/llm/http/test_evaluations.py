"""What an evaluation makes of failures: those of servers are missing, those of requests are the program's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.llm.fault_server import Act, FaultServer, Seen, chat, fault_server

from hyperfunc import Example, HyperSystem, hyperfunction, llm_completion
from hyperfunc.errors import InfrastructureError, UnknownModel
from hyperfunc.llm.http import Attempts
from hyperfunc.llm.providers.server import ServerClient
from hyperfunc.llm.registry import forget_routes, route_for


def act(seen: Seen) -> Act:
    """By what is asked."""
    said = {"quota": 402, "key": 401, "broken": 500, "parameter": 400, "model": 404}
    return (
        Act(status=said[seen.prompt], body={}) if seen.prompt in said else Act(body=chat("yes"), delay=0.02)
    )


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server(act) as running:
        yield running
    forget_routes()


def evaluate(server: FaultServer, *questions: str, ledger: Path | None = None) -> tuple[float, list[str]]:
    model = f"vllm/{server.url}#m"
    client = route_for(model).client
    assert isinstance(client, ServerClient)
    client.attempts = Attempts(tries=2, backoff_s=0.001)

    @hyperfunction(model=model)
    async def ask(question: str) -> str:
        """Ask."""
        return (await llm_completion(model, question)).content

    class Asking(HyperSystem):
        async def run(self, question: str) -> str:
            return await ask(question)

    examples = [Example({"question": question}, "yes") for question in questions]
    value = Asking([ask]).evaluate(examples, lambda example, pred: float(pred == "yes"), ledger=ledger)
    kinds = [
        "missing" if cell in value.missing else "failed" if cell.failure else "scored" for cell in value.cells
    ]
    return float(value), kinds


def test_a_sync_program_asks_servers_too_and_all_lanes_at_once(server: FaultServer) -> None:
    model = f"vllm/{server.url}#m"

    @hyperfunction(model=model)
    async def ask(question: str) -> str:
        """Ask."""
        return (await llm_completion(model, question)).content

    class Asking(HyperSystem):
        def run(self, question: str) -> str:
            return str(ask(question)) + str(ask(question + " again"))

    examples = [Example({"question": f"fine {i}"}, "yesyes") for i in range(40)]
    value = Asking([ask]).evaluate(examples, lambda example, pred: float(pred == "yesyes"))
    assert (float(value), len(server.seen)) == (1.0, 80)
    assert server.peak > 10


@pytest.mark.parametrize("question", ["quota", "key", "broken"])
def test_no_candidate_is_scored_for_what_a_server_does(server: FaultServer, question: str) -> None:
    assert evaluate(server, question, "fine") == (1.0, ["missing", "scored"])


def test_a_request_that_is_wrong_is_the_programs_failure(server: FaultServer) -> None:
    assert evaluate(server, "parameter", "fine") == (0.5, ["failed", "scored"])


def test_a_model_that_does_not_exist_ends_the_evaluation(server: FaultServer) -> None:
    with pytest.raises(UnknownModel, match="no such model"):
        evaluate(server, "fine", "model")


def test_when_nothing_could_be_evaluated_the_reason_is_told(server: FaultServer) -> None:
    with pytest.raises(InfrastructureError, match=r"no access to .*401.*VLLM_API_KEY"):
        evaluate(server, "key")


def test_what_was_paid_for_is_not_asked_again_and_what_is_missing_is(
    server: FaultServer, tmp_path: Path
) -> None:
    evaluate(server, "fine", "broken", ledger=tmp_path)
    before = len(server.seen)
    assert before == 3
    assert evaluate(server, "fine", "broken", ledger=tmp_path)[1] == ["scored", "missing"]
    assert [seen.prompt for seen in server.seen[before:]] == ["broken", "broken"]
