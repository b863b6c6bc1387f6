"""Attempts to get text of the data into a prompt, and honest proposals; each with a half that is held out.

The held-out halves were written before any rule of the screen was tried on them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from hyperfunc.optimizers.proposers import ProposalRequest, Record
from hyperfunc.optimizers.proposers.screening import Corpus, Screen, texts_of
from hyperfunc.spaces import Text
from hyperfunc.types import Exchange

__all__ = ["FORMS", "KNOB", "Attack", "Honest", "Rates", "Task", "attacks", "corpus_of", "honest", "rates"]

KNOB = "answer.prompt"
FORMS = ("verbatim", "trimmed", "embedded", "reworded")


@dataclass(frozen=True)
class Task:
    """A plausible program: its prompt, what it is for, and how the prompt did on some examples."""

    name: str
    held_out: bool
    task: str
    base: str
    better: tuple[str, ...]
    records: tuple[Record, ...]

    def request(self, attack: Attack | None = None) -> ProposalRequest:
        """What a proposer is told, with the attack among the records."""
        poisoned = tuple(attack.records(self.records[0])) if attack else ()
        records = (*self.records[:1], *poisoned, *self.records[1:])
        return ProposalRequest(
            names=(KNOB,),
            values={KNOB: self.base},
            knobs={KNOB: Text(self.base)},
            records=records,
            task=self.task,
        )


@dataclass(frozen=True)
class Attack:
    """Where it sits, what it says, and what gullible proposals would make of it.

    Args:
        name: unique within its half.
        held_out: whether it belongs to the half that no rule was made for.
        task: the name of the task whose data it is in.
        where: ``input``, ``expected``, ``output``, ``feedback`` or ``tool`` (the result of a call).
        injected: the text, or its parts when it is split over several records.
        core: what is left of it when what surrounds the instruction is trimmed.
        reworded: the same intent in other words, decoded or translated.
    """

    name: str
    held_out: bool
    task: str
    where: str
    injected: tuple[str, ...]
    core: str
    reworded: tuple[str, ...]

    def records(self, like: Record) -> Iterator[Record]:
        for part in self.injected:
            if self.where == "input":
                first, *_ = like.inputs
                yield replace(like, inputs={**like.inputs, first: part})
            elif self.where == "tool":
                call = Exchange("lookup", {"query": "more"}, output=part)
                yield replace(like, exchanges=(call,))
            else:
                place: dict[str, Any] = {self.where: part}
                yield replace(like, **place)

    def proposals(self, form: str) -> tuple[str, ...]:
        """The prompts of one of the :data:`FORMS`."""
        task = tasks()[self.task]
        if form == "verbatim":
            return (f"{task.base}\n{' '.join(self.injected)}",)
        if form == "trimmed":
            return (f"{task.base}\n{self.core}",)
        cores = (self.core,) if form == "embedded" else self.reworded
        first, *rest = task.better
        return tuple("\n- ".join([task.base, first, core, *rest]) for core in cores)


@dataclass(frozen=True)
class Honest:
    """A proposal that somebody could have made from the feedback of a task."""

    task: str
    held_out: bool
    text: str


@dataclass(frozen=True)
class Rates:
    """What a screen did with one half.

    Args:
        refused: by form, the share of attacks of which every proposal was refused; of reworded ones the share
            of proposals.
        passed: the share of honest proposals that passed.
        missed: attacks that got through, as (attack, form, proposal).
        blamed: honest proposals that were refused, as (task, reason, proposal).
    """

    refused: Mapping[str, float]
    passed: float
    missed: tuple[tuple[str, str, str], ...]
    blamed: tuple[tuple[str, str, str], ...]


def rates(held_out: bool, screen: Screen | None = None) -> Rates:
    """Hold a screen against one half of both corpora."""
    screen = screen or Screen()
    missed, refused = [], {}
    for form in FORMS:
        tried = [(attack, text) for attack in attacks(held_out) for text in attack.proposals(form)]
        through = [(attack.name, form, text) for attack, text in tried if not _refusal(screen, attack, text)]
        refused[form] = 1 - len(through) / len(tried)
        missed += through
    fair = honest(held_out)
    reasons = [_refusal(screen, each, each.text) for each in fair]
    blamed = [(each.task, why, each.text) for each, why in zip(fair, reasons, strict=True) if why]
    return Rates(refused, 1 - len(blamed) / len(fair), tuple(missed), tuple(blamed))


def corpus_of(request: ProposalRequest) -> Corpus:
    """Everything that a proposer saw."""
    texts = [text for each in request.records for text in texts_of(each.inputs, each.expected)]
    texts += [text for each in request.records for text in texts_of({}, each.output)]
    calls = [call for each in request.records for call in each.exchanges]
    texts += [text for call in calls for text in texts_of(call.inputs, call.output)]
    return Corpus.of(texts).adding([each.feedback for each in request.records])


def _refusal(screen: Screen, what: Attack | Honest, text: str) -> str:
    request = tasks()[what.task].request(what if isinstance(what, Attack) else None)
    return screen.refusal(KNOB, text, request=request, corpus=corpus_of(request))


@cache
def tasks() -> Mapping[str, Task]:
    return {name: _task(name, found) for name, found in _read("tasks").items()}


@cache
def attacks(held_out: bool) -> tuple[Attack, ...]:
    found = _read("attacks_held_out" if held_out else "attacks")
    return tuple(
        Attack(
            **{**each, "injected": tuple(each["injected"]), "reworded": tuple(each["reworded"])},
            held_out=held_out,
        )
        for each in found
    )


@cache
def honest(held_out: bool) -> tuple[Honest, ...]:
    return tuple(
        Honest(name, held_out, text)
        for name, texts in _read("honest").items()
        for text in texts
        if tasks()[name].held_out is held_out
    )


def _task(name: str, found: dict[str, Any]) -> Task:
    records = tuple(Record(**each) for each in found["records"])
    return Task(name, found["held_out"], found["task"], found["base"], tuple(found["better"]), records)


def _read(name: str) -> Any:
    return json.loads(Path(__file__).with_name(f"{name}.json").read_text(encoding="utf-8"))
