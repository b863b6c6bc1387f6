"""Which client answers for a model name."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hyperfunc.errors import ModelError, UnknownModel, did_you_mean

from .client import Client, Request, Route

__all__ = ["register_client", "route_for", "unregister_client"]

_LOCAL = "local/"
_lock = threading.Lock()
_registered: dict[str, Route] = {}


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

    Raises:
        UnknownModel: nothing answers for it.
    """
    with _lock:
        route = _registered.get(model)
        if route is not None:
            return route
        if model.startswith(_LOCAL):
            route = _registered[model] = _local(model)
            return route
        known = [*_registered, "local/office", "local/prose"]
    raise UnknownModel(
        f"no client answers for the model {model!r}{did_you_mean(model, known) or ';'} "
        "use an embedded model (local/office, local/prose) or register_client(model, client)."
    )


def _local(model: str) -> Route:
    from .local.client import shared_local_client
    from .local.registry import local_model

    return Route(shared_local_client(), f"{model} {local_model(model).fingerprint}", lambda request: 0.0)
