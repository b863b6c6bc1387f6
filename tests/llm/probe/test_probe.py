"""The probe finds what a server does wrong, and nothing else."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.llm.fault_server import Act, Seen, fault_server
from tests.llm.probe.markov import NAME, Chain, served

from hyperfunc.errors import InfrastructureError, ModelError, RequestRefused, RequestTimeout, ServerFailed
from hyperfunc.llm.http import Attempts
from hyperfunc.llm.probe import ProbeReport, Status, probe
from hyperfunc.llm.secrets import Secret

PARAMETERS = (
    "temperature",
    "seed",
    "top_k",
    "top_p",
    "min_p",
    "typical_p",
    "top_n_sigma",
    "repetition_penalty",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "max_tokens",
)

ABSENT = ("dry_multiplier", "xtc_probability")
"""What the chain has no sampler for."""


def probed(chain: Chain, *, provider: str = "openai", strict: bool = False) -> ProbeReport:
    with served(chain, strict=strict) as url:
        return asyncio.run(probe(url, provider=provider))


def wrong(report: ProbeReport) -> set[str]:
    """Parameters that are not honored under any name."""
    return {name for name in PARAMETERS if report.field(name) is None}


@pytest.mark.parametrize("provider", ["openai", "openai-chat"])
def test_a_server_that_does_everything_has_nothing_wrong(provider: str) -> None:
    report = probed(Chain(), provider=provider)
    assert wrong(report) == set()
    assert report.fields(Status.IGNORED) == ("sampler_seed", "typical", "nsigma", "rep_pen", *ABSENT)
    assert (report.temperature, report.unknown_fields, report.model) == ("last", "reported", NAME)
    assert report.provider == provider
    assert report.tokens_per_s is not None
    assert report.requests < 100


@pytest.mark.parametrize("dropped", PARAMETERS)
def test_the_one_parameter_that_is_dropped_is_found(dropped: str) -> None:
    report = probed(Chain(drops=dropped))
    assert wrong(report) == {dropped}
    assert report.status(dropped if dropped != "repetition_penalty" else "repeat_penalty") == Status.IGNORED


def test_a_server_that_heats_first_is_told_from_one_that_heats_last() -> None:
    assert probed(Chain(heats_first=True)).temperature == "first"
    assert probed(Chain(heats_first=False)).temperature == "last"


def test_koboldcpps_names_are_told_from_others() -> None:
    report = probed(Chain(), provider="koboldcpp")
    honored = {
        name: report.field(name) for name in ("seed", "typical_p", "top_n_sigma", "repetition_penalty")
    }
    assert honored == {
        "seed": "sampler_seed",
        "typical_p": "typical",
        "top_n_sigma": "nsigma",
        "repetition_penalty": "rep_pen",
    }
    assert set(report.fields(Status.IGNORED)) == {
        "seed",
        "typical_p",
        "top_n_sigma",
        "repeat_penalty",
        "repetition_penalty",
        "frequency_penalty",
        *ABSENT,
    }


def test_fields_that_a_strict_server_refuses_are_rejected_not_ignored() -> None:
    report = probed(Chain(), strict=True)
    assert report.fields(Status.REJECTED) == ("sampler_seed", "typical", "nsigma", "rep_pen", *ABSENT)
    assert report.fields(Status.IGNORED) == ()
    assert report.unknown_fields == "rejected"
    assert wrong(report) == set()


def test_a_server_with_one_seed_of_its_own_still_shows_what_truncates() -> None:
    report = probed(Chain(fixed_seed=True))
    assert report.field("seed") is None
    assert {report.status(name) for name in ("temperature", "top_k", "top_p", "min_p")} == {Status.HONORED}
    assert report.temperature == "unknown"


def test_a_key_is_sent_and_never_shown() -> None:
    with served(Chain()) as url:
        report = asyncio.run(probe(url, key=Secret("sk-planted-key", "PLANTED")))
    assert "sk-planted-key" not in report.to_json()


def test_what_cannot_be_probed_is_one_sentence() -> None:
    with pytest.raises(InfrastructureError, match=r"nothing answers at http://127\.0\.0\.1:9"):
        asyncio.run(probe("http://127.0.0.1:9"))
    with pytest.raises(ModelError, match="is no address of a server"):
        asyncio.run(probe("localhost"))
    with pytest.raises(ModelError, match="did you mean 'koboldcpp'"):
        asyncio.run(probe("http://127.0.0.1:9", provider="koboldcp"))
    with served(Chain()) as url, pytest.raises(ModelError, match="nothing-like-it"):
        asyncio.run(probe(url, model="nothing-like-it"))


@pytest.mark.parametrize("provider", ["auto", "llamacpp", "openai-chat"])
def test_a_server_that_refuses_everything_is_told_in_its_own_words(provider: str) -> None:
    def act(seen: Seen) -> Act:
        return Act(status=404 if seen.method == "GET" else 400, body={"error": "no beam"})

    with fault_server(act) as server:
        with pytest.raises(RequestRefused, match="no beam"):
            asyncio.run(probe(server.url, provider=provider))
        assert len(server.seen) < 8


def test_a_server_that_fails_on_everything_is_trouble_and_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hyperfunc.llm.probe.asking._ATTEMPTS", Attempts(tries=1))
    with (
        fault_server(lambda seen: Act(status=500, body={"error": "out of memory"})) as server,
        pytest.raises(ServerFailed, match="out of memory"),
    ):
        asyncio.run(probe(server.url))


def test_a_server_that_says_nothing_about_itself_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hyperfunc.llm.probe.probing._LOOK_UP_S", 0.1)
    with (
        fault_server(lambda seen: Act(kind="hang")) as server,
        pytest.raises(RequestTimeout, match=r"/props did not answer within 0\.1 s"),
    ):
        asyncio.run(probe(server.url))


def test_a_server_that_is_not_exact_is_not_accused() -> None:
    report = probed(Chain(trembles=True))
    truncations = ("temperature", "top_k", "top_p", "min_p", "top_n_sigma")
    assert {report.status(name) for name in truncations} == {Status.UNKNOWN}
    assert {f.evidence for f in report.findings if f.field == "temperature"} == {
        "answers at temperature 0 begin alike and then differ"
    }


class Stubborn(BaseHTTPRequestHandler):
    """Chats only, knows ``max_completion_tokens`` only, and always says the same."""

    def do_GET(self) -> None:
        self._say(404, {"error": {"message": "there is none"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self._say(404, {"error": {"message": "there is none"}})
        elif unknown := set(body) - {"model", "messages", "max_completion_tokens", "top_p", "stop"}:
            self._say(400, {"error": {"message": f"unsupported: {sorted(unknown)}"}})
        else:
            self._say(200, {"choices": [{"message": {"content": "As you wish, it came to pass."}}]})

    def _say(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


def test_a_server_that_shows_nothing_is_neither_trusted_nor_accused() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Stubborn) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        report = asyncio.run(probe(f"http://127.0.0.1:{server.server_port}/v1", model="o-model"))
        server.shutdown()
    assert report.provider == "openai-chat"
    assert report.status("top_p") == Status.UNKNOWN
    refused = ("temperature", "seed", "top_k", "min_p", "frequency_penalty")
    assert {report.status(name) for name in refused} == {Status.REJECTED}
    assert report.fields(Status.IGNORED) == ("stop", "max_completion_tokens")
    assert (report.temperature, report.unknown_fields) == ("unknown", "rejected")
    assert report.tokens_per_s is None
