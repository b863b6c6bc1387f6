"""How servers are asked: their routes, their words, and what switches every sampler off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import ModelError, did_you_mean
from hyperfunc.llm.providers.parameters import (
    KOBOLDCPP,
    LLAMACPP,
    LLAMACPP_COMPLETION,
    NEUTRAL,
    Table,
)

__all__ = ["ALIASES", "DIALECTS", "Dialect", "Said", "dialect_of"]

ALIASES: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "seed": ("seed", "sampler_seed"),
    "top_k": ("top_k",),
    "top_p": ("top_p",),
    "min_p": ("min_p",),
    "typical_p": ("typical_p", "typical"),
    "top_n_sigma": ("top_n_sigma", "nsigma"),
    "repetition_penalty": ("repeat_penalty", "repetition_penalty", "rep_pen"),
    "frequency_penalty": ("frequency_penalty",),
    "presence_penalty": ("presence_penalty",),
    "xtc_probability": ("xtc_probability",),
    "dry_multiplier": ("dry_multiplier",),
}
"""Names that servers have for a canonical parameter: a name of another server is a common mistake."""

_SERVERS_OWN = ("samplers", "sampler_order", "repeat_last_n", "rep_pen_range", "rep_pen_slope", "min_keep")
"""Settings of the tables that a probe leaves to the server: it wants to see the server's own order."""


@dataclass(frozen=True, slots=True)
class Said:
    """A server's answer: its text, its number of tokens if counted, and the settings it lists."""

    text: str
    tokens: int | None
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A way to ask.

    Args:
        provider: its name.
        path: of the route that generates.
        names: own field names by canonical parameter.
        neutral: sent with every call, where the server accepts it.
        prompt: makes the field that carries a text.
        read: takes an answer apart.
        max_tokens: field of the longest completion.
        stop: field of the texts that end it.
        seed: field of the seed.
        names_model: whether requests name a model.
    """

    provider: str
    path: str
    names: Mapping[str, str]
    neutral: Mapping[str, Any]
    prompt: Callable[[str], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Said]
    max_tokens: str
    stop: str = "stop"
    seed: str = "seed"
    names_model: bool = True

    def fields_of(self, parameter: str) -> tuple[str, ...]:
        """Names to try for a canonical parameter, the dialect's own first."""
        own = self.seed if parameter == "seed" else self.names.get(parameter)
        return tuple(dict.fromkeys([*([own] if own else []), *ALIASES[parameter]]))


def dialect_of(provider: str) -> Dialect:
    """A dialect by its provider's name.

    Raises:
        ModelError: there is none.
    """
    if provider not in DIALECTS:
        raise ModelError(
            f"there is no provider {provider!r}{did_you_mean(provider, DIALECTS) or ';'} "
            f"the probe knows {', '.join(DIALECTS)}"
        )
    return DIALECTS[provider]


def _neutral(table: Table) -> dict[str, Any]:
    off = {theirs: table.neutral.get(name, NEUTRAL[name]) for name, theirs in table.names.items()}
    return off | {name: value for name, value in table.always.items() if name not in _SERVERS_OWN}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _settings(found: Mapping[str, Any]) -> Mapping[str, Any]:
    listed = found.get("generation_settings")
    return listed if isinstance(listed, dict) else {}


def _read_llamacpp(found: Mapping[str, Any]) -> Said:
    return Said(_text(found.get("content")), _count(found.get("tokens_predicted")), _settings(found))


def _read_kobold(found: Mapping[str, Any]) -> Said:
    results = found.get("results")
    first = results[0] if isinstance(results, list) and results and isinstance(results[0], dict) else {}
    return Said(_text(first.get("text")), _count(first.get("completion_tokens")), {})


def _read_openai(found: Mapping[str, Any]) -> Said:
    choices = found.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    message = first.get("message")
    text = message.get("content") if isinstance(message, dict) else first.get("text")
    usage = found.get("usage")
    counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
    return Said(_text(text), _count(counted), _settings(found))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _plain(text: str) -> dict[str, Any]:
    return {"prompt": text}


def _message(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


# What only llama.cpp knows may be refused elsewhere; a probe then leaves it out.
_OPENAI: dict[str, Any] = {
    "names": LLAMACPP.names,
    "neutral": _neutral(LLAMACPP),
    "read": _read_openai,
    "max_tokens": "max_tokens",
}

DIALECTS: Mapping[str, Dialect] = {
    dialect.provider: dialect
    for dialect in (
        Dialect(
            provider="llamacpp",
            path="/completion",
            names=LLAMACPP_COMPLETION.names,
            neutral=_neutral(LLAMACPP_COMPLETION),
            prompt=_plain,
            read=_read_llamacpp,
            max_tokens=LLAMACPP_COMPLETION.max_tokens,
            names_model=False,
        ),
        Dialect(
            provider="koboldcpp",
            path="/api/v1/generate",
            names=KOBOLDCPP.names,
            neutral=_neutral(KOBOLDCPP),
            prompt=_plain,
            read=_read_kobold,
            max_tokens=KOBOLDCPP.max_tokens,
            stop="stop_sequence",
            seed=KOBOLDCPP.seed,
            names_model=False,
        ),
        Dialect(provider="openai", path="/v1/completions", prompt=_plain, **_OPENAI),
        Dialect(provider="openai-chat", path="/v1/chat/completions", prompt=_message, **_OPENAI),
    )
}
