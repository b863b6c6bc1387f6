"""Chat templates for servers that continue raw text: a named one, or the one that the model brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hyperfunc.errors import ModelError, did_you_mean
from hyperfunc.llm.client import Message

__all__ = ["TEMPLATES", "ChatTemplate", "recognize", "template_named"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTemplate:
    """How messages become one text. The begin token is the server's business.

    Args:
        before: opens a message, by role.
        after: closes a message, by role.
        answer: opens the answer.
        stop: strings that end the answer.
        between: stands between two messages.
        system_in_user: the model has no system role; its text goes before the first user message.
        marks: strings that only this template has in a model's own template.
        others: strings of templates that have these marks too, and are not this one.
    """

    before: Mapping[str, str]
    after: Mapping[str, str]
    answer: str = ""
    between: str = ""
    stop: tuple[str, ...] = ()
    system_in_user: bool = False
    marks: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def text(self, messages: tuple[Message, ...]) -> str:
        """The prompt.

        Raises:
            ModelError: a role that the template does not have.
        """
        if self.system_in_user:
            messages = _merged(messages)
        parts = []
        for message in messages:
            if message.role not in self.before:
                known = ", ".join(sorted(self.before))
                raise ModelError(f"the chat template has no role {message.role!r}; it has {known}")
            parts.append(self.before[message.role] + message.content + self.after[message.role])
        return self.between.join(parts) + self.answer


_ROLES = ("system", "user", "assistant")


def _same(text: str) -> dict[str, str]:
    return {role: text.format(role=role) for role in _ROLES}


TEMPLATES: Mapping[str, ChatTemplate] = {
    "chatml": ChatTemplate(
        before=_same("<|im_start|>{role}\n"),
        after=_same("<|im_end|>\n"),
        answer="<|im_start|>assistant\n",
        stop=("<|im_end|>",),
        marks=("<|im_start|>",),
        others=("<|im_sep|>",),
    ),
    "llama3": ChatTemplate(
        before=_same("<|start_header_id|>{role}<|end_header_id|>\n\n"),
        after=_same("<|eot_id|>"),
        answer="<|start_header_id|>assistant<|end_header_id|>\n\n",
        stop=("<|eot_id|>",),
        marks=("<|start_header_id|>",),
    ),
    "mistral": ChatTemplate(
        before={"user": "[INST] ", "assistant": " "},
        after={"user": " [/INST]", "assistant": "</s>"},
        stop=("</s>",),
        system_in_user=True,
        marks=("[INST]",),
        others=("<<SYS>>", "[SYSTEM_PROMPT]"),
    ),
    "gemma": ChatTemplate(
        before={"user": "<start_of_turn>user\n", "assistant": "<start_of_turn>model\n"},
        after={"user": "<end_of_turn>\n", "assistant": "<end_of_turn>\n"},
        answer="<start_of_turn>model\n",
        stop=("<end_of_turn>",),
        system_in_user=True,
        marks=("<start_of_turn>",),
    ),
    "alpaca": ChatTemplate(
        before={"system": "", "user": "### Instruction:\n", "assistant": "### Response:\n"},
        after=_same("\n\n"),
        answer="### Response:\n",
        stop=("### Instruction:",),
        marks=("### Instruction:",),
    ),
    "none": ChatTemplate(before=_same(""), after=_same(""), between="\n"),
}
"""Templates by name. ``none`` puts each message on a line of its own and adds nothing else."""


def template_named(name: str) -> ChatTemplate:
    """A template by name.

    Raises:
        ModelError: there is no such template.
    """
    if name not in TEMPLATES:
        known = ", ".join(TEMPLATES)
        raise ModelError(f"no chat template {name!r}{did_you_mean(name, TEMPLATES)}; there are {known}")
    return TEMPLATES[name]


def recognize(source: str) -> str | None:
    """The name of the template that a model's own one (Jinja) amounts to; ``None`` when it is none of ours.

    Args:
        source: of the model's metadata. It is searched for its marks and never run.
    """
    found = [name for name, t in TEMPLATES.items() if any(mark in source for mark in t.marks)]
    # Two sets of marks in one template: it is neither of them for sure.
    if len(found) != 1 or any(mark in source for mark in TEMPLATES[found[0]].others):
        return None
    return found[0]


def _merged(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    rest = [m for m in messages if m.role != "system"]
    if not system:
        return tuple(rest)
    for index, message in enumerate(rest):
        if message.role == "user":
            rest[index] = Message("user", f"{system}\n\n{message.content}")
            return tuple(rest)
    return (Message("user", system), *rest)
