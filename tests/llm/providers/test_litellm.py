"""The adapter's own part, against a stand-in: litellm itself is an extra and is not installed here."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.llm.fault_server import chat

from hyperfunc.errors import KeyRefused, ModelError, RateLimited, RequestRefused
from hyperfunc.llm.client import Message, Request, Sampling
from hyperfunc.llm.http import Attempts, Endpoint
from hyperfunc.llm.providers.litellm import LiteLLMClient
from hyperfunc.llm.registry import forget_routes, route_for

REQUEST = Request(
    model="litellm/a/b", messages=(Message("user", "Hi"),), sampling=Sampling(temperature=0.5), seed=3
)


class Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status_code = status


def client(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[int], Any], **more: Any
) -> tuple[LiteLLMClient, list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    async def acompletion(**body: Any) -> Any:
        asked.append(body)
        said = answer(len(asked))
        if isinstance(said, BaseException):
            raise said
        return said

    fake = types.ModuleType("litellm")
    fake.acompletion = acompletion  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "litellm", fake)
    attempts = Attempts(tries=3, backoff_s=0.001)
    return LiteLLMClient("a/b", Endpoint("litellm/a/b"), attempts, **more), asked


def test_it_is_asked_without_retries_and_without_dropping(monkeypatch: pytest.MonkeyPatch) -> None:
    one, asked = client(monkeypatch, lambda number: chat("yes", 4, 1))
    answer = asyncio.run(one.complete(REQUEST))
    assert (answer.text, answer.usage and answer.usage.total_tokens) == ("yes", 5)
    assert asked == [
        {
            "model": "a/b", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5, "seed": 3,
            "num_retries": 0, "max_retries": 0, "drop_params": False,
        }
    ]  # fmt: skip


def test_its_failures_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    one, asked = client(monkeypatch, lambda number: Refused(429) if number == 1 else chat("yes"))
    assert asyncio.run(one.complete(REQUEST)).text == "yes"
    assert len(asked) == 2
    for status, kind, tries in ((429, RateLimited, 3), (401, KeyRefused, 1), (400, RequestRefused, 1)):
        one, asked = client(monkeypatch, lambda number, status=status: Refused(status))  # type: ignore[misc]
        with pytest.raises(kind, match=f"litellm/a/b: status {status}"):
            asyncio.run(one.complete(REQUEST))
        assert len(asked) == tries


def test_it_gets_the_address_the_key_and_the_extra_fields_of_its_entry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, asked = client(monkeypatch, lambda number: chat("yes"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MY_KEY", "sk-planted-litellm")
    (tmp_path / "models.yaml").write_text(
        "models: {mine: {provider: litellm, model: a/b, url: http://h, key: MY_KEY, extra: {user: me}}}"
    )
    forget_routes()
    route = route_for("mine")
    asyncio.run(route.client.complete(REQUEST))
    assert {name: asked[0].get(name) for name in ("api_base", "api_key", "user")} == {
        "api_base": "http://h", "api_key": "sk-planted-litellm", "user": "me",
    }  # fmt: skip
    assert "sk-planted" not in f"{route} {route.identity} {vars(route.client)}"
    forget_routes()


def test_keys_that_litellm_reads_by_itself_are_kept_out_of_its_errors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Loud(Refused):
        def __str__(self) -> str:
            return "no access with sk-planted-loud"

    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-planted-loud")
    one, _ = client(monkeypatch, lambda number: Loud(401))
    with pytest.raises(KeyRefused) as refused:
        asyncio.run(one.complete(REQUEST))
    assert "sk-planted-loud" not in "".join(traceback.format_exception(refused.value))


def test_importing_it_downloads_no_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LITELLM_LOCAL_MODEL_COST_MAP", raising=False)
    client(monkeypatch, lambda number: chat("yes"))
    assert os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


def test_what_it_does_not_explain_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    one, asked = client(monkeypatch, lambda number: TypeError("a bug"))
    with pytest.raises(TypeError, match="a bug"):
        asyncio.run(one.complete(REQUEST))
    assert len(asked) == 1


def test_without_litellm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(ModelError, match=r"pip install 'hyperfunc\[litellm\]'"):
        LiteLLMClient("a/b", Endpoint("x"))
