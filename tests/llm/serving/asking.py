"""A served model with random weights, and plain requests to it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.llm.local.tiny import tiny_model

from hyperfunc.llm.serving import Service, background

NAME = "local/tiny"


@dataclass(frozen=True)
class Answer:
    status: int
    ignored: str | None
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def events(self) -> list[Any]:
        """The data of an event stream without its end mark."""
        sent = [line.removeprefix("data: ") for line in self.text.splitlines() if line.startswith("data: ")]
        return [json.loads(item) for item in sent if item != "[DONE]"]


@dataclass(frozen=True)
class Site:
    url: str

    def get(self, path: str) -> Answer:
        return _answer(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Any) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return _answer(urllib.request.Request(self.url + path, data))


@contextmanager
def tiny_site(*, strict: bool = False) -> Iterator[Site]:
    with background(Service({NAME: tiny_model()}, strict=strict)) as url:
        yield Site(url)


def _answer(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Answer(answer.status, answer.headers.get("X-Ignored-Fields"), answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, None, error.read().decode())
