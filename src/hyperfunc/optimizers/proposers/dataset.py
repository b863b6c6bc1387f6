"""Records in the form that instruction proposers of GEPA and DSPy read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hyperfunc.types import Failure

from .base import ProposalRequest, Record
from .evidence import concerned, shown_score

__all__ = ["reflective_dataset"]


def reflective_dataset(request: ProposalRequest, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """For each knob a list of ``{"Inputs", "Generated Outputs", "Feedback"}``.

    Where calls of the knob's component were recorded there is one entry for each of them, else one for each
    record, with the inputs and the output of the whole program.
    """
    return {
        name: [entry for record in concerned(request.records, name) for entry in _entries(record, name)]
        for name in names
    }


def _entries(record: Record, name: str) -> list[dict[str, Any]]:
    feedback = record.about(name) or f"The score is {shown_score(record.score)}."
    calls = record.calls(name)
    if not calls:
        return [_entry(dict(record.inputs), _output(record.output), feedback)]
    return [
        _entry(dict(call.inputs), call.output if call.failure is None else call.failure, feedback)
        for call in calls
    ]


def _entry(inputs: dict[str, Any], output: Any, feedback: str) -> dict[str, Any]:
    return {"Inputs": inputs, "Generated Outputs": output, "Feedback": feedback}


def _output(output: Any) -> Any:
    return output.reason if isinstance(output, Failure) else output
