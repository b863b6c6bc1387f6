"""Answers in JSON from the real llama.cpp server: the schema goes there, and what comes back fits it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.llm.real.llamacpp import LlamaServer

from hyperfunc.llm import parse_answer, route_for
from hyperfunc.llm.client import Message, Request, Sampling

pytestmark = pytest.mark.llamacpp

# An object would do as well, but the toy model writes whitespace between its parts without end.
TEAM: dict[str, Any] = {"enum": ["billing", "tech", 7]}


@pytest.mark.parametrize("api", ["chat", "completion"])
def test_a_toy_model_answers_in_the_form_that_was_asked_for(llama: LlamaServer, api: str) -> None:
    name = f"llamacpp/{llama.url}?api={api}"
    asked = Request(
        model=name,
        messages=(Message("user", "And it came to pass"),),
        sampling=Sampling(max_tokens=64, temperature=1.0),
        seed=5,
        response_format=TEAM,
    )
    answer = asyncio.run(route_for(name).client.complete(asked))
    assert parse_answer(answer, TEAM) in ("billing", "tech", 7)
