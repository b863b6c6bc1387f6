"""From what is known about a model to the client that answers for it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from urllib.parse import urlsplit

from hyperfunc.errors import KeyRefused, ModelError
from hyperfunc.llm.client import Client, Route
from hyperfunc.llm.http import Attempts, Endpoint, Limits, endpoint_for
from hyperfunc.llm.http.exchange import Exchange, on_this_machine
from hyperfunc.llm.model_spec import PROVIDERS, ModelSpec, Provider
from hyperfunc.llm.pricing import cost_of, most_cost
from hyperfunc.llm.providers.koboldcpp import KoboldCpp
from hyperfunc.llm.providers.litellm import LiteLLMClient
from hyperfunc.llm.providers.llamacpp import LlamaCppCompletion, llamacpp_chat
from hyperfunc.llm.providers.ollama import Ollama
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import COMPATIBLE, OPENAI, OPENROUTER, VLLM
from hyperfunc.llm.providers.server import Dialect, ServerClient
from hyperfunc.llm.providers.templates import ChatTemplate, template_named
from hyperfunc.llm.secrets import Secret, find_key, shown_variable

__all__ = ["address_of", "key_of", "open_route"]

_SELF_RUN = ("llamacpp", "koboldcpp")


def open_route(name: str, spec: ModelSpec) -> Route:
    """The route of a model.

    Args:
        name: that programs use.
        spec: what is known about it.

    Raises:
        KeyRefused: the server needs a key, and none is there.
        ModelError: the specification does not fit together.
    """
    kind = PROVIDERS[spec.provider]
    price = spec.price
    if spec.provider == "litellm":
        key = _key(spec, kind)
        client: Client = LiteLLMClient(
            spec.model,
            _endpoint(f"litellm/{spec.model} {spec.url}".strip(), key, _limits(spec, kind)),
            _attempts(spec),
            lambda usage: cost_of(name, usage, price),
            url=spec.url,
            key=key,
            extra=spec.extra,
        )
        return Route(client, _identity(name, spec, spec.url), lambda request: most_cost(name, request, price))
    url = _address(spec, kind)
    # Who answers at another address may ask another price.
    listed = url == kind.url
    # Nobody sends a bill for a process on this machine.
    free = spec.provider in _SELF_RUN and on_this_machine(urlsplit(url).hostname)
    key = _key(spec, kind)
    dialect = _dialect(spec, kind, url)
    client = ServerClient(
        dialect,
        Exchange(base=url, key=key, key_hint=_hint(spec, kind)),
        _endpoint(url, key, _limits(spec, kind)),
        attempts=_attempts(spec),
        cost=lambda usage: cost_of(name, usage, price, listed=listed, free=free),
        model=name,
    )
    return Route(
        client,
        _identity(name, spec, url),
        lambda request: most_cost(name, request, price, listed=listed, free=free),
    )


def address_of(spec: ModelSpec) -> str:
    """Where requests for a model go; empty where the provider's library knows alone."""
    return _address(spec, PROVIDERS[spec.provider])


def key_of(spec: ModelSpec) -> Secret | None:
    """The key that goes with requests for a model; a public service's goes to its own address only.

    Raises:
        KeyRefused: the server needs one, and none is there.
    """
    return _key(spec, PROVIDERS[spec.provider])


def _address(spec: ModelSpec, kind: Provider) -> str:
    said = os.environ.get(kind.url_variable, "") if kind.url_variable and not spec.url else ""
    if said and "://" not in said:
        said = _bare_host(said, kind)
    url = (spec.url or said or kind.url or "").rstrip("/")
    return url.removesuffix("/v1") if spec.provider in ("llamacpp", "vllm") else url


def _bare_host(said: str, kind: Provider) -> str:
    """The address of ``host``, ``host:port`` or ``:port``, as OLLAMA_HOST has it by custom."""
    address = f"http://{said}"
    try:
        parts = urlsplit(address)
        port = parts.port or urlsplit(kind.url or "").port
    except ValueError:
        return address
    if "@" in said or port is None:
        return address
    host = parts.hostname or ""
    # What a server listens on is no address to ask at.
    host = "127.0.0.1" if host in ("", "0.0.0.0") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{host}:{port}{parts.path}"


def _key(spec: ModelSpec, kind: Provider) -> Secret | None:
    if spec.key:
        key = find_key(spec.key)
        if key is None:
            raise KeyRefused(
                f"the key {shown_variable(spec.key)} of a model in {spec.source} is not set; set it in the "
                "environment or in .env, and give the name of its variable here"
            )
        return key
    if not kind.key or (spec.url and not kind.key_travels):
        # A key of a public service never goes to an address that happens to stand in a model's name.
        return None
    key = find_key(kind.key)
    if key is None and kind.key_needed and not os.environ.get(kind.url_variable or "", ""):
        raise KeyRefused(f"{spec.provider}/{spec.model} needs a key; {_hint(spec, kind)}")
    return key


def _hint(spec: ModelSpec, kind: Provider) -> str:
    name = spec.key or kind.key
    if spec.url and not spec.key and not kind.key_travels:
        return "name its key in an entry of models.yaml (key: NAME_OF_A_VARIABLE)"
    return f"set {name} in the environment or in .env" if name else "it takes no key"


def _endpoint(url: str, key: Secret | None, limits: Limits) -> Endpoint:
    """Limits belong to an account at a server: two keys have two."""
    # The name is shown in errors, so it has the address alone.
    mark = "" if key is None else hashlib.blake2b(key.reveal().encode(), digest_size=8).hexdigest()
    return endpoint_for(url, limits, account=mark)


def _limits(spec: ModelSpec, kind: Provider) -> Limits:
    return Limits(
        concurrency=spec.concurrency or kind.concurrency,
        requests_per_minute=spec.requests_per_minute,
        tokens_per_minute=spec.tokens_per_minute,
    )


def _attempts(spec: ModelSpec) -> Attempts:
    given = {
        name: getattr(spec, name) for name in ("timeout_s", "deadline_s") if getattr(spec, name) is not None
    }
    return Attempts(**given)


def _dialect(spec: ModelSpec, kind: Provider, url: str) -> Dialect:
    api = spec.api or kind.apis[0]
    if api not in kind.apis:
        raise ModelError(f"{spec.provider} has no api {api!r}; it has {', '.join(kind.apis)}")
    template: ChatTemplate | None = None
    if spec.template:
        template = template_named(spec.template)
        if api not in kind.templates:
            other = f"; use api={kind.templates[0]}" if kind.templates else ""
            raise ModelError(
                f"{spec.provider} applies the model's own template to chats, not {spec.template!r}{other}"
            )
    if spec.provider == "llamacpp":
        if api == "completion":
            return LlamaCppCompletion(template=template, extra=spec.extra)
        return llamacpp_chat(spec.model, spec.extra)
    if spec.provider == "koboldcpp":
        return KoboldCpp(template=template, context=spec.context, extra=spec.extra)
    if spec.provider == "ollama":
        return Ollama(model=spec.model, context=spec.context, extra=spec.extra)
    return _openai_style(spec, url)


def _openai_style(spec: ModelSpec, url: str) -> OpenAIStyle:
    if spec.provider == "openrouter":
        # Without this, parameters that a provider lacks are dropped without a word.
        required = {"provider": {"require_parameters": True}, "usage": {"include": True}}
        return OpenAIStyle(model=spec.model, table=OPENROUTER, extra={**required, **spec.extra})
    if spec.provider == "vllm":
        return OpenAIStyle(
            model=spec.model, table=VLLM, extra=spec.extra, prefix="/v1", enforces_schemas=True
        )
    is_openai = url == PROVIDERS["openai"].url
    table = OPENAI if is_openai else COMPATIBLE
    return OpenAIStyle(model=spec.model, table=table, extra=spec.extra, enforces_schemas=is_openai)


def _identity(name: str, spec: ModelSpec, url: str) -> str:
    """Names what answers, for the ledger; it holds no key."""
    parts = [spec.provider, url, spec.model, spec.api, spec.template]
    if spec.extra:
        parts.append(json.dumps(spec.extra, sort_keys=True, default=str))
    if spec.context:
        parts.append(f"context {spec.context}")
    if spec.gguf:
        weights = Path(spec.gguf).expanduser()
        try:
            seen = weights.stat()
        except OSError as error:
            raise ModelError(f"the weights {weights} of {name} cannot be read: {error.strerror}") from error
        parts.append(f"{weights.name} {seen.st_size} {seen.st_mtime_ns}")
    return " ".join(part for part in parts if part)
