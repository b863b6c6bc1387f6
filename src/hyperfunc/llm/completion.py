"""``llm_completion``: ask a model from inside a program."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hyperfunc.errors import ModelError
from hyperfunc.program.binding import current_frame
from hyperfunc.spaces import Exemplar

from .client import Message, Request, Response, Sampling
from .registry import route_for

__all__ = ["llm_completion", "request_for", "sampling_of", "with_learnt"]

_SAMPLING = frozenset(Sampling.__dataclass_fields__)


async def llm_completion(
    model: str,
    messages: str | Sequence[Message | Mapping[str, str]],
    hp: Any = None,
    *,
    stop: Sequence[str] | str = (),
    seed: int | None = None,
    logprobs: int | None = None,
    response_format: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    **sampling: float | None,
) -> Response:
    """Ask a model; inside an evaluation the answer is shared, kept and charged to the budget.

    Args:
        model: such as ``"local/office"``.
        messages: one user text, or messages with ``role`` and ``content``.
        hp: a parameter group such as :class:`~hyperfunc.LMParam`.
        stop: strings that end the answer.
        seed: makes a stochastic answer repeatable; inside an evaluation it is set for you, so that
            candidates are compared under the same luck.
        logprobs: how many alternatives to report per token.
        response_format: a JSON schema that the server enforces.
        tools: tool declarations.
        sampling: canonical sampler parameters, such as ``temperature=0.2``; they win over ``hp``.

    Returns:
        The response; its text is ``.content``.

    Raises:
        ModelError: the model or a parameter is unknown.

    Example::

        answer = await llm_completion("local/office", "Route the ticket ...", temperature=0)
    """
    request = request_for(
        model, messages, hp, stop=stop, seed=seed, logprobs=logprobs, response_format=response_format,
        tools=tools, **sampling,
    )  # fmt: skip
    route = route_for(model)
    frame = current_frame()
    if frame is None:
        return await route.client.complete(request)
    return await frame.complete(route, request)


def request_for(
    model: str,
    messages: str | Sequence[Message | Mapping[str, str]],
    hp: Any = None,
    *,
    stop: Sequence[str] | str = (),
    seed: int | None = None,
    logprobs: int | None = None,
    response_format: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    **sampling: float | None,
) -> Request:
    """The request that :func:`llm_completion` makes of its arguments.

    Raises:
        ModelError: a parameter is unknown, or a message is none.
    """
    chosen = sampling_of(hp)
    if sampling:
        unknown = sorted(set(sampling) - _SAMPLING)
        if unknown:
            known = ", ".join(sorted(_SAMPLING))
            raise ModelError(f"unknown sampler parameter {unknown[0]!r}; known: {known}")
        chosen = replace(chosen, **{k: v for k, v in sampling.items() if v is not None})  # type: ignore[arg-type]
    stops = _stops(stop)
    return Request(
        model=model,
        messages=_messages(messages),
        sampling=chosen,
        seed=seed if seed is not None else getattr(hp, "seed", None),
        stop=stops or _stops(getattr(hp, "stop", None) or ()),
        logprobs=logprobs,
        response_format=response_format,
        tools=tuple(tools),
    )


def with_learnt(
    messages: str | Sequence[Message | Mapping[str, str]], prompt: str, exemplars: Sequence[Exemplar] = ()
) -> tuple[Message, ...]:
    """Messages behind a prompt and exemplars.

    Args:
        messages: one user text, or messages.
        prompt: sent first, as a message of the system; none when empty.
        exemplars: each becomes a turn of the user and one of the assistant, a text as it is and anything
            else as JSON; they go behind the messages of the system that begin.
    """
    said = _messages(messages)
    start = next((n for n, message in enumerate(said) if message.role != "system"), len(said))
    system = (Message("system", prompt),) if prompt else ()
    shown = [
        Message(role, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for exemplar in exemplars
        for role, value in (("user", exemplar.input), ("assistant", exemplar.output))
    ]
    return (*system, *said[:start], *shown, *said[start:])


def sampling_of(hp: Any, *, longest: int = 256) -> Sampling:
    """The sampler parameters of a parameter group; fields it does not have stay unset.

    Args:
        hp: ``None``, a :class:`Sampling`, or any object with fields of the canonical names.
        longest: what ``max_tokens_frac`` is a share of when the group has no ``max_tokens``.
    """
    if hp is None:
        return Sampling()
    if isinstance(hp, Sampling):
        return hp
    values = {name: value for name in _SAMPLING if (value := getattr(hp, name, None)) is not None}
    share = getattr(hp, "max_tokens_frac", None)
    if share is not None:
        values["max_tokens"] = max(1, int(share * (values.get("max_tokens") or longest)))
    return Sampling(**values)


def _stops(stop: Sequence[str] | str) -> tuple[str, ...]:
    return (stop,) if isinstance(stop, str) else tuple(stop)


def _messages(messages: str | Sequence[Message | Mapping[str, str]]) -> tuple[Message, ...]:
    if isinstance(messages, str):
        return (Message("user", messages),)
    made = tuple(m if isinstance(m, Message) else _message(m, i) for i, m in enumerate(messages))
    if not made:
        raise ModelError("no messages were given; send at least one")
    return made


def _message(given: Any, index: int) -> Message:
    try:
        role, content = given["role"], given["content"]
    except (KeyError, TypeError, IndexError):
        role = content = None
    if not isinstance(role, str) or not isinstance(content, str):
        raise ModelError(f'message {index} is {given!r:.80}; use {{"role": "user", "content": "a text"}}')
    more = sorted(str(name) for name in given if name not in ("role", "content") and given[name])
    if more:
        raise ModelError(
            f"message {index} has {more[0]!r}, which would not be sent: a message has a role and a content"
        )
    return Message(role, content)
