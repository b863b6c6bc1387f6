"""Chat templates: what they write, and which one a model's own template amounts to."""

from __future__ import annotations

import pytest

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Message
from hyperfunc.llm.providers.templates import TEMPLATES, recognize, template_named

TALK = (
    Message("system", "Be brief."),
    Message("user", "Hi"),
    Message("assistant", "Yes?"),
    Message("user", "Go"),
)

WRITTEN = {
    "chatml": (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes?"
        "<|im_end|>\n<|im_start|>user\nGo<|im_end|>\n<|im_start|>assistant\n"
    ),
    "llama3": (
        "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYes?<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nGo<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    ),
    "mistral": "[INST] Be brief.\n\nHi [/INST] Yes?</s>[INST] Go [/INST]",
    "gemma": (
        "<start_of_turn>user\nBe brief.\n\nHi<end_of_turn>\n<start_of_turn>model\nYes?<end_of_turn>\n"
        "<start_of_turn>user\nGo<end_of_turn>\n<start_of_turn>model\n"
    ),
    "alpaca": (
        "Be brief.\n\n### Instruction:\nHi\n\n### Response:\nYes?\n\n### Instruction:\nGo\n\n### Response:\n"
    ),
    "none": "Be brief.\nHi\nYes?\nGo",
}


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_what_a_template_writes(name: str) -> None:
    assert template_named(name).text(TALK) == WRITTEN[name]


def test_one_message_without_a_template_is_left_alone() -> None:
    assert template_named("none").text((Message("user", "In the beginning"),)) == "In the beginning"


def test_a_system_message_alone_is_not_lost() -> None:
    assert template_named("gemma").text((Message("system", "Go"),)).startswith("<start_of_turn>user\nGo<end")


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ModelError, match="no role 'tool'; it has assistant, system, user"):
        template_named("chatml").text((Message("tool", "x"),))


def test_an_unknown_template_is_refused() -> None:
    with pytest.raises(ModelError, match="did you mean 'chatml'"):
        template_named("chatlm")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{% for m in messages %}{{ '<|im_start|>' + m.role }}{% endfor %}", "chatml"),
        ("{{ '<|start_header_id|>' + role }}", "llama3"),
        ("{{ '[INST] ' + content + ' [/INST]' }}", "mistral"),
        ("{{ '<start_of_turn>' + role }}", "gemma"),
        ("{{ '[INST]' }} {{ '<|im_start|>' }}", None),
        ("{{ '[INST] <<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' }}", None),
        ("{{ '[SYSTEM_PROMPT]' + system + '[/SYSTEM_PROMPT]' }} {{ '[INST]' + content }}", None),
        ("{{ '<|im_start|>' + role + '<|im_sep|>' + content + '<|im_end|>' }}", None),
        ("{{ content }}", None),
    ],
)
def test_a_models_own_template_is_recognized_or_not_guessed(source: str, name: str | None) -> None:
    assert recognize(source) == name
