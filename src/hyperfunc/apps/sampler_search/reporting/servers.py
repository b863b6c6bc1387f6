"""A setting as the request parameters of each server, with temperature order converted or a warning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hyperfunc.errors import EvidenceError, ModelError
from hyperfunc.llm.client import Sampling
from hyperfunc.llm.providers.parameters import (
    KOBOLDCPP,
    LLAMACPP,
    NEUTRAL,
    OLLAMA,
    OPENAI,
    OPENROUTER,
    SWITCH_OF,
    VLLM,
    Order,
    Table,
    is_neutral,
    min_p_first,
    min_p_last,
    wire,
)
from hyperfunc.types import JSON

__all__ = ["ServerExport", "exports"]

SERVERS: Mapping[str, Table] = {
    "llama.cpp": LLAMACPP,
    "KoboldCpp": KOBOLDCPP,
    "vLLM": VLLM,
    "Ollama": OLLAMA,
    "OpenAI": OPENAI,
    "OpenRouter": OPENROUTER,
}
_CONVERTS_NOT = ("top_p", "typical_p", "xtc_probability")
"""Truncations that depend on the temperature and have no exact counterpart in the other order."""


@dataclass(frozen=True, slots=True)
class ServerExport:
    """What to send to one server.

    Args:
        payload: parameters as the JSON body of a request has them; ``None`` where the server cannot do
            what the setting needs.
        warnings: in what the server would differ, one sentence each.
    """

    payload: Mapping[str, JSON] | None
    warnings: tuple[str, ...] = ()


def exports(parameters: Mapping[str, JSON], order: Order = "last") -> dict[str, ServerExport]:
    """A setting for llama.cpp, KoboldCpp, vLLM, Ollama, OpenAI and OpenRouter.

    Servers that apply the temperature before truncation keep tokens with
    ``(p / p_max) ** (1 / T) >= min_p``, so ``min_p`` becomes ``min_p ** (1 / T)`` there and
    ``min_p ** T`` on the way back; ``top_k`` and ``top_n_sigma`` are the same in both orders; ``top_p``,
    ``typical_p`` and XTC have no counterpart, which is a warning.

    Args:
        parameters: canonical names to values.
        order: whether the temperature came after truncation (``"last"``, as for all that hyperfunc
            measures), before it (``"first"``) or nobody knows (``"unknown"``) when the setting was measured.

    Returns:
        By name of the server.

    Raises:
        EvidenceError: a parameter is no finite number.

    Example::

        >>> exports({"temperature": 2.0, "min_p": 0.04})["vLLM"].payload["min_p"]
        0.2

    Source: the identity above; the servers' orders as recorded in ``llm/providers/parameters``.
    """
    given = {name: value for name, value in parameters.items() if value is not None and name != "seed"}
    numbers: dict[str, float] = {}
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise EvidenceError(f"{name}={value!r:.60} is no finite number; an export needs numbers")
        numbers[name] = value
    return {server: _export(server, table, numbers, order) for server, table in SERVERS.items()}


def _export(server: str, table: Table, given: Mapping[str, float], order: Order) -> ServerExport:
    cannot = [name for name in given if not _can(table, name) and not _off(name, given[name], given)]
    if cannot:
        needs = ", ".join(f"{name}={given[name]:g}" for name in cannot)
        return ServerExport(None, (f"{server} cannot do {needs}: use a server that can.",))
    converted, warnings = _converted(server, table, given, order)
    warnings += _late_xtc(server, given, order)
    canonical = {n: int(v) if v == int(v) else v for n, v in converted.items()}
    # Converted here already; no length where none was given.
    plain = replace(table, order="last", needs_max_tokens=False, endless=None)
    try:
        body: dict[str, Any] = wire(plain, Sampling(**canonical), None)  # type: ignore[arg-type]
    except ModelError as error:
        return ServerExport(None, (f"{server} does not take it: {error}.",))
    body.pop(table.seed, None)
    return ServerExport(_wrapped(server, body), tuple(warnings))


def _late_xtc(server: str, given: Mapping[str, float], order: Order) -> list[str]:
    """KoboldCpp applies XTC after the temperature, whatever its order of samplers."""
    late = server == "KoboldCpp" and order == "last" and given.get("temperature", 1.0) not in (0.0, 1.0)
    if not late or given.get("xtc_probability", 0.0) == 0:
        return []
    sentence = (
        "xtc_probability: KoboldCpp applies XTC after the temperature, for which there is no exact "
        f"conversion; with temperature {given['temperature']:g} it removes other tokens there."
    )
    return [sentence]


def _can(table: Table, name: str) -> bool:
    return name in table.names or name == "max_tokens"


def _off(name: str, value: float, given: Mapping[str, float]) -> bool:
    """Whether a parameter does nothing, by itself or because its sampler is off."""
    switch = SWITCH_OF.get(name, name)
    if switch != name:
        return is_neutral(switch, given.get(switch, NEUTRAL[switch]))
    return name in NEUTRAL and is_neutral(name, value)


def _converted(
    server: str, table: Table, given: Mapping[str, float], order: Order
) -> tuple[dict[str, float], list[str]]:
    """The parameters in the server's order, with a sentence for each that differs there."""
    converted = {name: value for name, value in given.items() if not (_off(name, value, given))}
    temperature = given.get("temperature", 1.0)
    if order == table.order != "unknown" or temperature in (0.0, 1.0):
        return converted, []
    warnings = []
    for name in ("min_p", *_CONVERTS_NOT):
        if name not in converted:
            continue
        if "unknown" in (order, table.order):
            whose = server if table.order == "unknown" else "the server it was measured on"
            warnings.append(
                f"{name}: {whose} does not say whether it applies the temperature before truncation; "
                f"with temperature {temperature:g} other tokens may be kept. Measure it again there."
            )
        elif name == "min_p":
            change = min_p_first if table.order == "first" else min_p_last
            # Powers of short decimals have long tails that mean nothing.
            converted[name] = float(f"{change(converted[name], temperature):.12g}")
        else:
            turn = "before" if table.order == "first" else "after"
            warnings.append(
                f"{name}: {server} applies the temperature {turn} truncation, for which there is no exact "
                f"conversion; with temperature {temperature:g} it keeps other tokens there."
            )
    return converted, warnings


def _wrapped(server: str, body: Mapping[str, Any]) -> dict[str, JSON]:
    """As the server's route takes it."""
    if server == "Ollama":
        return {"options": dict(body)}
    if server == "OpenRouter":
        # Otherwise a provider may drop what it does not know.
        return {**body, "provider": {"require_parameters": True}}
    return dict(body)
