"""Paraphrase: the same in other words."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfunc.errors import ProposerError

from . import wording
from .asking import ModelProposer
from .base import ProposalRequest, Proposed
from .templates import filled

__all__ = ["Paraphrase"]


@dataclass(frozen=True, kw_only=True, repr=False)
class Paraphrase(ModelProposer):
    """Asks a model to say the present text in other words: small steps around a text that is good already.

    Args:
        model: that writes the texts.
        n: proposals of one consultation, at least 1.
        temperature: as in :class:`ModelProposer`, like what follows it there.

    Raises:
        ProposerError: a setting is out of range.

    Example::

        Paraphrase("openai/gpt-4.1-mini", temperature=1.0)

    Source: the resampling step of Zhou et al. (2022), arXiv:2211.01910, section 3.3.
    """

    n: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        n: object = self.n
        if not isinstance(n, int) or n < 1:
            raise ProposerError(f"n of Paraphrase is {self.n!r}; give a whole number from 1 up")

    @property
    def calls(self) -> int:
        """``n`` requests, and their retries."""
        return self.n * (1 + self.retries)

    async def propose(self, request: ProposalRequest) -> Proposed:
        """At most ``n`` proposals."""
        return await self.rewrite(request, lambda name, _: self._messages(request, name), self.n)

    def _messages(self, request: ProposalRequest, name: str) -> wording.Messages | None:
        text = request.values[name]
        if not text.strip():
            return None
        task = wording.purposes(request, (name,))
        shown = wording.data(task, self.max_chars)
        blocks = {
            "current": wording.text_block(text),
            "task": wording.task_block(task, shown),
            "answer": wording.answer_fence(text, request.knobs.get(name)),
        }
        words = {"name": name.replace("`", "'")}
        return wording.messages(filled(wording.PARAPHRASE, blocks, words), shown)
