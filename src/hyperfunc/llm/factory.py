"""``make_llm_completion``: a model call as a hyperfunction, its prompt and its sampling as knobs."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import Signature, signature
from typing import Any

from hyperfunc.errors import ModelError, did_you_mean
from hyperfunc.ledger.keys import content_key
from hyperfunc.program.binding import Binding
from hyperfunc.program.hyperfunction import HyperFunction, Policy
from hyperfunc.spaces import Exemplar, LMParam, SamplerParam, group_knobs

# As a module, so that a program's fingerprint stops here and leaves the library's own code out.
from . import completion
from .client import Message, Request, Response, Sampling

__all__ = ["LLMFunction", "make_llm_completion", "with_starts"]

_SAMPLING = tuple(field.name for field in dataclasses.fields(Sampling))


def make_llm_completion(
    model: str,
    system_prompt: str | None = None,
    *,
    name: str | None = None,
    hp_type: type | None = None,
    exemplars: Iterable[Exemplar | tuple[Any, Any]] | None = None,
    max_exemplars: int = 4,
    optimize_prompt: bool = True,
    optimize_hparams: bool = True,
    stop: Sequence[str] | str = (),
    seed: int | None = None,
    logprobs: int | None = None,
    response_format: Mapping[str, Any] | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
    policy: Policy | None = None,
    cache: bool = False,
    **sampling: float | None,
) -> LLMFunction:
    """Make a hyperfunction that asks a model; each one made has values of its own.

    It is called with one user text, or with messages, and answers with a
    :class:`~hyperfunc.llm.Response`, whose text is ``.content``. Inside a system its knobs are
    ``<name>.prompt``, ``<name>.hp.<parameter>`` and, where they are asked for, ``<name>.exemplars``; a caller
    may pass ``prompt=``, ``hp=`` and ``exemplars=`` explicitly.

    Args:
        model: such as ``"local/office"``.
        system_prompt: sent first, and learnt; indentation is taken off as from a docstring. ``None`` for
            none: then there is no prompt to learn.
        name: of the function in a system, and the prefix of its knobs. Left out, it is made from the model
            and everything else that is given here, so that two different ones never meet; give a name to
            have knobs that people can read and that stay when a prompt is edited.
        hp_type: the parameter group; :class:`~hyperfunc.LMParam` by default, or
            :class:`~hyperfunc.SamplerParam` when a given parameter asks for it.
        exemplars: the pool that exemplar search draws from, as ``(input, output)`` pairs; an empty one is
            for searches that find their own. Those that are shown go between the prompt and what the caller
            says, each as a turn of the user and one of the assistant; a text as it is, anything else as JSON.
            ``None`` for none: then there are none to learn.
        max_exemplars: the most that are shown.
        optimize_prompt: whether the prompt is learnt.
        optimize_hparams: whether the parameters are learnt.
        stop: strings that end the answer.
        seed: makes a stochastic answer repeatable; inside an evaluation it is set for you.
        logprobs: how many alternatives to report per token.
        response_format: a JSON schema that the server enforces.
        tools: tool declarations.
        policy: time limits and retries, as ``Policy(retries=2, timeout_s=30)``.
        cache: keep finished calls in the ledger.
        sampling: start values by canonical name, such as ``temperature=0.2``; what the group cannot learn
            (``max_tokens``) stays as it is given.

    Raises:
        ModelError: a parameter that does not exist, or that the group does not have.
        SpaceError: a start value out of its knob's bounds.

    Example::

        summarize = make_llm_completion("local/office", "Summarize in one line.", name="summarize",
                                        temperature=0.3)
        label = make_llm_completion("local/office", "Name the topic.", name="label", temperature=0)

        class Digest(HyperSystem):
            async def run(self, text: str) -> str:
                summary = await summarize(text)
                return (await label(summary.content)).content
    """
    given = {key: value for key, value in sampling.items() if value is not None}
    for key in given:
        if key not in _SAMPLING:
            hint = did_you_mean(key, _SAMPLING) or ";"
            raise ModelError(f"unknown sampler parameter {key!r}{hint} known: {', '.join(sorted(_SAMPLING))}")
    group = hp_type or (
        LMParam if given.keys() <= {f.name for f in dataclasses.fields(LMParam)} else SamplerParam
    )
    options: dict[str, Any] = {
        "stop": (stop,) if isinstance(stop, str) else tuple(stop), "seed": seed, "logprobs": logprobs,
        "response_format": response_format, "tools": tuple(tools),
    }  # fmt: skip
    made = with_starts(group, given)
    # Start values are values of a candidate; the rest must be seen in the program's fingerprint.
    constants = {key: value for key, value in given.items() if key not in group_knobs(group)}
    settings = (model, options, constants)
    pool = None if exemplars is None else tuple(exemplars)
    ask = _asking(settings, takes_prompt=system_prompt is not None, takes_exemplars=pool is not None)
    ask.__doc__ = system_prompt
    ask.__name__ = ask.__qualname__ = name or _name(system_prompt, given, settings, pool)
    return LLMFunction(
        ask,
        options,
        hp_type=made,
        exemplars=pool or (),
        max_exemplars=max_exemplars,
        optimize_prompt=optimize_prompt and system_prompt is not None,
        optimize_hparams=optimize_hparams,
        model=model,
        policy=policy,
        cache=cache,
    )


_Messages = str | Sequence[Message | Mapping[str, str]]


_Settings = tuple[str, dict[str, Any], dict[str, Any]]


class LLMFunction(HyperFunction):
    """A hyperfunction that asks a model once a call; what it would ask can be said without asking.

    Args:
        ask: the plain function.
        options: of each of its requests, beside messages and sampling.
        settings: of the hyperfunction.
    """

    model: str

    def __init__(self, ask: Callable[..., Any], options: Mapping[str, Any], **settings: Any) -> None:
        super().__init__(ask, **settings)
        self._options = dict(options)

    def request(self, messages: _Messages, values: Mapping[str, Any]) -> Request:
        """What a call with these messages asks.

        Args:
            messages: one user text, or messages.
            values: by knob, such as a candidate; a knob that is not among them is at its default.
        """
        ready = Binding(values).injection(self)
        turns = completion.with_learnt(messages, ready.get("prompt", ""), ready.get("exemplars", ()))
        return completion.request_for(self.model, turns, ready.get("hp"), **self._options)


def _asking(settings: _Settings, *, takes_prompt: bool, takes_exemplars: bool) -> Callable[..., Any]:
    async def ask(
        messages: _Messages, *, hp: Any, prompt: str = "", exemplars: Sequence[Exemplar] = ()
    ) -> Response:
        model, options, _ = settings
        turns = completion.with_learnt(messages, prompt, exemplars)
        return await completion.llm_completion(model, turns, hp, **options)

    # What is injected goes by the names of the parameters.
    taken = {"messages": True, "hp": True, "prompt": takes_prompt, "exemplars": takes_exemplars}
    parameters = [p for name, p in signature(ask).parameters.items() if taken[name]]
    ask.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return ask


def with_starts(group: type, given: Mapping[str, Any]) -> type:
    """A parameter group with other start values.

    Args:
        group: a dataclass of parameters.
        given: values by field; those of knobs are checked.

    Raises:
        ModelError: the group has no such field.
        SpaceError: a value out of its knob's bounds.
    """
    knobs = group_knobs(group)
    fields = {f.name for f in dataclasses.fields(group)} if dataclasses.is_dataclass(group) else set()
    if missing := sorted(given.keys() - fields):
        known = ", ".join(sorted(fields & set(_SAMPLING)))
        raise ModelError(f"{group.__name__} has no {missing[0]!r}; it has {known}; choose another hp_type")
    if not given:
        return group
    hints = typing.get_type_hints(group, include_extras=True)
    starts = {key: knobs[key].canonical(v, key) if key in knobs else v for key, v in given.items()}
    made = dataclasses.make_dataclass(
        group.__name__,
        [(key, hints[key], dataclasses.field(default=value)) for key, value in starts.items()],
        bases=(group,),
        frozen=True,
    )
    made.__module__, made.__qualname__ = group.__module__, group.__qualname__
    return made


def _name(
    system_prompt: str | None, given: Mapping[str, Any], settings: _Settings, pool: tuple[Any, ...] | None
) -> str:
    slug = re.sub(r"\W+", "_", settings[0].rsplit("/", 1)[-1]).strip("_").lower() or "model"
    shown = () if pool is None else ([[e.input, e.output] if isinstance(e, Exemplar) else e for e in pool],)
    return f"{slug}_{content_key(system_prompt, given, settings, *shown)[:6]}"
