"""One request and its reply over the shared connections, with every failure named."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from hyperfunc.errors import (
    KeyRefused,
    ModelError,
    QuotaExhausted,
    RateLimited,
    RequestRefused,
    ServerFailed,
    ServerUnreachable,
    UnknownModel,
)
from hyperfunc.llm.secrets import Secret, redact

from .attempts import Fault, unreadable
from .pool import Pool, shared_pool
from .rates import retry_after
from .reported import UNPAID, reported, words_of

__all__ = ["Exchange", "Reply", "on_this_machine"]

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529})
_LOAD_FREE = frozenset({408, 409, 425})
_BROKEN = (aiohttp.ClientError, OSError)
_CONNECTING = 6
_SHOWN = 300
_PASSWORD = re.compile(r"//[^/@\s]*@")
_ERROR_BODY = 1 << 16


def on_this_machine(host: str | None) -> bool:
    """Whether a host is a loopback address (127.0.0.0/8, ``::1``), ``0.0.0.0``, ``::`` or ``localhost``."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return address.is_loopback or address.is_unspecified


def _is_address(text: str) -> bool:
    """Whether paths can be appended to it: http or https, a host, and nothing behind the path."""
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        # Sockets encode a name only when they look it up, and some names cannot be.
        (parts.hostname or "").encode("idna")
    except ValueError:
        return False
    return fine and not re.search(r"[\s?#]", text)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply with status 200: its JSON object and its headers."""

    json: dict[str, Any]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """How one server is spoken to.

    Args:
        base: URL that paths are appended to, without a slash at its end.
        key: sent as a bearer token, to this server only: redirects are not followed.
        key_hint: what a person does about a missing key.
        headers: sent with every request.
        largest: bytes that a reply may have.
        pool: of connections.
    """

    base: str
    key: Secret | None = None
    key_hint: str = "give its entry in models.yaml a key: the name of an environment variable"
    headers: Mapping[str, str] = field(default_factory=dict)
    largest: int = 32 << 20
    pool: Pool = field(default_factory=shared_pool)
    _ready: dict[str, tuple[URL, dict[str, str], str | None]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        # An address that cannot be read may hold a password, so only what follows an "@" is shown.
        shown = self.base.rpartition("@")[2]
        if not _is_address(self.base):
            raise ModelError(f"{shown!r} is no address of a server; give one such as http://127.0.0.1:8080")
        parts = urlsplit(self.base)
        if parts.username or parts.password:
            raise ModelError(
                f"the address of {parts.hostname} holds a password; put it into an environment variable and "
                "name that as the key of an entry in models.yaml"
            )

    async def post(
        self, path: str, body: bytes, on_headers: Callable[[Mapping[str, str]], object] | None = None
    ) -> Reply:
        """Send a JSON body and read a JSON object.

        Args:
            path: appended to the base, beginning with a slash.
            body: JSON.
            on_headers: told the headers of whatever reply comes.

        Raises:
            Fault: with the error to raise when it is not tried again.
        """
        url, headers, proxy = self._ready.get(path) or self._prepare(path)
        try:
            response = await self.pool.session().request(
                "POST", url, data=body, headers=headers, allow_redirects=False, proxy=proxy
            )
            try:
                said = response.headers
                if on_headers is not None:
                    on_headers(said)
                if response.status != 200:
                    raise await self._refusal(response)
                length = response.content_length
                if length is not None and length <= self.largest and "Content-Encoding" not in said:
                    data = await response.read()
                else:
                    data = await self._read(response)
            except BaseException:
                # The rest of the reply is of no use, and the connection is not free before it came.
                response.close()
                raise
        except _BROKEN as error:
            broken = self._broken(error)
        else:
            return Reply(self._parsed(data), said)
        # Outside of the handler: errors of aiohttp hold the request's headers and the server's bytes.
        raise broken

    async def get(self, path: str) -> Reply:
        """Read a JSON object."""
        async with self._open("GET", path, None, None) as response:
            return Reply(self._parsed(await self._read(response)), response.headers)

    async def stream(
        self, path: str, body: bytes, on_headers: Callable[[Mapping[str, str]], object] | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Send a JSON body and yield pieces of the reply as they come."""
        async with self._open("POST", path, body, on_headers) as response:
            async for piece in self._pieces(response):
                yield piece

    @contextlib.asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        body: bytes | None,
        on_headers: Callable[[Mapping[str, str]], object] | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url, headers, proxy = self._ready.get(path) or self._prepare(path)
        try:
            async with self.pool.session().request(
                method, url, data=body, headers=headers, allow_redirects=False, proxy=proxy
            ) as response:
                if on_headers is not None:
                    on_headers(response.headers)
                if response.status != 200:
                    raise await self._refusal(response)
                yield response
        except _BROKEN as error:
            broken = self._broken(error)
        else:
            return
        raise broken

    def _prepare(self, path: str) -> tuple[URL, dict[str, str], str | None]:
        headers = {"Content-Type": "application/json", "User-Agent": "hyperfunc", **self.headers}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key.reveal()}"
        url = URL(self.base + path)
        self._ready[path] = ready = (url, headers, self._proxy(url))
        return ready

    def _proxy(self, url: URL) -> str | None:
        host = url.host or ""
        if on_this_machine(host):
            return None
        proxy = urllib.request.getproxies().get(url.scheme)
        if proxy is None or urllib.request.proxy_bypass(f"{host}:{url.port}"):
            return None
        if self.key is not None and url.scheme == "http":
            raise ModelError(
                f"{self.key!r} would go to a proxy in the clear on its way to {self.base}; use https, or put "
                f"{host} into NO_PROXY"
            )
        if not _is_address(proxy):
            raise ModelError(
                f"the proxy for {url.scheme} in the environment is none that can be used; give it as "
                f"http://host:port, or put {host} into NO_PROXY"
            )
        return proxy

    def _broken(self, error: Exception) -> Fault:
        """A failure of the connection."""
        if isinstance(error, aiohttp.ClientResponseError):
            # It carries the headers that were sent, with the key, and what the server wrote.
            error.message, error.__cause__, error.__context__ = redact(error.message), None, None
            sent = error.request_info.headers
            bare = sent.copy()
            bare.clear()
            error.request_info = error.request_info._replace(headers=type(sent)(bare))
            error.args = (error.request_info, ())
        reason = redact(_PASSWORD.sub("//", str(error) or type(error).__name__))[:_SHOWN]
        if isinstance(error, aiohttp.ClientHttpProxyError):
            words = f"the proxy on the way to {self.base} refuses ({error.status}); see HTTPS_PROXY"
            return Fault(ServerUnreachable(words), again=error.status in _AGAIN, load=False)
        if isinstance(error, aiohttp.ClientSSLError):
            words = (
                f"no secure connection to {self.base} ({reason}); see its certificate, and that it is https"
            )
            return Fault(ServerUnreachable(words), again=False, load=False)
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno or 0
            # A name that no server of names knows has a negative number, and words of its own.
            why = os.strerror(number) if number > 0 else error.os_error.strerror or reason
            words = (
                f"the proxy on the way to {self.base} does not answer ({why}); see HTTP_PROXY and HTTPS_PROXY"
                if isinstance(error, aiohttp.ClientProxyConnectionError)
                else f"nothing answers at {self.base} ({why}); is it running, and is the address right?"
            )
            # A server that restarts is waited for; an address that is wrong is told soon.
            return Fault(ServerUnreachable(words), load=False, tries=_CONNECTING)
        return Fault(
            ServerUnreachable(
                f"the connection to {self.base} broke before the answer was complete ({reason})"
            )
        )

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        return b"".join([piece async for piece in self._pieces(response)])

    async def _pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """The body as it comes, up to what is allowed."""
        size = response.content_length or 0
        if size <= self.largest:
            size = 0
            async for piece in response.content.iter_any():
                size += len(piece)
                if size > self.largest:
                    break
                yield piece
        if size > self.largest:
            limit = f"{self.largest >> 20} MiB" if self.largest >> 20 else f"{self.largest} bytes"
            raise unreadable(f"{self.base} sent a reply of more than {limit}; it was not read")

    def _parsed(self, data: bytes) -> dict[str, Any]:
        found = readable = None
        # Raised outside: the error of the parser would carry the whole text along, with any key in it.
        with contextlib.suppress(ValueError, RecursionError):
            found, readable = json.loads(data), True
        if not readable:
            # Cut after keys are replaced: half a key would not be known as one.
            shown = redact(data[:_ERROR_BODY].decode("utf-8", "replace"))[:80]
            raise unreadable(f"{self.base} sent a reply that is no JSON: {shown!r}; is it a model server?")
        if not isinstance(found, dict):
            raise unreadable(f"{self.base} sent JSON that is no object; is it a model server?")
        fault = reported(self.base, found)
        if fault is not None:
            raise fault
        return found

    async def _refusal(self, response: aiohttp.ClientResponse) -> Fault:
        """What a status other than 200 means."""
        said, names = await self._said(response)
        status = response.status
        where = f"{self.base} ({status}{': ' + said if said else ''})"
        again, wait = status in _AGAIN, retry_after(response.headers)
        error: Exception
        if status == 402 or names & UNPAID:
            error, again, wait = (
                QuotaExhausted(f"the account at {where} cannot pay for the request"),
                False,
                None,
            )
        elif status in (401, 403):
            error = KeyRefused(f"no access to {where}; {self.key_hint}" if self.key is None else
                               f"{self.key!r} was not accepted by {where}; see that it is right")  # fmt: skip
        elif status == 404:
            error = UnknownModel(f"no such model or address at {where}; see the model's name and the URL")
        elif status == 429:
            error = RateLimited(f"too many requests for {where}; lower the limits of this model")
        elif status in _AGAIN or status >= 500:
            error, again = ServerFailed(f"failure of {where}; see the server's log"), status not in (501, 505)
        elif 300 <= status < 400:
            error = RequestRefused(f"{where} sends elsewhere; give the address it sends to")
        else:
            error = RequestRefused(f"the request was refused by {where}; see its parameters")
        load = again and status not in _LOAD_FREE
        return Fault(error, status=status, again=again, wait_s=wait if again else None, load=load)

    async def _said(self, response: aiohttp.ClientResponse) -> tuple[str, frozenset[str]]:
        """The server's own words, without any key, and its names for the error."""
        try:
            data = b""
            # One read gives what has come so far, and half a key would not be known as one.
            while len(data) < _ERROR_BODY and (piece := await response.content.read(_ERROR_BODY - len(data))):
                data += piece
        except _BROKEN:
            return "", frozenset()
        text = data.decode("utf-8", "replace")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = text
        return words_of(found)
