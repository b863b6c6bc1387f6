"""Requests to proposers, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from hyperfunc.optimizers.proposers import ProposalRequest, Proposed, Record, TextProposer
from hyperfunc.spaces import Exemplars, Text
from hyperfunc.testing import ScriptedClient
from hyperfunc.types import Exchange

MODEL = "mine/writer"
TEXTS = {"route.prompt": "Say the team.", "reply.prompt": "Answer the customer in {language}."}


def request(values: Mapping[str, Any] | None = None, **more: Any) -> ProposalRequest:
    """A request about all of the values."""
    values = TEXTS if values is None else values
    knobs = {name: Text() if isinstance(value, str) else Exemplars() for name, value in values.items()}
    return ProposalRequest(**{"names": tuple(values), "values": values, "knobs": knobs} | more)


def one(text: str = "Say the team.", **more: Any) -> ProposalRequest:
    """A request about one text."""
    return request({"route.prompt": text}, **more)


def record(score: float = 0.0, **more: Any) -> Record:
    """A record of a ticket that was routed, and answered."""
    calls = (
        Exchange("route", {"ticket": "Where is my box?"}, "billing"),
        Exchange("reply", {"ticket": "Where is my box?", "team": "billing"}, "We will look."),
    )
    known: dict[str, Any] = {
        "inputs": {"ticket": "Where is my box?"}, "expected": "shipping", "output": "We will look.",
        "score": score, "feedback": "the box was not found", "exchanges": calls,
    }  # fmt: skip
    return Record(**known | more)


def ask(proposer: TextProposer, about: ProposalRequest, answers: Any = ()) -> tuple[Proposed, ScriptedClient]:
    """What a proposer makes of a script's answers, and the client that gave them."""
    client = ScriptedClient(answers)
    with client.answering(MODEL):
        found = asyncio.run(proposer.propose(about))
    assert isinstance(found, Proposed)
    return found, client


def propose(proposer: TextProposer, about: ProposalRequest) -> tuple[Mapping[str, Any], ...]:
    """The proposals of a proposer that asks no model."""
    found, client = ask(proposer, about)
    assert client.calls == 0
    return found.changes


def sent(client: ScriptedClient) -> list[str]:
    """All of each request as one text."""
    return ["\n".join(m.content for m in request.messages) for request in client.requests]
