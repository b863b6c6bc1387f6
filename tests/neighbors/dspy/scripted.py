"""A real server on this machine that answers chat requests from a script, for DSPy's own language models."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

# mypy sees an untyped module; without DSPy nothing here is collected.
dspy: Any = pytest.importorskip("dspy", reason="programs of DSPy need DSPy")

Script = Callable[[list[dict[str, str]]], str]


class Server:
    """Answers from a script and keeps what it was asked.

    Args:
        script: from the messages of a request to the text of the answer; raises ``RateLimited`` for a 429.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[list[dict[str, str]]] = []
        self.usage: Any = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        self.flying = self.peak = 0
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                server.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self.lock:
            self.asked.append(body["messages"])
            self.flying += 1
            self.peak = max(self.peak, self.flying)
        try:
            status, text = 200, self.script(body["messages"])
        except RateLimited:
            status, text = 429, ""
        finally:
            with self.lock:
                self.flying -= 1
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
        reply: Any = {"id": "1", "object": "chat.completion", "created": 1, "model": body["model"]}
        reply |= {"choices": [choice], "usage": self.usage}
        data = json.dumps(reply if status == 200 else {"error": {"message": "slow down"}}).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    @property
    def calls(self) -> int:
        return len(self.asked)

    def lm(self, **settings: Any) -> Any:
        """A language model of DSPy that asks this server; without DSPy's cache unless it is asked for."""
        port = self.http.server_address[1]
        given = {"cache": False, "num_retries": 0, "temperature": 0.0, **settings}
        return dspy.LM("openai/scripted", api_base=f"http://127.0.0.1:{port}/v1", api_key="none", **given)

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


class RateLimited(Exception):
    """The script's way to send a 429."""


def field(messages: list[dict[str, str]], name: str) -> str:
    """The value of an input field in the last message of DSPy's chat format."""
    found = re.findall(rf"\[\[ ## {name} ## \]\]\n(.*?)(?=\n\n|\Z)", messages[-1]["content"], re.DOTALL)
    return found[0].strip() if found else ""


def answered(**fields: str) -> str:
    """An answer in DSPy's chat format."""
    parts = [f"[[ ## {name} ## ]]\n{value}" for name, value in fields.items()]
    return "\n\n".join([*parts, "[[ ## completed ## ]]"])
