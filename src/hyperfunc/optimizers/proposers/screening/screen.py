"""The screen: every text that a proposer wrote passes it before anything is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import SpaceError
from hyperfunc.optimizers.proposers.base import ProposalRequest
from hyperfunc.optimizers.proposers.screening.carried import carried_over
from hyperfunc.optimizers.proposers.screening.corpus import Corpus
from hyperfunc.optimizers.proposers.screening.evidence import evidence_of
from hyperfunc.optimizers.proposers.screening.markup import new_markup
from hyperfunc.optimizers.proposers.screening.placeholders import lost_or_new

__all__ = ["Screen"]

_SHORT = 2_000
_SHOWN = 3


@dataclass(frozen=True)
class Screen:
    """What a proposed text must not hold.

    A text is refused when it

    * is empty, or longer than the knob, ``max_chars``, ``max_growth`` or ``max_tokens`` allow;
    * lost a placeholder of the text it is to replace, or has one that nothing fills in;
    * holds markup that the other text does not: control tokens of chats, invisible characters, comments and
      tags of HTML, images, roles, thinking, a fence around it;
    * copies a run of ``words`` words or more of what the proposer saw;
    * carries an instruction of the data over: an address, a long number, a code or a command of the data; a
      sentence of the data that tells somebody what to do, whole, in part or reworded; what only injections
      ask for; a language that the data has in places and the prompt does not.

    What the author of the prompt wrote is never held against a text: the value it is to replace, the start
    values of all knobs, the task. Nor are values of other candidates, which have passed a screen themselves.
    Sentences of feedback are the metric's own and may be followed, unless they are of a kind that only
    injections are of.

    Knobs of exemplars hold examples of the user on purpose: their values are held against the knob alone. So
    are those of all other knobs that are no texts.

    A screen reads words, not minds: an instruction of the data in entirely other words passes. What it finds
    of a corpus of attempts is measured in ``benchmarks/reflective``.

    Args:
        words: of a run that counts as copied, at least 2; as in the corpus.
        allow_copies: whether runs of the data may be copied. Instructions are looked for all the same.
        max_chars: longest text, in characters; ``None`` is no limit beyond the knob's.
        max_growth: how many times as long as the text it replaces, or as 2,000 characters if that is more, a
            text may be, at least 1; ``None`` is no limit.
        max_tokens: longest text, in tokens as ``count`` counts them.
        count: how many tokens a text has.

    Raises:
        SpaceError: a setting is out of its range, or there is a limit in tokens and nothing that counts them.

    Example::

        >>> from hyperfunc.spaces import Text
        >>> request = ProposalRequest(("route.prompt",), {"route.prompt": "Name the team for {ticket}."},
        ...                           {"route.prompt": Text()})
        >>> Screen().refusal("route.prompt", "Name the team.", request=request, corpus=Corpus.of([]))
        'lost the placeholder {ticket}; keep it as it is written'
    """

    words: int = 8
    allow_copies: bool = False
    max_chars: int | None = 20_000
    max_growth: float | None = 4.0
    max_tokens: int | None = None
    count: Callable[[str], int] | None = None

    def __post_init__(self) -> None:
        if self.words < 2:
            raise SpaceError(f"words is {self.words}; give at least 2")
        for name in ("max_chars", "max_growth", "max_tokens"):
            limit = getattr(self, name)
            if limit is not None and not limit >= 1:
                raise SpaceError(f"{name} is {limit!r}; give at least 1, or None for no limit")
        if self.max_tokens is not None and self.count is None:
            raise SpaceError("max_tokens is a limit in tokens; give count=, which counts those of a text")

    def refusal(self, name: str, value: Any, *, request: ProposalRequest, corpus: Corpus) -> str:
        """Why a value is refused.

        Args:
            name: of the knob that it was proposed for.
            value: that was proposed.
            request: what the proposer was told.
            corpus: everything that it may have seen; :meth:`Corpus.of` the texts of the training examples,
                with the outputs added as they come.

        Returns:
            The reason in a few words, for the next proposal, with no more than three words of the data in it;
            empty when the value passes.

        Raises:
            SpaceError: the corpus has runs of another length than the screen.
        """
        if corpus.words != self.words:
            raise SpaceError(
                f"the corpus has runs of {corpus.words} words and the screen of {self.words}; make it with "
                f"Corpus.of(texts, words={self.words})"
            )
        knob = request.knobs.get(name)
        if knob is None:
            return f"there is no knob {name!r}"
        try:
            knob.canonical(value, name)
        except SpaceError as error:
            return str(error)
        if knob.kind != "text":
            return ""
        base = str(request.values.get(name, knob.default))
        return (
            self._length(value, base)
            or lost_or_new(value, base)
            or new_markup(value, base)
            or self._copies(value, request, corpus)
            or carried_over(value, "\n".join(_own(request)), evidence_of(request))
        )

    def _length(self, text: str, base: str) -> str:
        if not text.strip():
            return "is empty"
        if self.max_chars is not None and len(text) > self.max_chars:
            return f"has {len(text)} characters; shorten it to {self.max_chars}"
        most = None if self.max_growth is None else int(self.max_growth * max(len(base), _SHORT))
        if most is not None and len(text) > most:
            return f"has {len(text)} characters where the text before had {len(base)}; shorten it to {most}"
        if self.max_tokens is not None and self.count is not None:
            tokens = self.count(text)
            if tokens > self.max_tokens:
                return f"has {tokens} tokens; shorten it to {self.max_tokens}"
        return ""

    def _copies(self, text: str, request: ProposalRequest, corpus: Corpus) -> str:
        if self.allow_copies:
            return ""
        allowed = Corpus.of(_own(request), corpus.words)
        runs = corpus.copied(text, allowed)
        if not runs:
            return ""
        longest = max((run.split() for run in runs), key=len)
        start = " ".join(longest[:_SHOWN])
        found = f"copies {len(longest)} consecutive words of the data, from {start!r} on"
        return f"{found}; say it in your own words"


def _own(request: ProposalRequest) -> Iterator[str]:
    """What the author wrote, and what passed a screen before."""
    yield request.task
    yield from (knob.default for knob in request.knobs.values() if knob.kind == "text")
    for values in (request.values, *request.others):
        yield from (value for value in values.values() if isinstance(value, str))
