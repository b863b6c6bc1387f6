"""llama.cpp's own server in this process, on a GGUF file: started, waited for, and stopped."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hyperfunc.errors import ModelError, ServerUnreachable

__all__ = ["check_gguf", "free_port", "has_chat_template", "serving_gguf", "weights_identity"]

_MAGIC = b"GGUF"
_HEAD = 64 << 20
_ENDS = 1 << 20
_READY_SECONDS = 300.0


def check_gguf(path: Path) -> Path:
    """The file, if it is one with weights.

    Raises:
        ModelError: it is not there, or no GGUF.
    """
    file = path.expanduser()
    if not file.is_file():
        raise ModelError(f"there is no file {file}; give the path of a model's GGUF file")
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise ModelError(f"{file} is no GGUF file; llama.cpp reads no other weights")
    return file


def weights_identity(file: Path) -> str:
    """Names the weights, wherever the file lies: its size, and a hash of its beginning and end."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        seen = hashlib.blake2b(opened.read(_ENDS), digest_size=8)
        opened.seek(max(0, size - _ENDS))
        seen.update(opened.read(_ENDS))
    return f"{file.name} {size} {seen.hexdigest()}"


def has_chat_template(file: Path) -> bool:
    """Whether the file brings a chat template, so that prompts are instructions and not text to continue."""
    with file.open("rb") as opened:
        return b"tokenizer.chat_template" in opened.read(_HEAD)


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _check_port(port: int) -> int:
    with socket.socket() as tried:
        # As the server does it: a port whose last connections are still closing is free.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError as error:
            raise ModelError(
                f"port {port} is taken ({error.strerror}); choose another --port, or 0 for a free one"
            ) from error
    return port


@contextlib.contextmanager
def serving_gguf(
    path: Path, *, port: int = 0, slots: int = 1, context: int = 2048, threads: int | None = None
) -> Iterator[str]:
    """A llama.cpp server while the context lasts.

    Args:
        path: of the GGUF file.
        port: to listen on, on this machine only; 0 picks a free one.
        slots: requests answered together; with more than one, equal requests may differ in the last bit.
        context: tokens that prompt and answer of one request may have.
        threads: of the processor; all but one by default.

    Yields:
        The URL, once the server is ready.

    Raises:
        ModelError: no such file, a port that is taken, a model that cannot be loaded, or no xllamacpp.
        ServerUnreachable: it does not get ready.
    """
    file = check_gguf(path)
    try:
        import xllamacpp
    except ImportError as error:
        raise ModelError(
            "llama.cpp is not installed; run pip install 'hyperfunc[llamacpp]', or start a server of your "
            "own and give its address"
        ) from error
    settings: Any = xllamacpp.CommonParams()
    settings.model.path = str(file)
    settings.model_alias = [file.stem]
    settings.n_parallel = slots
    settings.n_ctx = context * slots
    settings.cpuparams.n_threads = threads or max(1, (os.cpu_count() or 2) - 1)
    settings.verbosity = -1
    settings.port = _check_port(port) if port else free_port()
    try:
        server = xllamacpp.Server(settings)
    except Exception as error:
        raise ModelError(
            f"llama.cpp cannot serve {file}: {str(error) or 'the model does not load'}"
        ) from error
    try:
        url = str(server.listening_address)
        _wait(url)
        yield url
    finally:
        # The server ends when its last reference does.
        del server


def _wait(url: str) -> None:
    late = time.monotonic() + _READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):  # noqa: S310 - our own address
                return
        except (urllib.error.URLError, OSError) as error:
            if time.monotonic() > late:
                raise ServerUnreachable(
                    f"the server at {url} was not ready in {_READY_SECONDS:g} s"
                ) from error
        time.sleep(0.1)
