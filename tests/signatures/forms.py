"""Signatures and types that several tests use."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, TypedDict

from hyperfunc import InputField, OutputField, Signature
from hyperfunc.llm.client import Response
from hyperfunc.signatures.fields import Field
from hyperfunc.signatures.kinds import kind_of

MODEL = "test/predict"


class Team(enum.Enum):
    BILLING = "billing"
    TECH = "tech"


class Depth(enum.Enum):
    SHALLOW = (1, 2)
    DEEP = (3, 4)


@dataclass(frozen=True)
class Line:
    name: str
    price: float | None


@dataclass
class Invoice:
    lines: list[Line]
    team: Team

    def __post_init__(self) -> None:
        if len(self.lines) > 3:
            raise ValueError("too many lines")


class Place(TypedDict):
    street: str
    number: NotRequired[int]


class QA(Signature):
    """Answer the question."""

    question: str = InputField()
    answer: str = OutputField(desc="a few words")


class Triage(Signature):
    """Sort the ticket."""

    ticket: str = InputField(desc="from a customer")
    tags: list[str] = InputField()
    team: Literal["billing", "tech"] = OutputField()
    urgency: int = OutputField(desc="from 1 to 5")
    note: str | None = OutputField()


def field(hint: Any, name: str = "x") -> Field:
    return Field(name, kind_of(hint, name))


def answer(text: str, reason: str = "stop") -> Response:
    return Response(text=text, finish_reason=reason)
