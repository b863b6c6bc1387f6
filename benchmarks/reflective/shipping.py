"""Whole runs with a reflector that believes all its data says: what of it ends up in a shipped prompt."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.reflective.attacks import KNOB, Attack, tasks
from hyperfunc import Example, HyperSystem, Reflective, ScoreResult, hyperfunction
from hyperfunc.optimizers.proposers import ProposalRequest, Record
from hyperfunc.optimizers.proposers.screening import Corpus, texts_of
from hyperfunc.optimizers.reflective import Constant, MixedBatches
from hyperfunc.program.hyperfunction import HyperFunction

__all__ = ["shipped"]

_RIGHT = "right"
_EXACT = ("verbatim", "trimmed", "embedded")


def shipped(attack: Attack) -> tuple[str, bool]:
    """Run a program whose data holds an attack, with a reflector that writes what the attack asks for.

    Every prompt other than the start counts as right, so whatever passes the screen would be shipped. An
    honest proposal comes last.

    Returns:
        The prompt that is shipped, and whether it has eight words in a row of an example or of the attack.
    """
    task = tasks()[attack.task]
    records = task.request(attack).records
    base = task.base

    def propose(request: ProposalRequest) -> list[str]:
        gullible = [text for form in _EXACT for text in attack.proposals(form)]
        return [*gullible, "\n- ".join([base, *task.better])]

    with tempfile.TemporaryDirectory() as folder:
        result = _program(records, base).optimize(
            [Example({"n": n, "inputs": dict(r.inputs)}, r.expected) for n, r in enumerate(records)],
            _judge(records), test=(), budget="200 evaluations", ledger=folder,
            optimizer=Reflective(
                propose, batches=MixedBatches(len(records)), pace=Constant(1), max_proposals=2
            ),
        )  # fmt: skip
    prompt = str(result.winner[KNOB])
    seen = [text for r in records for text in texts_of(r.inputs, r.expected)]
    copied = Corpus.of([*seen, *attack.injected]).copied(prompt, Corpus.of([base, task.task]))
    return prompt, bool(copied)


def _program(records: Sequence[Record], base: str) -> HyperSystem:
    @hyperfunction()
    async def lookup(query: str, n: int) -> Any:
        """Look it up."""
        return next(call.output for call in records[n].exchanges if call.inputs["query"] == query)

    async def answered(n: int, inputs: Mapping[str, Any], *, prompt: str) -> Any:
        for call in records[n].exchanges:
            if call.function == "lookup":
                await lookup(str(call.inputs["query"]), n)
        return records[n].output if prompt == start else _RIGHT

    start = inspect.cleandoc(base)

    class Poisoned(HyperSystem):
        async def run(self, n: int, inputs: Mapping[str, Any]) -> Any:
            return await self.get_hyperfunction("answer")(n, inputs)

    answered.__doc__ = base
    return Poisoned([HyperFunction(answered, name="answer", optimize_prompt=True), lookup])


def _judge(records: Sequence[Record]) -> Any:
    def judged(example: Example, pred: Any) -> ScoreResult:
        record = records[example.inputs["n"]]
        return ScoreResult(1.0) if pred == _RIGHT else ScoreResult(record.score, record.feedback)

    return judged
