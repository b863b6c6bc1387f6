"""Reflection: a model reads what went wrong, and writes a better text."""

from __future__ import annotations

from dataclasses import dataclass

from . import wording
from .answers import delimiter, named_answers
from .asking import ModelProposer, Unread
from .base import ProposalRequest, Proposed
from .evidence import Case, cases_for
from .templates import check_template, filled

__all__ = ["Reflection"]

_BLOCKS = {"current": True, "records": True, "answer": True, "task": False, "rejected": False}


@dataclass(frozen=True, kw_only=True, repr=False)
class Reflection(ModelProposer):
    """Asks a model for a better text, from what was said about the present one's failures.

    For each text knob the model gets the present text, some failures and successes with the inputs and
    outputs of the knob's own component, the feedback, what was expected, and what was tried before in vain.
    All of that but the present text is data, in fences that it cannot leave.

    Args:
        model: that writes the texts.
        template: what is asked, with ``{current}``, ``{records}`` and ``{answer}`` alone on a line each; also
            ``{task}`` and ``{rejected}`` alone on a line, and ``{name}`` anywhere.
        joint: ask for all knobs in one request, so that their texts can be changed to fit each other.
        max_rejected: the most rejected texts of a knob that are shown, the newest.
        temperature: as in :class:`ModelProposer`, like what follows it there.

    Raises:
        ProposerError: a setting is out of range, or the template lacks something.

    Example::

        Reflection("openai/gpt-4.1-mini", temperature=1.0, retries=2)

    Source: reflective mutation as in Agrawal et al., "GEPA: Reflective prompt evolution can outperform
    reinforcement learning" (2025), arXiv:2507.19457, section 3.
    """

    template: str = wording.REFLECT
    joint: bool = False
    max_rejected: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_template(self.template, _BLOCKS, ["name"])

    async def propose(self, request: ProposalRequest) -> Proposed:
        """One proposal with a new text for each text knob whose answer could be read."""
        names = request.of_kind("text")
        if self.joint and len(names) > 1:
            return await self._together(request, names)
        return await self.rewrite(request, lambda name, _: self._alone(request, name))

    def _alone(self, request: ProposalRequest, name: str) -> wording.Messages:
        text = request.values[name]
        return self._messages(
            request, (name,), name, wording.text_block(text), cases_for(request, name, self.max_records),
            wording.answer_fence(text, request.knobs.get(name)),
        )  # fmt: skip

    async def _together(self, request: ProposalRequest, names: tuple[str, ...]) -> Proposed:
        texts = {name: request.values[name] for name in names}
        mark = delimiter(*texts.values())
        sent = self._messages(
            request, names, ", ".join(names), wording.named_texts(texts), self._joint_cases(request, names),
            wording.answer_fences(texts, request.knobs),
        )  # fmt: skip
        answer = await self.ask(
            request,
            sent,
            lambda response: named_answers(response, names),
            wording.unread_fences(mark),
            *names,
        )
        if isinstance(answer, Unread):
            return Proposed(refused=(f"{', '.join(names)}: {answer.reason}",))
        return Proposed((answer,))

    def _joint_cases(self, request: ProposalRequest, names: tuple[str, ...]) -> tuple[Case, ...]:
        """The cases of each component, told apart by its name."""
        most = max(1, self.max_records // len(names))
        return tuple(
            Case(f"{name}, {case.title}", case.score, {f"{name} {key}": t for key, t in case.texts.items()})
            for name in names
            for case in cases_for(request, name, most)
        )

    def _messages(
        self, request: ProposalRequest, names: tuple[str, ...], title: str, current: str,
        cases: tuple[Case, ...], answer: str,
    ) -> wording.Messages:  # fmt: skip
        task = wording.purposes(request, names)
        rejected = wording.rejected_texts(request.rejected, names, self.max_rejected)
        seen = {key: text for case in cases for key, text in case.texts.items()}
        shown = wording.data(task | seen | rejected, self.max_chars)
        blocks = {
            "current": current,
            "task": wording.task_block(task, shown),
            "records": wording.cases_block(cases, shown),
            "rejected": wording.rejected_block(rejected, shown),
            "answer": answer,
        }
        return wording.messages(filled(self.template, blocks, {"name": title.replace("`", "'")}), shown)
