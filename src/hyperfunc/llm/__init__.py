"""Who answers: the client protocol, the routes to clients, and the embedded models."""

from .client import Client, Message, Request, Response, Route, Sampling, TokenLogprob, Usage
from .completion import llm_completion
from .registry import register_client, route_for, unregister_client

__all__ = [
    "Client",
    "Message",
    "Request",
    "Response",
    "Route",
    "Sampling",
    "TokenLogprob",
    "Usage",
    "llm_completion",
    "register_client",
    "route_for",
    "unregister_client",
]
