"""APE: the instruction is inferred from inputs and right outputs alone."""

from __future__ import annotations

from dataclasses import dataclass

from hyperfunc.errors import ProposerError

from . import wording
from .asking import ModelProposer
from .base import ProposalRequest, Proposed
from .evidence import pairs_for
from .templates import filled

__all__ = ["APE"]


@dataclass(frozen=True, kw_only=True, repr=False)
class APE(ModelProposer):
    """Asks a model which instruction explains some inputs and their right outputs.

    The present text plays no part, so what comes of it is new: good at the start, and against standstill.
    Pairs come from successes of the knob's own component, and from what examples expect where the component
    is all of the program. Without pairs nothing is asked.

    Args:
        model: that writes the texts.
        n: proposals of one consultation, each from a random choice of the pairs, at least 1.
        max_records: the most pairs that a request shows.
        temperature: as in :class:`ModelProposer`, like what follows it there.

    Raises:
        ProposerError: a setting is out of range.

    Example::

        APE("openai/gpt-4.1-mini", n=4, temperature=0.9)

    Source: Zhou et al., "Large language models are human-level prompt engineers" (2022), arXiv:2211.01910,
    section 3.1.
    """

    n: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        n: object = self.n
        if not isinstance(n, int) or n < 1:
            raise ProposerError(f"n of APE is {self.n!r}; give a whole number from 1 up")

    @property
    def calls(self) -> int:
        """``n`` requests, and their retries."""
        return self.n * (1 + self.retries)

    async def propose(self, request: ProposalRequest) -> Proposed:
        """At most ``n`` proposals."""
        return await self.rewrite(request, lambda name, k: self._messages(request, name, k), self.n)

    def _messages(self, request: ProposalRequest, name: str, k: int) -> wording.Messages | None:
        pairs = pairs_for(request, name)
        if not pairs:
            return None
        order = request.rng("ape", name, k).permutation(len(pairs))[: self.max_records]
        task = wording.purposes(request, (name,))
        texts = dict(task)
        numbered = [(number, pairs[int(place)]) for number, place in enumerate(order, 1)]
        for number, (inputs, output) in numbered:
            texts |= {f"input {number}": inputs, f"output {number}": output}
        shown = wording.data(texts, self.max_chars)
        blocks = {
            "records": "\n\n".join(
                f"{shown.blocks[f'input {number}']}\n{shown.blocks[f'output {number}']}"
                for number, _ in numbered
            ),
            "task": wording.task_block(task, shown),
            "answer": wording.answer_fence(request.values[name], request.knobs.get(name)),
        }
        return wording.messages(filled(wording.INFER, blocks, {}), shown)
