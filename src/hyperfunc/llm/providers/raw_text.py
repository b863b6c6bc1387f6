"""What dialects that continue raw text share: the chat template, and what they cannot do."""

from __future__ import annotations

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Request
from hyperfunc.llm.http import Fault
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.providers.templates import TEMPLATES, ChatTemplate, recognize, template_named

__all__ = ["cut", "own_template", "refuse_tools", "stops"]


async def own_template(exchange: Exchange, server: str) -> ChatTemplate:
    """The template of the model that a server holds, by its metadata (``/props``).

    Raises:
        ModelError: the model brings none, or none that is known.
    """
    try:
        props = (await exchange.get("/props")).json
    except Fault as fault:
        if fault.status not in (404, 405, 501):
            raise
        props = {}
    source = props.get("chat_template")
    name = recognize(source) if isinstance(source, str) else None
    if name is not None:
        return template_named(name)
    why = "a chat template that is not known" if source else "no chat template"
    raise ModelError(
        f"the model at {exchange.base} ({server}) brings {why}; name one in models.yaml, or in the model's "
        f"name (?template=...): {', '.join(TEMPLATES)}"
    )


def stops(request: Request, template: ChatTemplate | None) -> list[str]:
    """Strings that end the answer: the caller's, then the template's."""
    return list(dict.fromkeys((*request.stop, *(template.stop if template else ()))))


def refuse_tools(request: Request, server: str) -> None:
    """Continuing text knows no tools.

    Raises:
        ModelError: tools are asked for.
    """
    if request.tools:
        raise ModelError(f"{server} has no tool calls when it continues raw text; use a chat server")


def cut(text: str, ends: list[str]) -> str:
    """``text`` up to the first of ``ends``, for servers that keep the string that ended an answer."""
    found = [at for end in ends if (at := text.find(end)) >= 0]
    return text[: min(found)] if found else text
