"""From a model's name to who answers for it, with its limits, its price and its key."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.llm.fault_server import Act, chat, fault_server

from hyperfunc.errors import KeyRefused, ModelError, UnknownModel
from hyperfunc.llm.client import Message, Request, Response, Sampling
from hyperfunc.llm.http import endpoint_for, shared_pool
from hyperfunc.llm.providers.server import ServerClient
from hyperfunc.llm.registry import forget_routes, register_client, route_for, unregister_client

KEY = "sk-planted-route-0123456789"


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENROUTER_API_KEY", "OLLAMA_HOST", "VLLM_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    forget_routes()
    yield
    forget_routes()


def client(name: str) -> ServerClient:
    found = route_for(name).client
    assert isinstance(found, ServerClient)
    return found


def ask(name: str) -> Response:
    request = Request(model=name, messages=(Message("user", "Hi"),), sampling=Sampling(max_tokens=8))
    return asyncio.run(client(name).complete(request))


def test_a_public_service_needs_its_key_before_anything_is_sent() -> None:
    with pytest.raises(
        KeyRefused, match=r"openai/gpt-x needs a key; set OPENAI_API_KEY in the environment or in .env"
    ):
        route_for("openai/gpt-x")
    with pytest.raises(KeyRefused, match="OPENROUTER_API_KEY"):
        route_for("openrouter/a/b")


def test_where_names_without_an_address_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    assert client("openai/gpt-x").exchange.base == "https://api.openai.com/v1"
    assert client("openrouter/a/b").exchange.base == "https://openrouter.ai/api/v1"
    assert client("ollama/llama3.2").exchange.base == "http://127.0.0.1:11434"
    assert client("vllm/m").exchange.base == "http://127.0.0.1:8000"
    monkeypatch.setenv("OLLAMA_HOST", "10.0.0.7:11434")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://10.0.0.8/v1/")
    forget_routes()
    assert client("ollama/llama3.2").exchange.base == "http://10.0.0.7:11434"
    assert client("openai/gpt-x").exchange.base == "http://10.0.0.8/v1"


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("10.0.0.7", "http://10.0.0.7:11434"), ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:80", "http://127.0.0.1:80"), (":1234", "http://127.0.0.1:1234"),
        ("[::1]", "http://[::1]:11434"), ("h/x/", "http://h:11434/x"), ("https://h", "https://h"),
    ],
)  # fmt: skip
def test_a_bare_host_is_completed_as_ollama_does(
    monkeypatch: pytest.MonkeyPatch, said: str, address: str
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", said)
    assert client("ollama/m").exchange.base == address


@pytest.mark.parametrize("rest", ["https:/h/v1#m", "ftp://h/v1#m", "127.0.0.1:8000#m", "h/v1#m"])
@pytest.mark.parametrize("provider", ["openai", "openrouter", "vllm", "ollama"])
def test_a_mistyped_address_is_not_asked_of_the_public_service(
    monkeypatch: pytest.MonkeyPatch, provider: str, rest: str
) -> None:
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY"):
        monkeypatch.setenv(name, KEY)
    with pytest.raises(UnknownModel, match=f"has no address; write it like {provider}/http://"):
        route_for(f"{provider}/{rest}")


@pytest.mark.parametrize("model", ["gpt-x", "ft:gpt-x:me::1", "a/b:free", "hf.co/a/b-GGUF:Q8_0", "llama3:70"])
def test_colons_and_slashes_may_be_in_the_name_of_a_model(model: str) -> None:
    assert client(f"ollama/{model}").exchange.base == "http://127.0.0.1:11434"


def test_the_scheme_of_an_address_may_be_in_capitals() -> None:
    assert client("openai/HTTP://h/v1#m").exchange.base == "http://h/v1"


def test_no_password_of_an_address_shows_in_what_is_wrong_with_a_name() -> None:
    for name in ("openai/http://me:pass-word@h/v1", "koboldcpp/http://me:pass-word@h?tmplate=x"):
        with pytest.raises(ModelError) as wrong:
            route_for(name)
        assert "pass-word" not in str(wrong.value)


@pytest.mark.parametrize(
    "url",
    ["http://h/v1?a=b", "http://h/v1#m", "http://h /v1", "http://h/a b", "http://a..b", f"http://{'a' * 64}"],
)
def test_an_address_that_cannot_be_asked_is_refused_before_it_is(tmp_path: Path, url: str) -> None:
    (tmp_path / "models.yaml").write_text(f"models: {{mine: {{provider: openai, model: m, url: '{url}'}}}}")
    with pytest.raises(ModelError, match="is no address of a server"):
        route_for("mine")


def test_the_key_of_a_service_does_not_go_to_an_address_in_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with fault_server(lambda seen: Act(body=chat("yes"))) as server:
        ask(f"openai/{server.url}/v1#m")
        assert "authorization" not in server.seen[0].headers
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        ask("openai/m")
        assert server.seen[1].headers["authorization"] == f"Bearer {KEY}"


def test_a_model_of_a_file_gets_its_key_its_limits_and_its_price(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with fault_server(lambda seen: Act(body=chat("yes", 1000, 100))) as server:
        (tmp_path / "models.yaml").write_text(
            f"models: {{mine: {{provider: openai, model: m, url: {server.url}/v1, key: MY_KEY,"
            " timeout_s: 7, limits: {concurrency: 3}, price: {input: 2, output: 10}, extra: {user: me}}}"
        )
        with pytest.raises(KeyRefused, match=r"the key MY_KEY of a model in .*models\.yaml is not set"):
            route_for("mine")
        (tmp_path / ".env").write_text(f"MY_KEY={KEY}\n")
        answer = ask("mine")
        assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
        assert server.seen[0].body["user"] == "me"
    assert answer.cost == pytest.approx((1000 * 2 + 100 * 10) / 1e6)
    assert answer.model == "mine"
    one, route = client("mine"), route_for("mine")
    assert (one.attempts.timeout_s, one.endpoint.limit.whole) == (7, 3)
    asked = Request(model="mine", messages=(Message("user", "Hi"),), sampling=Sampling(max_tokens=100))
    most = route.price(asked)
    assert most is not None
    assert most >= 100 * 10 / 1e6
    shown = f"{route} {route.identity} {one.exchange} {one.endpoint.name} {vars(one)} {answer}"
    assert KEY not in shown


def test_a_key_in_a_file_of_models_shows_in_no_message(tmp_path: Path) -> None:
    text = f"models: {{mine: {{provider: openai, model: m, url: http://127.0.0.1:1/v1, key: {KEY}}}}}"
    (tmp_path / "models.yaml").write_text(text)
    with pytest.raises(KeyRefused, match="not shown") as refused:
        route_for("mine")
    assert KEY not in str(refused.value)


def test_the_price_of_a_server_on_this_machine_is_nothing_and_of_others_unknown() -> None:
    asked = Request(model="m", messages=(Message("user", "Hi"),))
    assert route_for("llamacpp/http://127.0.0.1:1").price(asked) == 0.0
    assert route_for("llamacpp/http://10.1.2.3:1").price(asked) is None
    assert route_for("ollama/a").price(asked) is None


def test_what_answers_is_told_apart_in_the_ledger(tmp_path: Path) -> None:
    names = [
        "llamacpp/http://127.0.0.1:1",
        "llamacpp/http://127.0.0.1:2",
        "llamacpp/http://127.0.0.1:1?api=completion",
        "llamacpp/http://127.0.0.1:1?api=completion&template=none",
        "vllm/http://127.0.0.1:1#a",
        "vllm/http://127.0.0.1:1#b",
    ]
    assert len({route_for(name).identity for name in names}) == len(names)
    weights = tmp_path / "w.gguf"
    weights.write_bytes(b"one")
    (tmp_path / "models.yaml").write_text(
        f"models: {{mine: {{provider: llamacpp, url: http://127.0.0.1:1, gguf: {weights}}}}}"
    )
    before = route_for("mine").identity
    weights.write_bytes(b"other")
    forget_routes()
    assert route_for("mine").identity != before
    weights.unlink()
    forget_routes()
    with pytest.raises(ModelError, match=r"weights .* cannot be read"):
        route_for("mine")


def test_models_of_one_server_share_its_limits() -> None:
    assert client("vllm/http://127.0.0.1:1#a").endpoint is client("vllm/http://127.0.0.1:1#b").endpoint
    assert client("vllm/http://127.0.0.1:1#a").endpoint is endpoint_for("http://127.0.0.1:1")


def test_all_servers_share_the_connections_of_the_process() -> None:
    async def sessions() -> set[int]:
        names = [f"vllm/http://127.0.0.1:{port}#m" for port in range(1, 50)]
        return {id(client(name).exchange.pool.session()) for name in names} | {id(shared_pool().session())}

    assert len(asyncio.run(sessions())) == 1


def test_a_registered_client_comes_first() -> None:
    class Echo:
        async def complete(self, request: Request) -> Response:
            return Response(text="mine")

    register_client("openai/gpt-x", Echo())
    try:
        assert isinstance(route_for("openai/gpt-x").client, Echo)
    finally:
        unregister_client("openai/gpt-x")


def test_a_template_where_the_server_applies_its_own_is_refused() -> None:
    with pytest.raises(
        ModelError, match=r"llamacpp applies the model's own template to chats.*use api=completion"
    ):
        route_for("llamacpp/http://127.0.0.1:1?template=chatml")
    with pytest.raises(ModelError, match="no chat template 'chatlm'; did you mean 'chatml'"):
        route_for("koboldcpp/http://127.0.0.1:1?template=chatlm")


def test_an_unknown_name_says_what_there_is(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("models: {my-llama: {provider: vllm, model: m}}")
    with pytest.raises(UnknownModel, match="did you mean 'my-llama'"):
        route_for("my-lama")
    with pytest.raises(UnknownModel, match="did you mean 'local/office'"):
        route_for("lokal/office")


LOCAL_ONLY = """
import sys
from hyperfunc.llm import route_for
route_for("local/office")
assert not {"aiohttp", "yaml", "litellm"} & set(sys.modules), sorted(sys.modules)
"""


def test_embedded_models_load_nothing_that_speaks_http() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOCAL_ONLY], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
