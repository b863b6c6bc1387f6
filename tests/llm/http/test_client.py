"""The client against a real server on this machine that fails in every way."""

from __future__ import annotations

import asyncio
import gc
import itertools
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from tests.llm.fault_server import Act, FaultServer, Seen, chat, fault_server

from hyperfunc.errors import (
    BadReply,
    InfrastructureError,
    KeyRefused,
    ModelError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    RequestTimeout,
    ServerFailed,
    ServerUnreachable,
    UnknownModel,
)
from hyperfunc.llm.client import Message, Request, Response, Sampling
from hyperfunc.llm.http import Answered, Attempts, Endpoint, Fault, Limits, Pool, attempt
from hyperfunc.llm.http.endpoint import Permit
from hyperfunc.llm.http.exchange import Exchange
from hyperfunc.llm.providers.openai_style import OpenAIStyle
from hyperfunc.llm.providers.parameters import COMPATIBLE
from hyperfunc.llm.providers.server import ServerClient
from hyperfunc.llm.secrets import Secret

QUICK = Attempts(timeout_s=0.2, deadline_s=10, tries=4, backoff_s=0.001)


def request(text: str = "hello", **more: Any) -> Request:
    return Request(model="m", messages=(Message("user", text),), **more)


def client(
    server: FaultServer | str, attempts: Attempts = QUICK, *, key: Secret | None = None,
    concurrency: int = 256, largest: int = 1 << 20,
) -> ServerClient:  # fmt: skip
    url = server if isinstance(server, str) else server.url
    exchange = Exchange(base=url, key=key, largest=largest, pool=Pool())
    dialect = OpenAIStyle(model="m", table=COMPATIBLE)
    return ServerClient(dialect, exchange, Endpoint(url, Limits(concurrency=concurrency)), attempts=attempts)


def script(*acts: Act) -> Callable[[Seen], Act]:
    """These acts one after the other, the last one for ever."""
    return lambda seen: acts[min(seen.number, len(acts) - 1)]


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came true")


GOOD = Act(body=chat("fine"))


def ask(server: FaultServer | str, **more: Any) -> Response:
    return asyncio.run(client(server, **more).complete(request()))


@pytest.mark.parametrize(
    "bad",
    [
        Act(status=429, body={}),
        Act(status=429, headers={"Retry-After": "0.01"}, body={}),
        Act(status=500, body=b"oops"),
        Act(status=503, body={"error": {"message": "busy"}}),
        Act(kind="hang"),
        Act(kind="close"),
        Act(kind="cut", body=chat("half")),
        Act(kind="slow", body=chat("too slow to come in time")),
        Act(body=b"<html>"),
        Act(body=b"[1]"),
        Act(body={"choices": []}),
        Act(body=b'{"choices": [{"message": {"content": "' + b"x" * (2 << 20) + b'"}}]}'),
    ],
    ids=[
        "429", "429 with Retry-After", "500", "503", "hangs", "closes", "cuts off", "is slow", "no JSON",
        "a list", "no choice", "is huge",
    ],
)  # fmt: skip
def test_what_fails_once_is_asked_again(bad: Act) -> None:
    with fault_server(script(bad, GOOD)) as server:
        assert ask(server).text == "fine"
        assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("act", "kind", "says"),
    [
        (Act(status=429, body={"error": {"message": "slow down"}}), RateLimited, "slow down"),
        (Act(status=500, body={"error": {"message": "out of memory"}}), ServerFailed, "out of memory"),
        (Act(kind="hang"), RequestTimeout, "did not answer within 0.2 s"),
        (Act(kind="close"), ServerUnreachable, "broke"),
        (Act(kind="cut", body=chat("half")), ServerUnreachable, "broke"),
        (Act(body=b"<html>"), BadReply, "<html>"),
        (Act(body=b"x" * (2 << 20)), BadReply, "more than 1 MiB"),
        (Act(body={"choices": [{"message": {"content": 3}}]}), BadReply, "without a text"),
    ],
)  # fmt: skip
def test_what_goes_on_failing_is_infrastructure(act: Act, kind: type[Exception], says: str) -> None:
    with fault_server(script(act)) as server:
        with pytest.raises(kind, match=says) as found:
            ask(server)
        assert len(server.seen) == QUICK.tries
        assert isinstance(found.value, InfrastructureError)
        assert server.url in str(found.value)


@pytest.mark.parametrize(
    ("act", "kind", "says"),
    [
        (Act(status=400, body={"error": {"message": "top_p must be below 1"}}), RequestRefused, "top_p must"),
        (Act(status=422, body={"detail": [{"msg": "min_p"}]}), RequestRefused, "min_p"),
        (Act(status=401, body={"error": {"message": "no such key"}}), KeyRefused, "no such key"),
        (Act(status=402, body={}), QuotaExhausted, "cannot pay"),
        (Act(status=429, body={"error": {"code": "insufficient_quota"}}), QuotaExhausted, "cannot pay"),
        (Act(status=404, body={"error": {"message": "no model x"}}), UnknownModel, "no model x"),
        (Act(status=302, headers={"Location": "http://127.0.0.1:1/"}, body={}), RequestRefused, "elsewhere"),
        (Act(status=501, body={}), ServerFailed, "501"),
    ],
)  # fmt: skip
def test_what_asking_again_cannot_help_is_not_asked_again(act: Act, kind: type[Exception], says: str) -> None:
    with fault_server(script(act)) as server:
        with pytest.raises(kind, match=says) as found:
            ask(server)
        assert len(server.seen) == 1
        assert "\n" not in str(found.value)


def test_what_no_candidate_is_to_blame_for_is_infrastructure() -> None:
    assert issubclass(KeyRefused, InfrastructureError)
    assert issubclass(QuotaExhausted, InfrastructureError)
    assert issubclass(RequestRefused, ModelError)
    assert issubclass(UnknownModel, ModelError)


def test_nothing_listens_there() -> None:
    began = time.monotonic()
    says = r"nothing answers at http://127\.0\.0\.1:9 \(Connection refused\); is it running"
    with pytest.raises(ServerUnreachable, match=says):
        ask("http://127.0.0.1:9", attempts=Attempts(backoff_s=0.01))
    assert time.monotonic() - began < 5


def test_a_host_that_does_not_exist_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(aiohttp.resolver.ThreadedResolver, "resolve", unknown)
    monkeypatch.setattr(aiohttp.resolver.AsyncResolver, "resolve", unknown)
    with pytest.raises(ServerUnreachable, match=r"no\.invalid \(Name or service not known\); is it"):
        ask("http://no.invalid", attempts=Attempts(backoff_s=0.01))


def test_a_connection_that_cannot_be_secured_is_told_at_once() -> None:
    opened = 0

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            says = r"no secure connection to https://.*see its certificate"
            with pytest.raises(ServerUnreachable, match=says):
                await client(f"https://127.0.0.1:{port}").complete(request())

    asyncio.run(main())
    assert opened == 1


def test_a_key_is_sent_and_never_shown() -> None:
    key = Secret("sk-planted-0123456789", "THE_KEY")
    says = Act(status=401, body={"error": {"message": "bad key sk-planted-0123456789, really"}})
    with fault_server(script(says)) as server:
        asked = client(server, key=key)
        with pytest.raises(KeyRefused) as found:
            asyncio.run(asked.complete(request()))
        assert server.seen[0].headers["authorization"] == "Bearer sk-planted-0123456789"
    shown = f"{found.value} {found.value!r} {asked.exchange!r} {key} {key!r} {found.value.__cause__}"
    assert "sk-planted" not in shown
    assert "[key THE_KEY] was not accepted" in shown


def test_the_whole_request_has_a_deadline() -> None:
    attempts = Attempts(timeout_s=0.1, deadline_s=0.3, tries=100, backoff_s=0.001)
    with fault_server(script(Act(kind="hang"))) as server:
        began = time.monotonic()
        with pytest.raises(RequestTimeout):
            ask(server, attempts=attempts)
        assert 0.2 < time.monotonic() - began < 2
        with pytest.raises(RequestTimeout, match=r"within 0\.1 s; .* raise deadline_s"):
            ask(server, attempts=Attempts(timeout_s=5, deadline_s=0.1))


def test_a_wait_that_is_longer_than_the_deadline_is_not_waited_for() -> None:
    with fault_server(script(Act(status=429, headers={"Retry-After": "3600"}, body={}))) as server:
        began = time.monotonic()
        with pytest.raises(RateLimited, match="asks to wait 3600 s, longer than"):
            ask(server)
        assert time.monotonic() - began < 5
        assert len(server.seen) == 1


@pytest.mark.parametrize("said", ["0", "-1", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_wait_of_nothing_is_no_leave_to_hammer(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    class Longest:
        def random(self) -> float:
            return 1.0

    monkeypatch.setattr("hyperfunc.llm.http.attempts._JITTER", Longest())
    busy = Act(status=429, headers={"Retry-After": said}, body={})
    with fault_server(script(busy, busy, busy, GOOD)) as server:
        assert ask(server, attempts=Attempts(tries=4, backoff_s=0.02)).text == "fine"
        times = [seen.at for seen in server.seen]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert all(gap >= least for gap, least in zip(gaps, (0.019, 0.039, 0.079), strict=True))


def test_what_cannot_be_read_may_be_paid_for_and_is_asked_for_four_times_in_a_row_at_most() -> None:
    many = Attempts(timeout_s=1, tries=16, backoff_s=0.001)
    with fault_server(script(Act(body={"choices": [{"message": {"content": 3}}]}))) as server:
        with pytest.raises(BadReply):
            ask(server, attempts=many)
        assert len(server.seen) == 4
    bad, busy = Act(body=b"<html>"), Act(status=503, body={})
    with fault_server(script(bad, bad, bad, busy, bad, bad, bad, GOOD)) as server:
        assert ask(server, attempts=many).text == "fine"


def test_a_request_that_is_tried_again_does_not_queue_up_behind_those_that_came_later() -> None:
    async def main(url: str) -> list[Response]:
        one = client(url, Attempts(deadline_s=0.5, backoff_s=0.001), concurrency=1)
        return await asyncio.gather(*(one.complete(request(str(number))) for number in range(20)))

    def act(seen: Seen) -> Act:
        failed = seen.number == 0
        return Act(status=500, body={}) if failed else Act(body=chat(seen.prompt), delay=0.05)

    with fault_server(act) as server:
        answers = asyncio.run(main(server.url))
        order = [seen.prompt for seen in server.seen]
    assert [answer.text for answer in answers] == [str(number) for number in range(20)]
    assert "0" in order[1:4]


def test_a_deadline_that_passes_in_the_queue_is_told_as_the_failure_that_led_there() -> None:
    async def main() -> None:
        endpoint, asked = Endpoint("here", Limits(concurrency=1)), 0
        holders: list[asyncio.Future[Permit]] = []

        async def once(_: Permit) -> Answered[str]:
            nonlocal asked
            asked += 1
            holders.append(asyncio.ensure_future(endpoint.enter(1, 60)))
            await asyncio.sleep(0)
            raise Fault(ServerFailed("out of memory"))

        hasty = Attempts(deadline_s=0.05, backoff_s=0.001)
        work = asyncio.ensure_future(attempt(endpoint, hasty, once, 1))
        await asyncio.sleep(0.1)
        endpoint.leave(await holders[0])
        with pytest.raises(ServerFailed, match="out of memory"):
            await work
        assert (asked, endpoint.flying) == (1, 0)

    asyncio.run(main())


def test_a_hundred_callers_resume_after_retry_after_without_a_stampede() -> None:
    gate: list[float] = []

    def act(seen: Seen) -> Act:
        if seen.number < 100:
            gate.append(seen.at)
            return Act(status=429, headers={"Retry-After": "1"}, body={}, delay=0.1)
        return Act(body=chat("fine"), delay=0.02)

    with fault_server(act) as server:

        async def main() -> tuple[int, list[Response]]:
            asked = client(server, Attempts(tries=8, backoff_s=0.01), concurrency=512)
            calls = [asyncio.ensure_future(asked.complete(request(f"{i}"))) for i in range(100)]
            await until(lambda: len(server.seen) == 100 and not asked.endpoint.flying)
            adapted, server.peak = asked.endpoint.limit.whole, 0
            return adapted, await asyncio.gather(*calls)

        adapted, answers = asyncio.run(main())
        assert [answer.text for answer in answers] == ["fine"] * 100
        assert len(server.seen) == 200
        assert min(seen.at for seen in server.seen[100:]) - max(gate) >= 0.99
        assert adapted == 50
        assert 1 < server.peak <= adapted


def test_a_cancelled_call_never_sends_again_and_gives_its_place_back() -> None:
    with fault_server(script(Act(status=500, body={}))) as server:

        async def main() -> int:
            asked = client(server, Attempts(tries=10_000, backoff_s=0.001, longest_pause_s=0.002))
            task = asyncio.ensure_future(asked.complete(request()))
            await until(lambda: len(server.seen) >= 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            sent = len(server.seen)
            await asyncio.sleep(0.05)
            assert asked.endpoint.flying == 0
            return len(server.seen) - sent

        # One may have been on its way.
        assert asyncio.run(main()) <= 1


def test_connections_are_kept_for_the_next_request_and_closed_with_the_loop() -> None:
    with fault_server(script(GOOD)) as server:
        asked = client(server)

        async def main() -> None:
            for _ in range(20):
                await asked.complete(request())
            await asyncio.gather(*(asked.complete(request()) for _ in range(10)))

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            asyncio.run(main())
            asyncio.run(main())
            gc.collect()
        assert len(server.seen) == 60
        assert server.connections <= 20


def test_a_loop_of_ones_own_that_is_shut_down_leaves_no_warning() -> None:
    with fault_server(script(GOOD)) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        asked = client(server)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(asked.complete(request()))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
        assert asyncio.run(asked.complete(request())).text == "fine"
        gc.collect()


CLOSED_WITHOUT_A_WORD = """
import asyncio, gc, sys
from hyperfunc.llm.http import Pool
pool = Pool()
async def opened():
    return pool.session()
loop = asyncio.new_event_loop()
loop.run_until_complete(opened())
loop.close()
del loop
asyncio.run(opened())
gc.collect()
assert not pool._open, pool._open
"""


def test_a_loop_that_is_closed_without_a_word_is_forgotten() -> None:
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", CLOSED_WITHOUT_A_WORD]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_usage_that_cannot_be_true_is_counted_and_marked() -> None:
    for prompt, completion in ((-5, 3), ("many", 3), (None, None), (True, 2), (7, 0), (1.5, 2), (2**63, 3)):
        with fault_server(script(Act(body=chat("fine", prompt, completion)))) as server:
            usage = ask(server).usage
            assert usage is not None
            assert usage.counted
            assert (usage.prompt_tokens, usage.completion_tokens) == (2, 1)


def test_what_the_server_says_about_itself_comes_along() -> None:
    body = chat("fine", 11, 4, model="m-2", system_fingerprint="fp_1")
    body["usage"]["cost"] = 0.25
    with fault_server(script(Act(body=body))) as server:
        answer = ask(server)
    assert answer.usage is not None
    assert (answer.usage.total_tokens, answer.usage.counted) == (15, False)
    assert (answer.model, answer.fingerprint, answer.cost) == ("m-2", "fp_1", 0.25)
    assert answer.latency_s > 0


def test_a_request_that_is_no_json_is_refused_before_it_is_sent() -> None:
    with fault_server(script(GOOD)) as server:
        with pytest.raises(ModelError, match="cannot be sent as JSON"):
            asyncio.run(client(server).complete(request("\ud800")))
        with pytest.raises(ModelError, match="cannot be sent as JSON"):
            asyncio.run(client(server).complete(request(tools=({"function": float("nan")},))))
        with pytest.raises(ModelError, match="temperature=nan: give a number"):
            asyncio.run(client(server).complete(request(sampling=Sampling(temperature=float("nan")))))
        assert server.seen == []


@pytest.mark.parametrize("url", ["127.0.0.1:80", "ftp://here", "http://user:word@here", ""])
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(ModelError) as found:
        Exchange(base=url)
    assert "word" not in str(found.value).replace("password", "")


def test_embeddings_come_in_the_order_of_the_texts() -> None:
    rows = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0.5]}]
    with fault_server(script(Act(body={"data": rows, "usage": {"prompt_tokens": 4}}))) as server:
        found = asyncio.run(client(server).embed(["a", "b"]))
        assert found.vectors == ((1.0, 0.5), (0.0, 1.0))
        assert found.usage is not None
        assert found.usage.total_tokens == 4
        with pytest.raises(BadReply, match="a vector for each of 3 texts"):
            asyncio.run(client(server).embed(["a", "b", "c"]))
        assert asyncio.run(client(server).embed([])).vectors == ()
