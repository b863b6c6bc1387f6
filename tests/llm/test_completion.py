"""What :func:`llm_completion` makes of its arguments: all of it is sent, or it is an error."""

from __future__ import annotations

from typing import Any

import pytest

from hyperfunc.errors import ModelError
from hyperfunc.llm.client import Message
from hyperfunc.llm.completion import request_for


def test_messages_are_records_mappings_or_one_text() -> None:
    said = Message("user", "Hi")
    for given in ("Hi", [said], [{"role": "user", "content": "Hi"}]):
        assert request_for("m", given).messages == (said,)


def test_a_message_of_a_server_comes_back_without_its_empty_fields() -> None:
    reply: dict[str, Any] = {"role": "assistant", "content": "Hi", "refusal": None, "tool_calls": []}
    assert request_for("m", [reply]).messages == (Message("assistant", "Hi"),)


@pytest.mark.parametrize("more", [{"tool_call_id": "1"}, {"name": "look"}, {"tool_calls": [{"id": "1"}]}])
def test_a_field_of_a_message_that_would_not_be_sent_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=f"message 0 has '{next(iter(more))}', which would not be sent"):
        request_for("m", [{"role": "tool", "content": "x", **more}])


@pytest.mark.parametrize("wrong", [{"role": "user"}, {"role": "user", "content": None}, 3])
def test_what_is_no_message_is_refused(wrong: Any) -> None:
    with pytest.raises(ModelError, match="message 0 is"):
        request_for("m", [wrong])
