"""A judge behind a real server: its schema goes out, broken answers come again, outages are missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.evaluation.judges.test_judge import RUBRIC, Writer, examples, said
from tests.llm.fault_server import Act, FaultServer, Seen, chat, fault_server

from hyperfunc import LLMJudge
from hyperfunc.evaluation.judges.rubric import schema_of_marks
from hyperfunc.llm.http import Attempts
from hyperfunc.llm.providers.server import ServerClient
from hyperfunc.llm.registry import forget_routes, route_for


def act(seen: Seen) -> Act:
    if "hare" in seen.prompt:
        return Act(status=500, body={})
    if "toad" in seen.prompt:
        return Act(body=chat("I would rather not."))
    if "owl" in seen.prompt and seen.body["temperature"] == 0:
        return Act(body=chat(f"```json\n{said(plot=1, prose=1)}\n```"))
    return Act(body=chat(said(plot=10, prose=1)))


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with fault_server(act) as running:
        yield running
    forget_routes()


def test_from_the_request_to_the_cell(server: FaultServer, tmp_path: Path) -> None:
    model = f"vllm/{server.url}#m"
    client = route_for(model).client
    assert isinstance(client, ServerClient)
    client.attempts = Attempts(tries=2, backoff_s=0.001)
    judge = LLMJudge(model, RUBRIC)
    prompts = examples("stone", "owl", "hare", "toad")
    found = Writer().evaluate(prompts, judge, ledger=tmp_path)
    assert [cell.score for cell in found.cells] == [0.75, 0.75, None, None]
    assert [cell.calls for cell in found.cells] == [1, 2, 1, 3]
    assert [(c.failure or "").partition(":")[0] for c in found.cells[2:]] == ["ServerFailed", "JudgeFailed"]
    body = server.seen[0].body
    assert body["response_format"]["json_schema"]["schema"] == json.loads(json.dumps(schema_of_marks(RUBRIC)))
    assert (body["temperature"], body["max_tokens"], "seed" in body) == (0.0, 2048, False)
    again = [seen for seen in server.seen if "owl" in seen.prompt]
    assert [seen.body["temperature"] for seen in again] == [0.0, 0.7]
    assert "seed" in again[1].body
    before = len(server.seen)
    second = Writer().evaluate(prompts, judge, ledger=tmp_path)
    assert [cell.score for cell in second.cells] == [cell.score for cell in found.cells]
    assert {"hare" in seen.prompt for seen in server.seen[before:]} == {True}, (
        "only what failed is asked again"
    )
