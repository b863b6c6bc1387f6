"""A client that writes down what was asked and answered."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

from hyperfunc.llm.client import Client, Request, Response
from hyperfunc.llm.codec import encode_response, request_json
from hyperfunc.llm.redaction import scrub, scrub_request, scrub_response
from hyperfunc.llm.secrets import redact

__all__ = ["Exchange", "Recording"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what became of it; keys are replaced in all of it.

    Args:
        request: what was asked.
        response: the answer, or ``None``.
        error: type and message where there is no answer; ``"cancelled"`` when it was cut off.
        seconds: from asking to the end.
    """

    request: Request
    response: Response | None
    error: str | None
    seconds: float


@final
class Recording:
    """Keeps every exchange in a list, and in a file of JSON lines when one is named.

    Keys that this process has read are replaced by ``[key]`` in what is written and kept, not in what is
    sent. Any thread and event loop may ask.

    Args:
        client: answers.
        path: a file that lines are added to; each has ``request``, ``response`` or ``error``, ``seconds``.
        most: how many exchanges the list holds; the oldest go first. ``None`` for all.

    Attributes:
        exchanges: in the order they ended.
    """

    def __init__(self, client: Client, path: str | Path | None = None, *, most: int | None = None) -> None:
        self.client = client
        self.exchanges: list[Exchange] = []
        self._path = None if path is None else Path(path)
        self._most = most
        self._lock = threading.Lock()

    async def complete(self, request: Request) -> Response:
        """Answer and write it down; errors are written down and raised."""
        began = time.perf_counter()
        try:
            response = await self.client.complete(request)
        except BaseException as error:
            text = f"{type(error).__name__}: {error}" if isinstance(error, Exception) else "cancelled"
            self._keep(request, None, redact(text), began)
            raise
        self._keep(request, response, None, began)
        return response

    def _keep(self, request: Request, response: Response | None, error: str | None, began: float) -> None:
        shown = None if response is None else scrub_response(response)
        exchange = Exchange(scrub_request(request), shown, error, time.perf_counter() - began)
        line = None if self._path is None else _line(exchange)
        with self._lock:
            self.exchanges.append(exchange)
            if self._most is not None:
                del self.exchanges[: -self._most or None]
            if self._path is not None and line is not None:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(line)


def _line(exchange: Exchange) -> str:
    row = {"request": json.loads(request_json(exchange.request)), "seconds": exchange.seconds}
    if exchange.response is not None:
        row["response"] = json.loads(encode_response(exchange.response))
    else:
        row["error"] = exchange.error
    return json.dumps(scrub(row), ensure_ascii=False) + "\n"
