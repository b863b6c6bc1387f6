"""The real llama.cpp HTTP server, in this process, on a free loopback port."""

from __future__ import annotations

import contextlib
import importlib
import json
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["LlamaServer", "llama_server"]

_CONTEXT_OF_A_SLOT = 1024


@dataclass(frozen=True)
class LlamaServer:
    """A running server. ``url`` has no slash at its end."""

    url: str

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send JSON and read JSON."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def events(self, path: str, body: Mapping[str, Any]) -> list[Any]:
        """Send JSON and read a whole event stream."""
        data = json.dumps({**body, "stream": True}).encode()
        request = urllib.request.Request(self.url + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            lines = [line.decode().strip() for line in answer]
        sent = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [json.loads(item) for item in sent if item != "[DONE]"]


@contextlib.contextmanager
def llama_server(model: Path, *, slots: int = 1, alias: str = "prose") -> Iterator[LlamaServer]:
    """Start it on a GGUF file.

    Args:
        model: the file.
        slots: requests answered together; with more than one, greedy answers are not stable to the bit.
        alias: the name it gives the model.
    """
    xllamacpp = importlib.import_module("xllamacpp")
    settings = xllamacpp.CommonParams()
    settings.model.path = str(model)
    settings.model_alias = [alias]
    settings.n_parallel = slots
    settings.n_ctx = _CONTEXT_OF_A_SLOT * slots
    settings.cpuparams.n_threads = 1
    settings.verbosity = -1
    settings.port = _free_port()
    server = xllamacpp.Server(settings)
    try:
        yield LlamaServer(server.listening_address)
    finally:
        # The server ends when its last reference does.
        del server


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
