"""Asking a model for a new text: again when the answer cannot be read, and then not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import Any, TypeVar

from hyperfunc.errors import BadAnswer, ProposerError, RequestRefused
from hyperfunc.llm import Response, llm_completion
from hyperfunc.llm.completion import sampling_of
from hyperfunc.rng import seed_of

from .answers import delimiter, fenced_answer
from .base import ProposalRequest, Proposed, TextProposer
from .wording import Messages, unread_fence

__all__ = ["ModelProposer", "Unread", "all_of"]

T = TypeVar("T")

_MOST_TOKENS = 4096
_WARMER = 0.7
_LEAST = {"retries": 0, "max_records": 1, "max_chars": 500, "temperature": 0, "max_tokens": 1}
_OPTIONAL = ("temperature", "max_tokens")


@dataclass(frozen=True, slots=True)
class Unread:
    """Why there is no text."""

    reason: str


@dataclass(frozen=True, repr=False)
class ModelProposer(TextProposer):
    """A proposer that asks a model; the settings that all of these have.

    Args:
        model: that writes the texts.
        temperature: at least 0; ``None`` leaves it to ``hp`` or to the server.
        max_tokens: longest answer; ``None`` leaves it to ``hp``, or is 4096.
        hp: further sampler parameters, as a :class:`~hyperfunc.LMParam`.
        retries: further requests after an answer that cannot be read, at least 0.
        max_records: the most examples that are shown, at least 1.
        max_chars: of the examples' texts together, at least 500; the longest lose their middle.

    Raises:
        ProposerError: one of these is out of range.
    """

    model: str
    _: KW_ONLY
    temperature: float | None = None
    max_tokens: int | None = None
    hp: Any = None
    retries: int = 1
    max_records: int = 8
    max_chars: int = 20_000

    def __post_init__(self) -> None:
        what = type(self).__name__
        model: object = self.model
        if not isinstance(model, str) or not model:
            raise ProposerError(
                f"the model of {what} is {model!r:.80}; give a model's name, such as one that "
                "register_client(name, client) made known"
            )
        for name, least in _LEAST.items():
            value: object = getattr(self, name)
            if name in _OPTIONAL and value is None:
                continue
            kind = int | float if name == "temperature" else int
            if not isinstance(value, kind) or isinstance(value, bool) or not value >= least:
                number = "number" if name == "temperature" else "whole number"
                raise ProposerError(f"{name} of {what} is {value!r}; give a {number} from {least} up")

    def __repr__(self) -> str:
        """Settings other than their defaults: a run is known by this."""
        others = [f for f in fields(self) if getattr(self, f.name) != f.default]
        return f"{type(self).__name__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in others)})"

    @property
    def calls(self) -> int:
        """One request, and its retries."""
        return 1 + self.retries

    async def ask(
        self, request: ProposalRequest, messages: Messages, read: Callable[[Response], T], note: str,
        *luck: str | int, schema: Mapping[str, Any] | None = None,
    ) -> T | Unread:  # fmt: skip
        """What is read from the model's answer, or why it could not be read.

        Args:
            request: whose seed the answer depends on.
            messages: to send.
            read: takes what is wanted from a response, or raises ``BadAnswer``.
            note: what is added to the last message when it is sent again.
            luck: tells this request from the others of the consultation.
            schema: of the answer, for a server that enforces one.
        """
        reason = ""
        for attempt in range(self.retries + 1):
            asked = messages if attempt == 0 else _with_note(messages, note)
            try:
                response = await llm_completion(
                    self.model, asked, self.hp, temperature=self._temperature(attempt),
                    max_tokens=self._max_tokens, seed=self._seed(request, *luck, attempt=attempt),
                    response_format=schema,
                )  # fmt: skip
                return read(response)
            except BadAnswer as error:
                reason = str(error)
            except RequestRefused as error:  # it would be refused again
                return Unread(f"{self.model} did not take the request: {error}")
        tries = f"{self.retries + 1} tries" if self.retries else "one try"
        return Unread(f"{self.model} gave no readable answer in {tries}: {reason}")

    async def rewrite(
        self, request: ProposalRequest, messages_of: Callable[[str, int], Messages | None], n: int = 1
    ) -> Proposed:
        """``n`` proposals with a new text for each text knob, all asked for at once.

        Args:
            request: what to rewrite.
            messages_of: what to send for a knob and the number of a proposal; ``None`` leaves it alone.
            n: how many proposals.
        """
        jobs = [(k, name) for k in range(n) for name in request.of_kind("text")]
        asked = [(k, name, sent) for k, name in jobs if (sent := messages_of(name, k)) is not None]
        answers = await all_of(self._one(request, name, k, sent) for k, name, sent in asked)
        changes: list[dict[str, str]] = [{} for _ in range(n)]
        refused = []
        for (k, name, _), answer in zip(asked, answers, strict=True):
            if isinstance(answer, Unread):
                refused.append(f"{name}: {answer.reason}")
            else:
                changes[k][name] = answer
        return Proposed(tuple(change for change in changes if change), tuple(refused))

    async def _one(self, request: ProposalRequest, name: str, k: int, messages: Messages) -> str | Unread:
        mark = delimiter(request.values[name])
        return await self.ask(
            request, messages, lambda response: fenced_answer(response, mark), unread_fence(mark), name, k
        )

    @property
    def _max_tokens(self) -> int:
        return self.max_tokens or sampling_of(self.hp).max_tokens or _MOST_TOKENS

    def _temperature(self, attempt: int) -> float | None:
        """As it was set; a greedy model that is asked again would say the same."""
        temperature = self.temperature
        if temperature is None:
            temperature = sampling_of(self.hp).temperature
        return _WARMER if temperature == 0 and attempt else temperature

    def _seed(self, request: ProposalRequest, *luck: str | int, attempt: int) -> int | None:
        if self._temperature(attempt) == 0:
            return None  # a greedy answer needs no luck, and equal requests share it
        return seed_of("proposal", request.seed, request.number, type(self).__name__, *luck, attempt)


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """All results in order. If one fails, the others are waited for, because they are paid for."""
    results = await asyncio.gather(*work, return_exceptions=True)
    found = []
    for result in results:
        if isinstance(result, BaseException):
            raise result
        found.append(result)
    return found


def _with_note(messages: Messages, note: str) -> Messages:
    *before, last = messages
    return [*before, {**last, "content": f"{last['content']}\n\n{note}"}]
