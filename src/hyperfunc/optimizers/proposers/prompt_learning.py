"""Prompt learning: one look at a table of records, and all texts are written anew."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import BadAnswer
from hyperfunc.llm import Response

from . import wording
from .answers import SAMPLE, json_answer, schema_of_texts
from .asking import ModelProposer, Unread
from .base import ProposalRequest, Proposed, Record
from .evidence import as_text, chosen, shown_score
from .templates import check_template, filled

__all__ = ["PromptLearning"]

_BLOCKS = {"current": True, "records": True, "answer": True, "task": False, "rejected": False}


@dataclass(frozen=True, kw_only=True, repr=False)
class PromptLearning(ModelProposer):
    """Asks a model for all texts at once, from a table of records with rich feedback.

    Args:
        model: that writes the texts.
        template: what is asked, with ``{current}``, ``{records}`` and ``{answer}`` alone on a line each, and
            perhaps ``{task}`` and ``{rejected}``.
        enforce: send the JSON schema of the answer along; not every server takes one.
        max_records: the most records in the table; 32 by default.
        max_rejected: the most rejected texts of a knob that are shown, the newest.
        temperature: as in :class:`ModelProposer`, like what follows it there.

    Raises:
        ProposerError: a setting is out of range, or the template lacks something.

    Example::

        PromptLearning("openai/gpt-4.1-mini", enforce=True)

    Source: meta-prompting with scores and critiques, as in Yang et al., "Large language models as
    optimizers" (2023), arXiv:2309.03409, and with the feedback in words.
    """

    template: str = wording.LEARN
    enforce: bool = False
    max_records: int = 32
    max_chars: int = 40_000
    max_rejected: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_template(self.template, _BLOCKS)

    async def propose(self, request: ProposalRequest) -> Proposed:
        """One proposal with a text for each text knob; none when no answer could be read."""
        names = request.of_kind("text")
        if not names:
            return Proposed()
        schema = schema_of_texts(names)
        answer: dict[str, str] | Unread = await self.ask(
            request, self._messages(request, names), lambda response: _texts(response, schema),
            wording.unread_json(), *names, schema=schema if self.enforce else None,
        )  # fmt: skip
        if isinstance(answer, Unread):
            return Proposed(refused=(f"{', '.join(names)}: {answer.reason}",))
        return Proposed((answer,))

    def _messages(self, request: ProposalRequest, names: tuple[str, ...]) -> wording.Messages:
        texts = {name: request.values[name] for name in names}
        table = {
            f"record {number}": _row(record)
            for number, record in enumerate(
                chosen(request.records, request.perfect, self.max_records, fill=True), 1
            )
        }
        task = wording.purposes(request, names)
        rejected = wording.rejected_texts(request.rejected, names, self.max_rejected)
        shown = wording.data(task | table | rejected, self.max_chars)
        blocks = {
            "current": wording.named_texts(texts),
            "task": wording.task_block(task, shown),
            "records": "\n".join(shown.blocks[name] for name in table) or "(no record is there)",
            "rejected": wording.rejected_block(rejected, shown),
            "answer": wording.answer_json(texts, request.knobs),
        }
        return wording.messages(filled(self.template, blocks, {}), shown)


def _texts(response: Response, schema: Mapping[str, Any]) -> dict[str, str]:
    """The texts of an answer; those without a word stay as they are."""
    found: dict[str, str] = json_answer(response, schema)
    texts = {name: text.strip() for name, text in found.items() if text.strip() not in ("", SAMPLE)}
    if not texts:
        raise BadAnswer("the answer has no text of its own")
    return texts


def _row(record: Record) -> str:
    """A record as a line of JSON, so that none of its fields can pass for another."""
    feedback: Any = record.feedback
    if record.advice:
        feedback = {"on the whole": record.feedback, **record.advice}
    row = {
        "inputs": {name: _plain(value) for name, value in record.inputs.items()},
        "output": _plain(record.output),
        "expected": _plain(record.expected),
        "score": shown_score(record.score),
        "feedback": feedback,
    }
    return json.dumps(row, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | None) else as_text(value)
