"""No part of a key stays in what is kept, and what has none is left as it is."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.models.secrets import leaks
from hypothesis import given
from hypothesis import strategies as st

from hyperfunc import ExactMatch, Example, HyperSystem, Ledger, llm_completion
from hyperfunc.llm import Message, Request, Response, TokenLogprob
from hyperfunc.llm.paid import find_response, keep_response, request_key
from hyperfunc.llm.redaction import scrub, scrub_error, scrub_request, scrub_response
from hyperfunc.llm.secrets import Secret
from hyperfunc.testing import ScriptedClient

KEY = "sk-planted-for-the-test-of-redaction"
MODEL = "test/redaction"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(f"a {KEY} b"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.just(KEY), inner, max_size=3)
    ),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_no_json_value_keeps_a_key(value: Any) -> None:
    Secret(KEY)
    assert KEY not in repr(scrub(value))
    assert scrub(scrub(value)) == scrub(value)


def test_what_has_no_key_is_the_same_object() -> None:
    Secret(KEY)
    request = Request(model="m", messages=(Message("user", "x"),), stop=("y",), tools=({"name": "f"},))
    response = Response(text="x", logprobs=(TokenLogprob("x", -1.0),), tool_calls=({"id": "1"},))
    assert scrub_request(request) is request
    assert scrub_response(response) is response


def test_a_key_that_was_generated_token_by_token_is_found() -> None:
    Secret(KEY)
    pieces = tuple(TokenLogprob(KEY[i : i + 4], -1.0) for i in range(0, len(KEY), 4))
    assert scrub_response(Response(text="", logprobs=pieces)).logprobs is None


def test_every_error_in_a_chain_is_scrubbed_and_a_circle_ends() -> None:
    Secret(KEY)
    error, cause = ValueError(f"outer {KEY}", 3), KeyError(KEY)
    error.__cause__, cause.__context__ = cause, error
    cause.add_note(f"note {KEY}")
    assert scrub_error(error) is error
    assert error.args == ("outer [key]", 3)
    assert KEY not in repr((cause, cause.__notes__))


def test_a_program_sees_the_same_with_and_without_the_ledger() -> None:
    Secret(KEY)

    class Ask(HyperSystem):
        async def run(self, text: str) -> str:
            return (await llm_completion(MODEL, text, temperature=0)).content

    client = ScriptedClient(lambda request: f"your key is {KEY}")
    rows = [Example({"text": "x"}, "your key is [key]")]
    with client.answering(MODEL), Ledger.memory() as ledger:
        assert float(Ask().evaluate(rows, ExactMatch())) == 1.0
        assert float(Ask().evaluate(rows, ExactMatch(), ledger=ledger)) == 1.0
        assert float(Ask().evaluate(rows * 2, ExactMatch(), ledger=ledger)) == 1.0
    assert client.calls == 2


def test_the_ledger_never_gets_a_key() -> None:
    Secret(KEY)
    request = Request(model=MODEL, messages=(Message("user", f"use {KEY}"),))
    with Ledger.memory() as ledger:
        key = request_key("m", request)
        keep_response(ledger, key, request, Response(text=f"as you say, {KEY}"))
        found = find_response(ledger, key)
        assert found is not None
        assert found.text == "as you say, [key]"
        stored = ledger.get_request(key)
        assert stored is not None
        assert KEY not in repr(stored)


def test_two_requests_that_differ_in_a_key_alone_do_not_share_an_answer() -> None:
    Secret(KEY)
    a, b = (Request(model=MODEL, messages=(Message("user", text),)) for text in (KEY, "[key]"))
    assert scrub_request(a) == b
    assert request_key("m", a) != request_key("m", b)


@pytest.mark.slow
def test_no_part_of_a_key_is_in_any_byte_that_a_run_wrote() -> None:
    found = leaks()
    assert found.sent >= 20
    assert found.files >= 10
    assert found.shown == {}
