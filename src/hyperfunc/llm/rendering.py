"""What functions send, as templates: everything of a request but what its caller says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hyperfunc.errors import InfrastructureError, ModelError
from hyperfunc.program.hyperfunction import HyperFunction
from hyperfunc.types import JSON

from .factory import LLMFunction
from .providers.parameters import SamplerWarning
from .redaction import scrub
from .registry import route_for

__all__ = ["request_templates"]

# Two texts that no template has: where the two requests differ, the caller's text goes.
_TEXTS = ("\u2e28one\u2e29", "\u2e28two\u2e29")


def request_templates(
    functions: Iterable[HyperFunction], values: Mapping[str, Any]
) -> dict[str, dict[str, JSON]]:
    """The request of every function that :func:`~hyperfunc.make_llm_completion` made, with values in it.

    Nothing is sent. The seed that an evaluation gives to a request is no part of it.

    Args:
        functions: of a system; other ones are code, and left out.
        values: by knob, such as a candidate.

    Returns:
        By function, ``method``, ``path`` (behind the address of the server), ``body``, and ``input``: the
        place in the body of the caller's text, as keys and indices. Or ``unavailable``, the reason why the
        request cannot be told before it is made.
    """
    return {fn.name: _template(fn, values) for fn in functions if isinstance(fn, LLMFunction)}


def _template(fn: LLMFunction, values: Mapping[str, Any]) -> dict[str, JSON]:
    try:
        client = route_for(fn.model).client
        says = getattr(client, "said", None)
        if says is None:
            return {"unavailable": f"{type(client).__name__} answers it, which is no server that we speak to"}
        one, two = (says(fn.request(text, values)) for text in _TEXTS)
    except (ModelError, InfrastructureError, SamplerWarning) as error:
        return {"unavailable": str(scrub(str(error)))}
    if one is None or two is None:
        return {"unavailable": "its server has to be asked something before a request can be worded"}
    places = list(_differences(one.body, two.body))
    if len(places) != 1 or _at(one.body, places[0]) != _TEXTS[0]:
        return {"unavailable": "its server takes the whole conversation as one text"}
    body = _filled(one.body, places[0], "")
    if scrub(body) != body:
        return {"unavailable": "there is a key in it"}
    return {"method": "POST", "path": one.path, "body": body, "input": places[0]}


def _differences(one: Any, two: Any) -> Iterator[list[str | int]]:
    """Places at which two JSON values of one shape differ."""
    if isinstance(one, Mapping):
        pairs: Iterable[tuple[str | int, Any]] = one.items()
    elif isinstance(one, list | tuple):
        pairs = enumerate(one)
    else:
        if one != two:
            yield []
        return
    for key, value in pairs:
        for place in _differences(value, two[key]):
            yield [key, *place]


def _at(tree: Any, place: list[str | int]) -> Any:
    for key in place:
        tree = tree[key]
    return tree


def _filled(tree: Any, place: list[str | int], text: str) -> Any:
    """A copy with another value at one place."""
    if not place:
        return text
    key, *rest = place
    pairs = tree.items() if isinstance(tree, Mapping) else enumerate(tree)
    made = {k: _filled(v, rest, text) if k == key else v for k, v in pairs}
    return made if isinstance(tree, Mapping) else list(made.values())
