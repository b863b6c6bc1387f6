"""Pydantic models as fields of signatures, with the real library; ``make neighbors`` installs it."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Literal

import pytest

from hyperfunc import InputField, OutputField, Predict, Signature
from hyperfunc.errors import BadAnswer
from hyperfunc.execution.encoding import decode, encode
from hyperfunc.llm.schema import violation
from hyperfunc.llm.structured import schema_of
from hyperfunc.testing import ScriptedClient

pydantic: Any = pytest.importorskip("pydantic", reason="models of pydantic need pydantic")

pytestmark = pytest.mark.pydantic

MODEL = "test/pydantic"


class Line(pydantic.BaseModel):  # type: ignore[misc]
    name: str
    price: float = pydantic.Field(ge=0)


class Node(pydantic.BaseModel):  # type: ignore[misc]
    label: Literal["a", "b"]
    below: list[Node] = pydantic.Field(default_factory=list)


class Bill(pydantic.BaseModel):  # type: ignore[misc]
    lines: list[Line]
    paid: bool = pydantic.Field(alias="isPaid")


class Read(Signature):
    """Read the bill."""

    hint: Line = InputField()
    bill: Bill | None = OutputField()
    trees: list[Node] = OutputField(desc="of labels")


GOOD = {
    "bill": {"lines": [{"name": "desk", "price": 2.0}], "isPaid": True},
    "trees": [{"label": "a", "below": [{"label": "b", "below": []}]}],
}


def read(answer: Any) -> Any:
    client = ScriptedClient(lambda request: json.dumps(answer), enforces_schemas=True)
    with client.answering(MODEL):
        found = asyncio.run(Predict(Read, MODEL)(hint=Line(name="x", price=1)))
    assert client.prompts == ['=== hint ===\n{"name": "x", "price": 1.0}']
    asked = client.requests[0].response_format
    assert asked is not None
    assert asked["json_schema"]["strict"] is False
    schema: Any = schema_of(asked)
    assert violation(GOOD, schema) is None
    assert violation({**GOOD, "trees": [{"label": "c", "below": []}]}, schema) is not None
    return found


def test_a_model_is_read_and_comes_back_from_the_ledger() -> None:
    found = read(GOOD)
    assert found.bill == Bill(lines=[Line(name="desk", price=2)], isPaid=True)
    assert found.trees[0].below[0].label == "b"
    assert found.to_json() == GOOD
    data = encode(found)
    assert data is not None
    assert decode(data) == found
    assert type(decode(data).bill) is Bill


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"bill": {"lines": [{"name": "desk", "price": -1}], "isPaid": True}},
            "bill.lines[0].price: expected",
        ),
        ({"bill": {"lines": [{"name": "desk", "price": "2"}], "isPaid": True}}, 'got "2"'),
        ({"bill": {"lines": []}}, "bill.isPaid: expected a value, got nothing"),
        ({"trees": [{"label": "c"}]}, 'trees[0].label: expected what Node accepts, got "c"'),
        ({"trees": None}, "trees: expected JSON"),
    ],
)
def test_what_a_model_refuses_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadAnswer) as found:
        read({**GOOD, **change})
    assert message in str(found.value)
