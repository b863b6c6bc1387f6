"""A server begins, says where, lets go of who hangs up, and ends cleanly."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.llm.local.tiny import tiny_model
from tests.llm.serving.asking import NAME, Site, tiny_site

from hyperfunc.errors import ModelError, UnknownModel
from hyperfunc.llm.serving import Service, background, running


def test_a_port_that_is_taken_is_one_sentence() -> None:
    service = Service({NAME: tiny_model()})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(ModelError, match=r"cannot listen on 127\.0\.0\.1 port"),
            background(service, port=taken.getsockname()[1]),
        ):
            raise AssertionError("it began")


def test_a_model_that_is_not_embedded_is_refused() -> None:
    with pytest.raises(UnknownModel, match="did you mean 'local/prose'"):
        Service(["local/pros"])


def test_nothing_answers_after_the_end() -> None:
    with tiny_site() as site:
        assert site.get("/health").json == {"status": "ok"}
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(site.url + "/health", timeout=5)


def test_who_hangs_up_is_let_go(site: Site) -> None:
    async def scenario() -> None:
        host, port = site.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        body = json.dumps({"prompt": "x", "max_tokens": 100, "n": 128}).encode()
        head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        while site.get("/api/extra/perf").json["queue"] != 128:
            pass
        writer.close()
        await writer.wait_closed()

    before = site.get("/api/extra/perf").json["total_gens"]
    asyncio.run(scenario())
    began = time.monotonic()
    while (perf := site.get("/api/extra/perf").json)["queue"]:
        assert time.monotonic() - began < 10
    assert perf["total_gens"] == before


def test_an_open_stream_does_not_keep_the_server_from_ending() -> None:
    async def scenario() -> float:
        service = Service({NAME: tiny_model()})
        async with running(service) as url:
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            body = json.dumps({"prompt": "x", "max_tokens": 100, "n": 128, "stream": True}).encode()
            head = f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            await reader.readline()
            began = time.monotonic()
        writer.close()
        return time.monotonic() - began

    assert asyncio.run(scenario()) < 5


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_asked_to_end(end: signal.Signals) -> None:
    words = [sys.executable, "-m", "hyperfunc", "serve-model", "--model", "local/prose", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("serving local/prose at http://127.0.0.1:")
            site = Site(line.split(" at ")[1].split()[0])
            assert site.get("/api/v1/model").json == {"result": "local/prose"}
            process.send_signal(end)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "stopped\n", "")
