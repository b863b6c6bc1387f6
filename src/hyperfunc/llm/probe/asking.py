"""Asking a server one thing at a time, and telling a refusal from a failure."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hyperfunc.errors import RequestRefused, ServerFailed
from hyperfunc.llm.http.attempts import Answered, Attempts, attempt
from hyperfunc.llm.http.endpoint import Endpoint, Permit
from hyperfunc.llm.http.exchange import Exchange, Reply
from hyperfunc.llm.probe.dialects import Dialect, Said

__all__ = ["Asker", "Refused"]

_ATTEMPTS = Attempts(timeout_s=120.0, deadline_s=300.0, tries=3)


@dataclass(frozen=True, slots=True)
class Refused:
    """A server does not accept a request, or fails on it; ``error`` says what it said."""

    error: RequestRefused | ServerFailed

    @property
    def sentence(self) -> str:
        """What the server said."""
        return str(self.error)


@dataclass
class Asker:
    """Asks one server in one dialect.

    Args:
        exchange: with the server.
        dialect: how it is asked.
        model: named in requests where the dialect names one.
        neutral: sent with every call; fields of a call win.

    Attributes:
        requests: calls so far.
        takes_seeds: whether requests may carry a seed.
    """

    exchange: Exchange
    dialect: Dialect
    model: str
    neutral: dict[str, Any] = field(default_factory=dict)
    requests: int = 0
    takes_seeds: bool = True

    def __post_init__(self) -> None:
        self._endpoint = Endpoint(self.exchange.base)

    def seed(self, number: int) -> dict[str, Any]:
        """The field of a seed; none where the server refuses it."""
        return {self.dialect.seed: number} if self.takes_seeds else {}

    async def ask(
        self, prompt: str, tokens: int, fields: Mapping[str, Any], *, without: Sequence[str] = ()
    ) -> Said | Refused:
        """Ask once.

        Args:
            prompt: text to continue or to answer.
            tokens: longest completion.
            fields: beside the neutral ones, over which they win.
            without: neutral fields that are left out.

        Raises:
            InfrastructureError: there is no answer.
            ModelError: there is no such route or model.
        """
        reply = await self.reply(prompt, tokens, fields, without=without)
        return reply if isinstance(reply, Refused) else self.dialect.read(reply.json)

    async def reply(
        self, prompt: str, tokens: int, fields: Mapping[str, Any], *, without: Sequence[str] = ()
    ) -> Reply | Refused:
        """Ask once and take the whole reply."""
        kept = {name: value for name, value in self.neutral.items() if name not in without}
        model = {"model": self.model} if self.dialect.names_model else {}
        body = {**model, **self.dialect.prompt(prompt), self.dialect.max_tokens: tokens, **kept, **fields}
        self.requests += 1
        data = json.dumps(body).encode()

        async def once(_: Permit) -> Answered[Reply]:
            return Answered(await self.exchange.post(self.dialect.path, data))

        try:
            return await attempt(self._endpoint, _ATTEMPTS, once, tokens)
        except (RequestRefused, ServerFailed) as error:
            # Some servers fail on a value that they should refuse.
            return Refused(error)

    async def texts(
        self, prompt: str, tokens: int, fields: Mapping[str, Any], seeds: Sequence[int]
    ) -> list[str] | Refused:
        """Ask under several seeds; a refusal ends it."""
        found = []
        for seed in seeds:
            said = await self.ask(prompt, tokens, {**self.seed(seed), **fields})
            if isinstance(said, Refused):
                return said
            found.append(said.text)
        return found

    async def timed(
        self, prompt: str, tokens: int, fields: Mapping[str, Any]
    ) -> tuple[float, Said] | Refused:
        """Ask once and take the time in seconds."""
        began = time.perf_counter()
        said = await self.ask(prompt, tokens, fields)
        return said if isinstance(said, Refused) else (time.perf_counter() - began, said)
