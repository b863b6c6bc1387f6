"""Whether a key of a model server shows in anything that a run wrote: every byte is searched."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.report_table import Table

__all__ = ["Found", "leaks", "measure"]

_ROOT = Path(__file__).parents[2]
_WINDOW = 12
KEYS = {
    "OPENAI_API_KEY": "sk-proj-0f3c9a77b1e24d58c60be3a9",
    "VLLM_API_KEY": "tok_9b1f7c35aa604e12d77f08c4b2",
}
"""The first stands in the environment, the second in a ``.env`` file."""

_MODELS = """
models:
  leaky-environment:
    {{provider: openai, model: leaky, url: "{url}/v1", key: OPENAI_API_KEY, timeout_s: 1, deadline_s: 0.3}}
  leaky-dotenv:
    {{provider: vllm, model: leaky, url: "{url}", key: VLLM_API_KEY, timeout_s: 1, deadline_s: 0.3}}
"""


class Found:
    """What became of the keys.

    Attributes:
        sent: requests that carried a key.
        echoed: replies in which the server showed the key to the run.
        files: how many were searched, output of the process included.
        size: their bytes.
        shown: files with a part of a key, and what was found there.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.echoed = 0
        self.files = 0
        self.size = 0
        self.shown: dict[str, str] = {}


def leaks() -> Found:
    """Start a server that shows keys, run against it in a process of its own, and search what that wrote."""
    found = Found()
    with tempfile.TemporaryDirectory() as name, _leaky_server(found) as url:
        folder = Path(name)
        place = folder / "run"
        place.mkdir()
        openai, vllm = KEYS
        (folder / ".env").write_text(f"{vllm}={KEYS[vllm]}\n")
        (folder / "models.yaml").write_text(_MODELS.format(url=url))
        own = {k: v for k, v in os.environ.items() if k not in KEYS}
        environment = {
            **own, openai: KEYS[openai], "PYTHONPATH": str(_ROOT), "HYPERFUNC_LEDGER": str(place / "default"),
        }  # fmt: skip

        def start(*words: str) -> bytes:
            done = subprocess.run(
                [sys.executable, "-m", *words], cwd=folder, env=environment, capture_output=True,
                check=False, timeout=120,
            )  # fmt: skip
            if done.returncode:
                raise RuntimeError(f"{words} failed: {done.stderr[-2000:].decode(errors='replace')}")
            return done.stdout + done.stderr

        output = start("benchmarks.models.leaky_run", str(place), "leaky-environment", "leaky-dotenv")
        for number in ("0", "1"):
            ledger = str(place / number / "ledger")
            output += start("hyperfunc", "runs", "--ledger", ledger)
            output += start("hyperfunc", "show", "last", "--ledger", ledger)
        _search(found, "the output", output)
        for path in sorted(place.rglob("*")):
            if path.is_file():
                _search(found, str(path.relative_to(place)), path.read_bytes())
    return found


def _search(found: Found, name: str, data: bytes) -> None:
    """Look for any part of a key, as it is and in the forms that headers and pages give it."""
    found.files += 1
    found.size += len(data)
    for part in _parts():
        if part in data:
            at = data.index(part)
            found.shown[name] = repr(data[max(0, at - 60) : at + 80])
            return


def _parts() -> Iterator[bytes]:
    for key in KEYS.values():
        whole = key.encode()
        yield from (whole[i : i + _WINDOW] for i in range(len(whole) - _WINDOW + 1))
        encoded = base64.b64encode(whole)
        yield from (encoded[i : i + 2 * _WINDOW] for i in range(0, len(encoded) - 2 * _WINDOW + 1, 4))


class _Leaky(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    found: Found

    def do_GET(self) -> None:
        self._reply(200, json.dumps({"data": [{"id": "leaky"}]}))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        key = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.found.sent += key in KEYS.values()
        self.found.echoed += 1
        text = asked["messages"][-1]["content"]
        if "refuse" in text:
            said = f"the field 'x' of the caller with the key {key} is wrong"
            self._reply(400, json.dumps({"error": {"message": said, "code": key}}))
        elif "unauthorized" in text:
            self._reply(401, json.dumps({"error": {"message": f"Incorrect API key provided: {key}."}}))
        elif "unreadable" in text:
            # A cut at a round number of bytes goes through the key.
            self._reply(200, "x" * 60 + key + "y" * 500)
        elif "reset" in text:
            self.close_connection = True
            self.wfile.write(
                f"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\nX-Key: {key}\r\n\r\n{{ {key}".encode()
            )
        else:
            self._reply(200, json.dumps(_answer(key)))

    def _reply(self, status: int, body: str) -> None:
        data = body.encode()
        self.send_response(status, "OK")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


def _answer(key: str) -> dict[str, Any]:
    call = {"id": key, "type": "function", "function": {"name": "f", "arguments": json.dumps({"key": key})}}
    message = {"role": "assistant", "content": f"your key is {key}, isn't it?", "tool_calls": [call]}
    return {
        "id": key, "model": f"leaky {key}", "system_fingerprint": key,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
    }  # fmt: skip


@contextlib.contextmanager
def _leaky_server(found: Found) -> Iterator[str]:
    handler = type("Handler", (_Leaky,), {"found": found})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def measure(table: Table) -> None:
    """Add the figures."""
    found = leaks()
    table.add("requests that carried a planted key", found.sent, at_least=20)
    note = f"{found.files} files, {found.size / 1e6:.1f} MB searched, {found.echoed} replies that show it"
    if found.shown:
        name, around = next(iter(found.shown.items()))
        note = f"{name}: {around}"
    table.add("files and outputs with a part of a key", len(found.shown), at_most=0, note=note)


if __name__ == "__main__":
    from benchmarks.report_table import run

    sys.exit(run("models: secrets", measure))
