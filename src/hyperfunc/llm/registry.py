"""Which client answers for a model name."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hyperfunc.errors import ModelError, UnknownModel, did_you_mean

from .client import Client, Request, Route

__all__ = ["forget_routes", "register_client", "route_for", "unregister_client"]

_LOCAL = "local/"
_EMBEDDED = ("local/office", "local/prose")
_lock = threading.RLock()
_registered: dict[str, Route] = {}
_opened: dict[str, Route] = {}


def register_client(
    model: str,
    client: Client,
    *,
    identity: str | None = None,
    price: Callable[[Request], float | None] | None = None,
) -> None:
    """Let ``client`` answer for ``model`` in this process.

    Args:
        model: the name that programs use, such as ``"mine/echo"``.
        client: anything with ``async complete(request) -> response``.
        identity: names what answers, for the ledger; the model name and the client's class by default.
        price: the most one request may cost in US dollars; unknown when left out.

    Example::

        register_client("mine/echo", Echo())
        await llm_completion("mine/echo", "hello")
    """
    if not isinstance(client, Client):
        raise ModelError(
            f"the client for {model!r} is {type(client).__name__}, which has no `async complete(request)`"
        )
    name = identity or f"{model} {type(client).__module__}.{type(client).__qualname__}"
    route = Route(client, name) if price is None else Route(client, name, price)
    with _lock:
        _registered[model] = route


def unregister_client(model: str) -> None:
    """Forget the client for ``model``; a name that is not registered is fine."""
    with _lock:
        _registered.pop(model, None)


def route_for(model: str) -> Route:
    """The route for a model name.

    A registered client comes first, then the embedded models, then the names of ``models.yaml``, then names
    that say where the model is: ``openai/...``, ``openrouter/...``, ``vllm/...``, ``ollama/...``,
    ``llamacpp/http://...``, ``koboldcpp/http://...``, ``litellm/...``. What was found is kept until
    :func:`forget_routes`.

    Raises:
        UnknownModel: nothing answers for it.
        ModelError: a file of models, or the name itself, is wrong.
        KeyRefused: the server needs a key, and none is there.
    """
    known = _registered.get(model) or _opened.get(model)
    if known is not None:
        return known
    with _lock:
        route = _registered.get(model) or _opened.get(model)
        if route is None:
            route = _opened[model] = _local(model) if model.startswith(_LOCAL) else _remote(model)
        return route


def forget_routes() -> None:
    """Look models, their files and their keys up anew when they are next asked for."""
    with _lock:
        _opened.clear()


def _local(model: str) -> Route:
    from .local.client import shared_local_client
    from .local.registry import local_model

    return Route(shared_local_client(), f"{model} {local_model(model).fingerprint}", lambda request: 0.0)


def _remote(model: str) -> Route:
    from .model_spec import PROVIDERS, spec_of_name
    from .models_file import spec_from_files

    spec, known = spec_from_files(model)
    spec = spec or spec_of_name(model)
    if spec is None:
        named = [*_registered, *_EMBEDDED, *known]
        raise UnknownModel(
            f"no client answers for the model {model!r}{did_you_mean(model, named) or ';'} use an embedded "
            f"model ({', '.join(_EMBEDDED)}), a name from models.yaml, {'/..., '.join(PROVIDERS)}/..., or "
            "register_client(model, client)."
        )
    from .providers.routes import open_route

    return open_route(model, spec)
