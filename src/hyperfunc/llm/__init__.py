"""Who answers: the client protocol, the routes to clients, and the embedded models."""

from .client import Client, Message, Request, Response, Route, Sampling, TokenLogprob, Usage
from .completion import llm_completion
from .registry import forget_routes, register_client, route_for, unregister_client
from .streaming import llm_stream
from .structured import parse_answer

__all__ = [
    "Client",
    "Message",
    "Request",
    "Response",
    "Route",
    "Sampling",
    "TokenLogprob",
    "Usage",
    "forget_routes",
    "llm_completion",
    "llm_stream",
    "parse_answer",
    "register_client",
    "route_for",
    "unregister_client",
]
