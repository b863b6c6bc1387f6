"""A Predict over real HTTP: the embedded model behind ``serve-model``, and servers that refuse schemas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.signatures.forms import QA

from hyperfunc import ExactMatch, Example, HyperSystem, LMParam, Predict
from hyperfunc.errors import RequestRefused
from hyperfunc.llm.serving import Service, background

SETTINGS = LMParam(temperature=0.0, max_tokens=24)


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with background(Service(["local/office"])) as url:
        yield f"openai/{url}/v1#local/office"


def test_a_served_model_fills_in_a_field_as_the_embedded_one_does(model: str) -> None:
    answers = [
        asyncio.run(Predict(QA, name, hp=SETTINGS)(question="Where is my parcel?"))
        for name in (model, "local/office")
    ]
    assert answers[0] == answers[1]
    assert answers[0].answer


def test_a_real_answer_that_does_not_fit_is_a_scored_failure(model: str) -> None:
    system = HyperSystem([Predict("question -> days: int", model, hp=SETTINGS)])
    found: Any = system.evaluate([Example({"question": "When does it come?"}, {"days": 3})], ExactMatch())
    assert (float(found), found.cells[0].calls) == (0.0, 1)
    assert (
        "the answer does not fit the signature days: days: expected whole number, got"
        in found.cells[0].feedback
    )


def test_a_server_without_schemas_refuses_json_in_one_sentence(model: str) -> None:
    with pytest.raises(RequestRefused, match="response_format"):
        asyncio.run(Predict(QA, model, hp=SETTINGS, format="json")(question="?"))
