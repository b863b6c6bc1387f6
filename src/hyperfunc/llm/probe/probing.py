"""The probe as a whole: who the server is, what it honors, in which order, and how fast it is."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hyperfunc.errors import ModelError, RequestTimeout, ServerUnreachable, UnknownModel
from hyperfunc.llm.http.attempts import Fault
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.probe.asking import Asker, Refused
from hyperfunc.llm.probe.checks import PROMPT, SEEDS, baseline, find_all
from hyperfunc.llm.probe.dialects import DIALECTS, Dialect, dialect_of
from hyperfunc.llm.probe.order import temperature_place
from hyperfunc.llm.probe.report import ProbeReport, Status
from hyperfunc.llm.secrets import Secret

__all__ = ["probe"]

_UNKNOWN_FIELD = "hyperfunc_probe"
_TOGETHER = 8
_LONG = 48
_FEW = 16
"""Tokens of a first request: some servers refuse fewer."""
_LOOK_UP_S = 30.0
"""Seconds that a server may take to say something about itself."""


async def probe(
    url: str, *, provider: str = "auto", model: str | None = None, key: Secret | None = None
) -> ProbeReport:
    """Find out what a model server honors, with about eighty calls of a few tokens.

    Args:
        url: of the server, such as ``http://127.0.0.1:8080``.
        provider: how to speak to it: ``llamacpp``, ``koboldcpp``, ``openai`` (completions where it has
            them, else chat), ``openai-chat``, or ``auto``.
        model: what to ask for; the first that the server lists by default.
        key: sent as a bearer token.

    Returns:
        A report; its findings say what was seen.

    Raises:
        ModelError: the URL, the provider or the model is wrong, or the server answers nothing.
        InfrastructureError: there is no server, or it fails.

    Example::

        report = asyncio.run(probe("http://127.0.0.1:8080"))
        print(report.fields(Status.IGNORED))
    """
    base = url.rstrip("/").removesuffix("/v1")
    exchange = Exchange(base=base, key=key, key_hint="name the variable that holds it with --key")
    chosen = await _recognized(exchange) if provider == "auto" else dialect_of(provider)
    asker = Asker(exchange, chosen, model or await _first_model(exchange, chosen))
    chosen = await _route(asker, chosen, fixed=provider == "openai-chat")
    await _switch_off(asker)
    base_line = await baseline(asker)
    if not base_line.texts:
        raise ModelError(f"{base}{chosen.path} refuses a plain request; see its model and its provider")
    findings = await find_all(asker, base_line)
    top_p = next(found.status for found in findings if found.parameter == "top_p")
    place = await temperature_place(asker, base_line) if top_p == Status.HONORED else "unknown"
    unknown = await _unknown_fields(asker)
    latency, alone, together = await _speed(asker)
    return ProbeReport(
        url=base,
        provider=chosen.provider,
        model=asker.model,
        server=await _server(exchange, chosen),
        probed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        findings=tuple(findings),
        temperature=place,
        order=await _stated_order(asker),
        unknown_fields=unknown,
        latency_s=latency,
        tokens_per_s=alone,
        tokens_per_s_together=together,
        requests=asker.requests,
    )


async def _get(exchange: Exchange, path: str) -> dict[str, Any]:
    """What a route says, or nothing when there is no such route."""
    try:
        async with asyncio.timeout(_LOOK_UP_S):
            return (await exchange.get(path)).json
    except TimeoutError as error:
        raise RequestTimeout(
            f"{exchange.base}{path} did not answer within {_LOOK_UP_S:g} s; see whether it is overloaded"
        ) from error
    except Fault as fault:
        if isinstance(fault.error, ServerUnreachable):
            raise fault.error from fault
        return {}


async def _recognized(exchange: Exchange) -> Dialect:
    """The dialect that the server's own words call for; OpenAI's when there are none."""
    if "default_generation_settings" in await _get(exchange, "/props"):
        return DIALECTS["llamacpp"]
    if (await _get(exchange, "/api/extra/version")).get("result") == "KoboldCpp":
        return DIALECTS["koboldcpp"]
    return DIALECTS["openai"]


async def _first_model(exchange: Exchange, dialect: Dialect) -> str:
    if dialect.provider == "koboldcpp":
        return str((await _get(exchange, "/api/v1/model")).get("result", ""))
    listed = (await _get(exchange, "/v1/models")).get("data")
    first = listed[0] if isinstance(listed, list) and listed else None
    return str(first.get("id", "")) if isinstance(first, dict) else ""


async def _route(asker: Asker, dialect: Dialect, *, fixed: bool) -> Dialect:
    """The completions route where there is one, because a template would stand between us and the model.

    Raises:
        RequestRefused: a plain request is refused.
        ServerFailed: the server fails on it.
    """
    chat = DIALECTS["openai-chat"]
    ways = [chat, replace(chat, max_tokens="max_completion_tokens")]
    if not dialect.provider.startswith("openai"):
        ways = [dialect]
    elif not fixed:
        ways = [dialect, *ways]
    refused: Exception | None = None
    for way in ways:
        asker.dialect = way
        try:
            said = await asker.ask(PROMPT, _FEW, {})
        except UnknownModel as error:
            if way is not dialect or fixed:
                raise
            refused = error
            continue
        if not isinstance(said, Refused):
            return way
        refused = said.error
    assert refused is not None
    raise refused


async def _switch_off(asker: Asker) -> None:
    """Find out whether the server takes seeds, and which neutral values; one that checks fields takes few."""
    asker.takes_seeds = not isinstance(await asker.ask(PROMPT, _FEW, asker.seed(SEEDS[0])), Refused)
    wanted = dict(asker.dialect.neutral)
    asker.neutral = wanted
    if not isinstance(await asker.ask(PROMPT, _FEW, {}), Refused):
        return
    asker.neutral = {}
    said = {name: await asker.ask(PROMPT, _FEW, {name: value}) for name, value in wanted.items()}
    asker.neutral = {name: wanted[name] for name, found in said.items() if not isinstance(found, Refused)}


async def _unknown_fields(asker: Asker) -> str:
    reply = await asker.reply(PROMPT, _FEW, {_UNKNOWN_FIELD: 1})
    if isinstance(reply, Refused):
        return "rejected"
    words = json.dumps(reply.json) + " ".join(f"{k}: {v}" for k, v in reply.headers.items())
    return "reported" if _UNKNOWN_FIELD in words else "dropped"


async def _stated_order(asker: Asker) -> tuple[str, ...]:
    said = await asker.ask(PROMPT, _FEW, {})
    stated = {} if isinstance(said, Refused) else said.settings
    listed = stated.get("samplers")
    return tuple(map(str, listed)) if isinstance(listed, list) else ()


async def _speed(asker: Asker) -> tuple[float | None, float | None, float | None]:
    """Seconds of a call of one token; tokens per second of one call, and of several at once."""
    seeds = [asker.seed(number) for number in range(_TOGETHER)]
    short = [await asker.timed(PROMPT, 1, seeds[0]) for _ in range(3)]
    seconds = [found[0] for found in short if not isinstance(found, Refused)]
    latency = statistics.median(seconds) if seconds else None
    rates: list[float | None] = []
    for number in (1, _TOGETHER):
        began = time.perf_counter()
        said = await asyncio.gather(*(asker.ask(PROMPT, _LONG, fields) for fields in seeds[:number]))
        passed = time.perf_counter() - began
        counted = [0 if isinstance(item, Refused) else item.tokens for item in said]
        known = [count for count in counted if count is not None]
        total: int = sum(known)
        rates.append(total / passed if total and len(known) == len(counted) else None)
    return latency, rates[0], rates[1]


async def _server(exchange: Exchange, dialect: Dialect) -> str:
    if dialect.provider == "llamacpp":
        return f"llama.cpp {(await _get(exchange, '/props')).get('build_info', '')}".strip()
    said = await _get(exchange, "/api/extra/version")
    if said.get("result"):
        return f"{said['result']} {said.get('version', '')}".strip()
    listed = (await _get(exchange, "/v1/models")).get("data")
    first = listed[0] if isinstance(listed, list) and listed else {}
    return str(first.get("owned_by", "")) if isinstance(first, dict) else ""
