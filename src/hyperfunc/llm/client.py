"""The one protocol every model answers: ``async complete(request) -> response``.

Both sides are frozen records. A client never changes a request; middleware wraps a client and is a
client itself. ``None`` in :class:`Sampling` means "not set by the caller"; a client that speaks to a
server sends that server's neutral value instead, so that no hidden default takes part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Protocol, runtime_checkable

__all__ = ["Client", "Message", "Request", "Response", "Route", "Sampling", "TokenLogprob", "Usage"]


@dataclass(frozen=True, slots=True)
class Message:
    """One chat turn: ``role`` is ``system``, ``user`` or ``assistant``."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Canonical sampler parameters, in raw units.

    Args:
        temperature: at least 0; 0 is greedy.
        top_p: nucleus mass in (0, 1]; 1 keeps all.
        top_k: number of tokens kept; 0 keeps all.
        min_p: share of the top probability in [0, 1]; 0 keeps all.
        typical_p: locally typical mass in (0, 1]; 1 keeps all.
        top_n_sigma: standard deviations below the top logit; 0 or less keeps all.
        repetition_penalty: divisor of positive logits of seen tokens; 1 is neutral.
        frequency_penalty: subtracted once per occurrence, in [-2, 2]; 0 is neutral.
        presence_penalty: subtracted once if seen, in [-2, 2]; 0 is neutral.
        xtc_probability: how often the likeliest of several likely tokens are left out, in [0, 1]; 0 never.
        xtc_threshold: what counts as likely for it, in [0, 1]; above 0.5 it is off. 0.1 when not set.
        dry_multiplier: how strongly a token that would go on with a repetition is held back; 0 is off.
        dry_base: growth of that with the length of the repetition, at least 1. 1.75 when not set.
        dry_allowed_length: repeated tokens that cost nothing, at least 0. 2 when not set.
        max_tokens: longest completion in tokens, at least 1.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    typical_p: float | None = None
    top_n_sigma: float | None = None
    repetition_penalty: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    xtc_probability: float | None = None
    xtc_threshold: float | None = None
    dry_multiplier: float | None = None
    dry_base: float | None = None
    dry_allowed_length: int | None = None
    max_tokens: int | None = None

    def given(self) -> dict[str, float | int]:
        """The parameters that were set, by canonical name."""
        return {name: value for name in _SAMPLING if (value := getattr(self, name)) is not None}


_SAMPLING = tuple(field.name for field in fields(Sampling))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a model. ``seed`` makes a stochastic answer repeatable where the server can."""

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    response_format: Mapping[str, Any] | None = None
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one call; ``counted`` says that we counted them because the server did not."""

    prompt_tokens: int
    completion_tokens: int
    counted: bool = False

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A generated token, its natural-log probability, and the likeliest alternatives at its place."""

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a model answered. ``cost`` is in US dollars; ``None`` means unknown, never free."""

    text: str
    finish_reason: str = "stop"
    usage: Usage | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    cost: float | None = None
    latency_s: float = 0.0
    model: str = ""
    fingerprint: str = ""

    @property
    def content(self) -> str:
        """The text, under the name that chat libraries use."""
        return self.text


@runtime_checkable
class Client(Protocol):
    """Anything that answers requests.

    Example::

        class Echo:
            async def complete(self, request: Request) -> Response:
                return Response(text=request.messages[-1].content)
    """

    async def complete(self, request: Request) -> Response:
        """Answer one request, or raise."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests for a model go.

    Args:
        client: answers them.
        identity: names what answers, weights included where they are known; answers are kept in the
            ledger under it, so a model that changes must change it.
        price: the most that one request may cost in US dollars; ``None`` when unknown.
    """

    client: Client
    identity: str
    price: Callable[[Request], float | None] = lambda request: None
