"""Sampler parameters: one table per server, and the rules that turn canonical values into its own.

Canonical values mean what the embedded engine means by them: llama.cpp's definitions and order, temperature
last. Every table sends the server's neutral value for each sampler that it has, so that no hidden default
takes part. What a server cannot do is refused unless it is neutral.
"""

from __future__ import annotations

import math
import numbers
import threading
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Sampling

__all__ = [
    "COMPATIBLE", "KOBOLDCPP", "LITELLM", "LLAMACPP", "LLAMACPP_COMPLETION", "NEUTRAL", "OLLAMA", "OPENAI",
    "OPENROUTER", "SWITCH_OF", "SamplerWarning", "Table", "VLLM", "bounds_of", "is_neutral",
    "min_p_first", "min_p_last", "wire",
]  # fmt: skip

NEUTRAL: Mapping[str, float] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "typical_p": 1.0,
    "top_n_sigma": 0.0,
    "repetition_penalty": 1.0,
    "frequency_penalty": 0.0,
    "presence_penalty": 0.0,
    "xtc_probability": 0.0,
    "xtc_threshold": 0.1,
    "dry_multiplier": 0.0,
    "dry_base": 1.75,
    "dry_allowed_length": 2,
}
"""Values that leave the model's distribution as it is."""

SWITCH_OF: Mapping[str, str] = {
    "xtc_threshold": "xtc_probability", "dry_base": "dry_multiplier", "dry_allowed_length": "dry_multiplier",
}  # fmt: skip
"""Parameters that say nothing while another one is off."""

_LOWEST = {
    "temperature": 0.0, "top_p": 0.0, "top_k": 0, "min_p": 0.0, "typical_p": 0.0, "max_tokens": 1,
    "xtc_probability": 0.0, "xtc_threshold": 0.0, "dry_multiplier": 0.0, "dry_base": 1.0,
    "dry_allowed_length": 0,
}  # fmt: skip
_HIGHEST = {"top_p": 1.0, "min_p": 1.0, "typical_p": 1.0, "xtc_probability": 1.0, "xtc_threshold": 1.0}
_WHOLE = ("top_k", "max_tokens", "dry_allowed_length")
_TRUNCATIONS = ("top_p", "typical_p", "min_p", "xtc_probability")
_WHOLE_CONTEXT = 1 << 20
_LARGEST_SEED = (1 << 31) - 1

Order = Literal["last", "first", "unknown"]


class SamplerWarning(UserWarning):
    """A sampler of a server does not mean exactly what the canonical parameter means."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What one server calls the canonical parameters.

    Args:
        server: shown in errors.
        names: canonical name to the server's; what is missing, the server cannot do.
        neutral: the server's neutral values where they differ from :data:`NEUTRAL`.
        always: further samplers of the server, with the values that switch them off.
        max_tokens: the server's name of the longest completion.
        endless: what the server takes for "no limit of tokens"; nothing is sent without one.
        needs_max_tokens: whether it would otherwise end after a number of tokens of its own choice.
        seed: the server's name of the seed.
        random_seed: what the server takes for "choose one"; nothing is sent without one.
        least_seed: what lies below it, the server takes for "choose one" too.
        order: whether the server applies the temperature after truncation, before it, or does not say.
        sends_neutral: whether neutral values are sent; not where they are the server's defaults and
            some of its models refuse the parameter as such.
    """

    server: str
    names: Mapping[str, str]
    neutral: Mapping[str, float] = field(default_factory=dict)
    always: Mapping[str, Any] = field(default_factory=dict)
    max_tokens: str = "max_tokens"
    endless: int | None = None
    needs_max_tokens: bool = False
    seed: str = "seed"
    random_seed: int | None = None
    least_seed: int = 0
    order: Order = "last"
    sends_neutral: bool = True

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


def is_neutral(name: str, value: float) -> bool:
    """Whether a canonical parameter leaves the distribution as it is."""
    if name in ("top_k", "top_n_sigma", "min_p", "xtc_probability", "dry_multiplier"):
        return value <= 0
    if name in ("top_p", "typical_p"):
        return value >= 1
    return value == NEUTRAL[name]


def bounds_of(name: str) -> tuple[float, float]:
    """The least and the highest value of a canonical parameter; infinite where there is none."""
    return _LOWEST.get(name, -math.inf), _HIGHEST.get(name, math.inf)


def min_p_first(min_p: float, temperature: float) -> float:
    """The value that keeps the same tokens on a server that applies the temperature first.

    Such a server keeps tokens with ``(p / p_max) ** (1 / T) >= m``, so ``m = min_p ** (1 / T)`` keeps
    exactly those with ``p / p_max >= min_p``.

    Args:
        min_p: canonical, in [0, 1].
        temperature: above 0.
    """
    return min_p ** (1.0 / temperature) if min_p > 0 else 0.0


def min_p_last(min_p: float, temperature: float) -> float:
    """The inverse of :func:`min_p_first`: a server's temperature-first value as a canonical one."""
    return min_p**temperature if min_p > 0 else 0.0


def wire(table: Table, sampling: Sampling, seed: int | None) -> dict[str, Any]:
    """The parameters as the server wants them.

    Args:
        table: of the server.
        sampling: canonical parameters.
        seed: any whole number; equal ones are equal on the wire, in the 31 bits that every server takes.

    Raises:
        ModelError: a parameter is outside its range, or the server cannot honour it and it is not neutral.
    """
    body = dict(_sampling(table, sampling))
    number = table.random_seed if seed is None else _seed(table, seed)
    if number is not None:
        body[table.seed] = number
    return body


def _seed(table: Table, seed: int) -> int:
    """The seed in 31 bits: servers refuse longer ones, cut them off, or take them for "choose one"."""
    number = seed & _LARGEST_SEED
    return number if number >= table.least_seed else _LARGEST_SEED


@lru_cache(maxsize=4096)
def _sampling(table: Table, sampling: Sampling) -> Mapping[str, Any]:
    given = sampling.given()
    _check(table, given)
    body = dict(table.always)
    temperature = given.get("temperature", 1.0)
    _compare_orders(table, given, temperature)
    for name, theirs in table.names.items():
        value = given.get(name, NEUTRAL[name])
        if is_neutral(name, value):
            if table.sends_neutral:
                body[theirs] = table.neutral.get(name, NEUTRAL[name])
            continue
        if name == "min_p" and table.order == "first" and temperature > 0:
            value = min_p_first(value, temperature)
        body[theirs] = value
    longest = given.get("max_tokens", table.endless)
    if longest is not None:
        body[table.max_tokens] = longest
    elif table.needs_max_tokens:
        raise ModelError(f"{table.server} has no answer without a length: set max_tokens")
    return body


def _check(table: Table, given: Mapping[str, float]) -> None:
    for name, value in given.items():
        _check_range(name, value)
        if name == "max_tokens" or name in table.names or is_neutral(name, value):
            continue
        switch = SWITCH_OF.get(name, name)
        if switch != name and is_neutral(switch, given.get(switch, NEUTRAL[switch])):
            continue
        known = ", ".join(sorted(table.names))
        raise ModelError(
            f"{table.server} cannot do {name}={value:g}; it honors {known}: "
            f"leave {name} at {NEUTRAL[name]:g}, or use another server"
        )


def _check_range(name: str, value: Any) -> None:
    """Servers take what is out of range for something else: a negative temperature for a greedy one."""
    low, high = bounds_of(name)
    number = not isinstance(value, bool) and isinstance(value, int | float | numbers.Real)
    fine = number and math.isfinite(value) and low <= value <= high
    if not fine or (name in _WHOLE and value != int(value)):
        kind = "a whole number" if name in _WHOLE else "a number"
        raise ModelError(f"sampling parameter {name}={value!r}: give {kind} in [{low:g}, {high:g}]")
    if name == "repetition_penalty" and value <= 0:
        raise ModelError(f"{name}={value!r} must be positive; 1 is neutral")


def _compare_orders(table: Table, given: Mapping[str, float], temperature: float) -> None:
    """Warn where the server's order of samplers makes a difference that cannot be converted."""
    if table.order == "last" or temperature in (0.0, 1.0):
        return
    for name in _TRUNCATIONS:
        if name not in table.names or is_neutral(name, given.get(name, NEUTRAL[name])):
            continue
        if table.order == "first" and name != "min_p":
            _warn_once(
                table, name, "applies the temperature before truncation, which has no exact conversion"
            )
        elif table.order == "unknown":
            _warn_once(table, name, "does not say whether the temperature comes before truncation")


_warned: set[tuple[str, str]] = set()
_warned_lock = threading.Lock()


def _warn_once(table: Table, name: str, why: str) -> None:
    with _warned_lock:
        if (table.server, name) in _warned:
            return
        _warned.add((table.server, name))
    warnings.warn(
        f"{table.server} {why}: {name} with a temperature other than 1 keeps other tokens there than "
        "elsewhere; use temperature 1 with it, or compare results of this server only",
        SamplerWarning,
        stacklevel=2,
    )


_PENALTIES = {"frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty"}
_XTC_AND_DRY = {
    name: name
    for name in ("xtc_probability", "xtc_threshold", "dry_multiplier", "dry_base", "dry_allowed_length")
}
_LLAMA_OFF = {
    # The embedded engine's order, with the two samplers that it lacks at their usual places.
    "samplers": [
        "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature",
    ],
    # Some versions refuse -1, their older word for the whole context.
    "repeat_last_n": _WHOLE_CONTEXT,
    "dry_penalty_last_n": _WHOLE_CONTEXT,
    "dynatemp_range": 0.0,
    "mirostat": 0,
    "min_keep": 0,
}  # fmt: skip
_LLAMA_NAMES = {
    "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
    "typical_p": "typical_p", "top_n_sigma": "top_n_sigma", "repetition_penalty": "repeat_penalty",
    **_PENALTIES, **_XTC_AND_DRY,
}  # fmt: skip

LLAMACPP = Table(
    server="the llama.cpp server",
    names=_LLAMA_NAMES,
    neutral={"top_n_sigma": -1.0},
    always=_LLAMA_OFF,
    endless=-1,
)
LLAMACPP_COMPLETION = Table(
    server="the llama.cpp server",
    names=_LLAMA_NAMES,
    neutral={"top_n_sigma": -1.0},
    always=_LLAMA_OFF,
    max_tokens="n_predict",
    endless=-1,
)
KOBOLDCPP = Table(
    server="KoboldCpp",
    names={
        "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
        "typical_p": "typical", "top_n_sigma": "nsigma", "repetition_penalty": "rep_pen",
        "presence_penalty": "presence_penalty", **_XTC_AND_DRY,
    },
    always={
        # Penalties, top_k, top_a, tail-free, typical, top_p with min_p, temperature; DRY comes before
        # all of them and XTC behind, where it sees what the temperature has left.
        "sampler_order": [6, 0, 1, 3, 4, 2, 5],
        "rep_pen_range": _WHOLE_CONTEXT,
        "rep_pen_slope": 1.0,
        "top_a": 0.0,
        "tfs": 1.0,
        "dry_penalty_last_n": _WHOLE_CONTEXT,
        "dynatemp_range": 0.0,
        "smoothing_factor": 0.0,
        "mirostat": 0,
    },
    max_tokens="max_length",
    needs_max_tokens=True,
    seed="sampler_seed",
    random_seed=-1,
    least_seed=1,
)  # fmt: skip
VLLM = Table(
    server="vLLM",
    names={
        "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
        "repetition_penalty": "repetition_penalty", **_PENALTIES,
    },
    order="first",
)  # fmt: skip
OLLAMA = Table(
    server="Ollama",
    names={
        "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
        "typical_p": "typical_p", "repetition_penalty": "repeat_penalty", **_PENALTIES,
    },
    always={"repeat_last_n": -1, "mirostat": 0},
    max_tokens="num_predict",
    endless=-1,
    order="unknown",
)  # fmt: skip
OPENROUTER = Table(
    server="OpenRouter",
    names={
        "temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p",
        "repetition_penalty": "repetition_penalty", **_PENALTIES,
    },
    order="unknown",
    # A neutral value of a parameter that a provider lacks would keep the provider out.
    sends_neutral=False,
)  # fmt: skip
OPENAI = Table(
    server="OpenAI",
    names={"temperature": "temperature", "top_p": "top_p", **_PENALTIES},
    max_tokens="max_completion_tokens",
    order="unknown",
    sends_neutral=False,
)
LITELLM = Table(
    server="litellm",
    names={"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", **_PENALTIES},
    order="unknown",
    sends_neutral=False,
)
COMPATIBLE = Table(
    server="an OpenAI-compatible server",
    names={"temperature": "temperature", "top_p": "top_p", **_PENALTIES},
    order="unknown",
)
