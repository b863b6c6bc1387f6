"""``hyperfunc serve-model``: the embedded models over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hyperfunc.llm.serving.service import Service

__all__ = ["command"]


@click.command("serve-model")
@click.option(
    "--model",
    "models",
    metavar="NAME",
    multiple=True,
    help="local/prose or local/office, or both (the default); KoboldCpp's routes use the first.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; the default lets only this machine ask.",
)
@click.option("--strict", is_flag=True, help="Refuse fields that cannot be honored, instead of naming them.")
def command(models: tuple[str, ...], port: int, host: str, strict: bool) -> None:
    """Serve an embedded language model: no key, no download, no GPU.

    Speaks OpenAI's /v1/completions, /v1/chat/completions and /v1/models, and KoboldCpp's /api/v1/generate
    with its companions, streaming included. A field that takes no part in an answer is named in the answer
    (ignored_fields) and in the header X-Ignored-Fields. Ctrl-C ends it.

    \b
    Example:
      hyperfunc serve-model --port 8080
      curl http://127.0.0.1:8080/v1/completions -H 'content-type: application/json' \\
        -d '{"model": "local/prose", "prompt": "In the beginning", "max_tokens": 20, "min_p": 0.05}'
    """
    import asyncio

    from hyperfunc.llm.serving.service import Service

    service = Service(models, strict=strict) if models else Service(strict=strict)
    asyncio.run(_serve(service, host, port))


async def _serve(service: Service, host: str, port: int) -> None:
    """Serves until the process is asked to end."""
    import asyncio
    import contextlib
    import signal

    from hyperfunc.cli.console import plain, stdout
    from hyperfunc.llm.serving.running import running

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Where loops take no signals (Windows), Ctrl-C cancels this function, which ends the server as well.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, over.set)
    async with running(service, host=host, port=port) as url:
        console = stdout()
        console.print(plain(f"serving {', '.join(service.models)} at {url} (Ctrl-C ends it)"))
        console.file.flush()
        await over.wait()
    stdout().print("stopped")
