"""What a model name stands for: which server, where, and under which limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from hyperfunc.errors import ModelError, UnknownModel, did_you_mean

__all__ = ["PROVIDERS", "ModelSpec", "Price", "Provider", "spec_of_name"]

_OPTIONS = ("template", "api")
_ADDRESS = re.compile("https?://", re.IGNORECASE)
_MISTYPED = re.compile(r"[a-z][a-z0-9+.-]*:/|.*#", re.IGNORECASE)
_PASSWORD = re.compile("//[^/]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of server.

    Args:
        url: where it is by default; ``None`` when a name has to say it.
        url_variable: environment variable that says it instead.
        key: environment variable with its key; sent to ``url``, or where ``url_variable`` says.
        key_needed: whether nothing works without a key.
        key_travels: whether the key also goes to an address in a model's name: the variable is of a kind of
            server that people run themselves.
        names_model: whether requests must say the model.
        apis: routes that can be chosen; the first is the default.
        templates: apis that continue raw text, so that a chat template matters.
        concurrency: requests in flight at the most, unless limits say otherwise.
    """

    url: str | None = None
    url_variable: str = ""
    key: str = ""
    key_needed: bool = False
    key_travels: bool = False
    names_model: bool = True
    apis: tuple[str, ...] = ("chat",)
    templates: tuple[str, ...] = ()
    concurrency: int = 1024


PROVIDERS: Mapping[str, Provider] = {
    "openai": Provider(
        url="https://api.openai.com/v1", url_variable="OPENAI_BASE_URL", key="OPENAI_API_KEY", key_needed=True
    ),
    "openrouter": Provider(url="https://openrouter.ai/api/v1", key="OPENROUTER_API_KEY", key_needed=True),
    "vllm": Provider(
        url="http://127.0.0.1:8000", url_variable="VLLM_BASE_URL", key="VLLM_API_KEY", key_travels=True
    ),
    "llamacpp": Provider(
        key="LLAMA_API_KEY", key_travels=True, names_model=False, apis=("chat", "completion"),
        templates=("completion",), concurrency=256,
    ),
    "koboldcpp": Provider(
        key="KOBOLDCPP_API_KEY", key_travels=True, names_model=False, apis=("generate",),
        templates=("generate",), concurrency=64,
    ),
    "ollama": Provider(
        url="http://127.0.0.1:11434", url_variable="OLLAMA_HOST", key="OLLAMA_API_KEY", concurrency=256
    ),
    "litellm": Provider(concurrency=256),
}  # fmt: skip
"""Kinds of servers by the first part of a model's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens of prompt and of completion."""

    input: float
    output: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """Everything that is known about a model without asking its server.

    Args:
        provider: a name of :data:`PROVIDERS`.
        model: the server's name of the model; empty when it holds one model only.
        url: of the server; the provider's default when empty.
        api: which of the provider's routes; its default when empty.
        template: name of a chat template for routes that continue raw text; the model's own when empty.
        gguf: path of the weights, where they are at hand.
        key: environment variable with the key; the provider's when empty.
        context: tokens that prompt and answer may have together.
        concurrency, requests_per_minute, tokens_per_minute: limits of the server.
        timeout_s, deadline_s: of one attempt and of one request.
        price: ``None`` when unknown.
        extra: further fields of every request, as the server words them.
        source: the file that says so; empty when the name does.
    """

    provider: str
    model: str = ""
    url: str = ""
    api: str = ""
    template: str = ""
    gguf: str = ""
    key: str = ""
    context: int | None = None
    concurrency: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float | None = None
    deadline_s: float | None = None
    price: Price | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def spec_of_name(name: str) -> ModelSpec | None:
    """What a name such as ``openai/gpt-x`` or ``llamacpp/http://127.0.0.1:8080`` says; ``None`` for others.

    An address may be followed by ``?template=...&api=...`` and by ``#model``.

    Raises:
        UnknownModel: the name has a provider and not what it needs.
        ModelError: an option that does not exist.
    """
    provider, slash, rest = name.partition("/")
    kind = PROVIDERS.get(provider)
    if kind is None or not slash:
        return None
    shown = _PASSWORD.sub("//", name)
    if not _ADDRESS.match(rest):
        # Taken for a model, a mistyped address would send its prompts to the provider's own server.
        if not kind.names_model or (kind.url is not None and _MISTYPED.match(rest)):
            of_model = "#model" if kind.names_model else ""
            raise UnknownModel(
                f"{shown!r} has no address; write it like {provider}/http://127.0.0.1:8080{of_model}"
            )
        if not rest:
            raise UnknownModel(f"{shown!r} has no model; write it like {provider}/name-of-the-model")
        return ModelSpec(provider=provider, model=rest)
    parts = urlsplit(rest)
    options = dict(parse_qsl(parts.query))
    for option in options:
        if option not in _OPTIONS:
            hint = did_you_mean(option, _OPTIONS) or ";"
            known = " and ".join(_OPTIONS)
            raise ModelError(f"{shown!r} has the option {option!r}{hint} it may have {known}")
    if kind.names_model and not parts.fragment:
        raise UnknownModel(
            f"{shown!r} has no model; write it behind the address: {provider}/http://...#model"
        )
    url = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return ModelSpec(
        provider=provider,
        model=parts.fragment,
        url=url,
        template=options.get("template", ""),
        api=options.get("api", ""),
    )
