"""Errors inside replies with status 200, keys in the errors behind errors, and proxies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.llm.fault_server import Act, chat, fault_server
from tests.llm.http.test_client import ask, client, request, script
from yarl import URL

from hyperfunc.errors import (
    BadReply,
    InfrastructureError,
    KeyRefused,
    ModelError,
    QuotaExhausted,
    RequestRefused,
    ServerFailed,
    ServerUnreachable,
)
from hyperfunc.llm.http.exchange import Exchange, on_this_machine
from hyperfunc.llm.secrets import Secret

KEY = Secret("sk-planted-in-a-reply", "PLANTED")


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "boom"}},
        {"object": "error", "message": "boom"},
        {"choices": [{"message": {"content": ""}, "finish_reason": "error", "error": {"message": "boom"}}]},
    ],
)
def test_an_error_with_status_200_is_an_error_in_the_servers_words(body: Any) -> None:
    with fault_server(script(Act(body=body))) as server, pytest.raises(ServerFailed, match="boom"):
        ask(server)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "boom", "type": "invalid_request_error", "code": None}, RequestRefused),
        ({"message": "boom", "type": "BadRequestError", "code": "odd"}, RequestRefused),
        ({"message": "boom", "type": "insufficient_quota", "code": None}, QuotaExhausted),
        ({"message": "boom", "code": 403}, KeyRefused),
    ],
)
def test_an_error_with_status_200_that_asking_again_cannot_help_is_not_asked_again(
    error: Any, kind: type[Exception]
) -> None:
    with fault_server(script(Act(body={"error": error}))) as server:
        with pytest.raises(kind, match="boom"):
            ask(server)
        assert len(server.seen) == 1


@pytest.mark.parametrize("line", [b'data: {"error": {"message": "boom", "code": 400}}', b"error: boom"])
def test_an_error_in_a_stream_is_an_error_in_the_servers_words(line: bytes) -> None:
    async def main(url: str) -> None:
        async for _ in client(url).stream(request()):
            pass

    act = Act(kind="stream", body=line + b"\n\n")
    with fault_server(script(act)) as server, pytest.raises((ServerFailed, RequestRefused), match="boom"):
        asyncio.run(main(server.url))


@pytest.mark.parametrize("calls", ["abc", 5, ["x"], [{"index": []}]])
def test_tool_calls_that_cannot_be_read_are_a_bad_reply(calls: Any) -> None:
    body = {"choices": [{"message": {"content": "a", "tool_calls": calls}}]}
    with fault_server(script(Act(body=body))) as server, pytest.raises(BadReply, match="tool calls"):
        ask(server)


@pytest.mark.parametrize(
    "act",
    [
        Act(body=b"no json " + KEY.reveal().encode()),
        Act(body=b"{\xff" + KEY.reveal().encode()),
        Act(body=chat("a"), headers={"Transfer-Encoding": "nonsense"}),
        Act(body=b"x", headers={"Content-Encoding": "br"}),
    ],
)
def test_no_error_behind_an_error_holds_a_key(act: Act) -> None:
    with fault_server(script(act)) as server, pytest.raises(InfrastructureError) as caught:
        ask(server, key=KEY)
    at: BaseException | None = caught.value
    while at is not None:
        assert KEY.reveal() not in repr((at, vars(at), getattr(at, "doc", ""), getattr(at, "object", "")))
        at = at.__cause__ or at.__context__


def test_a_key_never_goes_to_a_proxy_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with fault_server(script(Act(body=chat("fine")))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        with pytest.raises(ModelError, match="in the clear"):
            ask("http://models.invalid", key=KEY)
        assert not proxy.seen
        assert ask("http://models.invalid").text == "fine"


def test_loopback_is_the_whole_block() -> None:
    assert all(map(on_this_machine, ("127.0.0.1", "127.8.9.10", "::1", "0.0.0.0", "localhost")))
    assert not any(map(on_this_machine, ("10.0.0.1", "127.example.org", "", None)))


@pytest.mark.parametrize(
    "url", ["ftp://me:pass-word@host", "http://me:pass-word@[::1", "http://me:pass-word@h:x"]
)
def test_a_password_in_an_address_is_never_shown(url: str) -> None:
    with pytest.raises(ModelError) as caught:
        Exchange(base=url)
    assert "pass-word" not in json.dumps(str(caught.value))


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets the proxies of the environment."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def to(**given: str) -> None:
        for name, value in given.items():
            monkeypatch.setenv(name, value)

    return to


def test_a_port_in_no_proxy_counts(proxied: Callable[..., None]) -> None:
    proxied(http_proxy="http://127.0.0.1:9", no_proxy="model.invalid:8080")
    assert Exchange(base="http://model.invalid:8080")._proxy(URL("http://model.invalid:8080/x")) is None
    assert Exchange(base="http://model.invalid")._proxy(URL("http://model.invalid/x")) is not None


@pytest.mark.parametrize("proxy", ["p:3128", "socks5://p:1", "http://me:pass-word@p:port", "http://"])
def test_a_proxy_that_cannot_be_used_is_an_error_without_its_password(
    proxied: Callable[..., None], proxy: str
) -> None:
    proxied(https_proxy=proxy)
    with pytest.raises(ModelError, match="none that can be used") as wrong:
        ask("https://models.invalid")
    assert "pass-word" not in str(wrong.value)


def test_a_proxy_that_refuses_is_named_and_not_asked_again(proxied: Callable[..., None]) -> None:
    with fault_server(script(Act(status=407, body={}))) as proxy:
        proxied(https_proxy=proxy.url.replace("//", "//me:pass-word@"))
        with pytest.raises(ServerUnreachable, match=r"the proxy on the way .* \(407\)") as refused:
            ask("https://models.invalid")
        assert len(proxy.seen) == 1
    assert "pass-word" not in str(refused.value)


def test_a_proxy_that_does_not_answer_is_named(proxied: Callable[..., None]) -> None:
    proxied(https_proxy="http://127.0.0.1:9")
    with pytest.raises(ServerUnreachable, match=r"the proxy on the way .* does not answer"):
        ask("https://models.invalid")
