"""What a proposer shows of records: which ones, which of their texts, and how long."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from hyperfunc.types import Exchange, Failure

from .base import ProposalRequest, Record

__all__ = ["Case", "as_text", "cases_for", "chosen", "concerned", "most_chars", "pairs_for", "shown_score"]

_MOST_CALLS = 3
_SUCCESSES = 4
"""One record in so many is a success, if there are any."""


@dataclass(frozen=True, slots=True)
class Case:
    """A record as it is shown.

    Args:
        title: such as ``"failure 1"``.
        score: of the metric.
        texts: what is shown of it, by a name that is unique in the request.
    """

    title: str
    score: float
    texts: Mapping[str, str]


def cases_for(request: ProposalRequest, name: str, most: int) -> tuple[Case, ...]:
    """What records say about the component of a knob: failures first, the worst of them leading.

    Of a component whose calls were recorded, its own inputs and outputs are shown, and records that it had
    no part in are left out; of any other, the inputs and outputs of the whole program.
    """
    cases = []
    numbers = {"failure": 0, "success": 0}
    for record in chosen(concerned(request.records, name), request.perfect, most, fill=False):
        kind = "failure" if record.score < request.perfect else "success"
        numbers[kind] += 1
        title = f"{kind} {numbers[kind]}"
        texts = {f"{title} {field}": text for field, text in _fields(record, name).items()}
        cases.append(Case(title, record.score, texts))
    return tuple(cases)


def chosen(records: Sequence[Record], perfect: float, most: int, *, fill: bool) -> list[Record]:
    """At most so many records: failures from the worst on, then successes; never one without a score.

    A quarter is kept for successes; they also take the places that failures leave free if ``fill`` is true.
    """
    failures = sorted((r for r in records if r.score < perfect), key=lambda record: record.score)
    successes = [r for r in records if r.score >= perfect]
    room = max(most // _SUCCESSES, most - len(failures))
    kept = min(len(successes), room if fill else min(room, max(1, most // _SUCCESSES)))
    return [*failures[: most - kept], *successes[:kept]]


def pairs_for(request: ProposalRequest, name: str) -> list[tuple[str, str]]:
    """Inputs of a knob's component, each with an output that is known to be right, as texts.

    A success has the component's own inputs and outputs. What the example expects is right for a component
    only where the program made no other call.
    """
    pairs = []
    for record in request.records:
        calls = record.calls(name)
        if calls and record.score >= request.perfect:
            pairs += [(_inputs(c.inputs), as_text(c.output)) for c in calls if c.failure is None]
        elif record.expected is not None and len(record.exchanges) == len(calls) <= 1:
            inputs = calls[0].inputs if calls else record.inputs
            pairs.append((_inputs(inputs), as_text(record.expected)))
    return list(dict.fromkeys(pairs))


def most_chars(lengths: Iterable[int], total: int) -> int:
    """How long each text may be so that all of them together stay within a total; short ones give to long.

    Example::

        >>> most_chars([10, 500, 900], 1000)
        495
    """
    rest = total
    ordered = sorted(lengths)
    for place, length in enumerate(ordered):
        share = rest // (len(ordered) - place)
        if length > share:
            return share
        rest -= length
    return total


def as_text(value: Any) -> str:
    """A value as a model sees it: a text as it is, data as JSON, anything else as its own text."""
    if isinstance(value, str):
        return value
    if isinstance(value, Failure):
        return f"(the program failed: {value.reason})"
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return _own_text(value)


def _own_text(value: Any) -> str:
    try:
        # An address in memory would make each process ask anew.
        return re.sub(r" at 0x[0-9a-fA-F]+", "", str(value))
    except Exception as error:  # the value's own method
        return f"(a {type(value).__name__} whose text failed with {type(error).__name__})"


def _plain(value: Any) -> Any:
    if isinstance(value, Failure):
        return as_text(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, AbstractSet):
        return sorted(value, key=repr)
    if hasattr(value, "tolist"):  # arrays and tensors
        return value.tolist()
    return _own_text(value)


def concerned(records: Sequence[Record], name: str) -> Sequence[Record]:
    """Records that the component of a knob had a part in; all, when no call of it was recorded."""
    if not any(record.calls(name) for record in records):
        return records
    return [record for record in records if record.calls(name) or name in record.advice]


def _fields(record: Record, name: str) -> dict[str, str]:
    calls = record.calls(name)
    texts = _call_fields(calls)
    if not calls:
        texts["inputs"] = _inputs(record.inputs)
    whole = " of the program" if calls else ""
    output = as_text(record.output)
    if not calls or output != as_text(calls[-1].output):
        texts[f"output{whole}"] = output
    if record.expected is not None:
        texts[f"expected{whole}"] = as_text(record.expected)
    if feedback := record.about(name):
        texts["feedback"] = feedback
    return texts


def _call_fields(calls: Sequence[Exchange]) -> dict[str, str]:
    """The first calls and the last one."""
    numbered = list(enumerate(calls, 1))
    if len(numbered) > _MOST_CALLS:
        numbered = [*numbered[: _MOST_CALLS - 1], numbered[-1]]
    texts = {}
    for number, call in numbered:
        prefix = f"call {number} of {len(calls)} " if len(calls) > 1 else ""
        texts[f"{prefix}inputs"] = _inputs(call.inputs)
        failed = call.failure is not None
        texts[f"{prefix}output"] = f"(the call failed: {call.failure})" if failed else as_text(call.output)
    return texts


def _inputs(inputs: Mapping[str, Any]) -> str:
    """One input by itself, several as JSON with their names."""
    return as_text(next(iter(inputs.values())) if len(inputs) == 1 else dict(inputs))


def shown_score(score: float) -> str:
    """A score in a few characters, the same on every machine."""
    return "missing" if math.isnan(score) else f"{score:.4g}"
