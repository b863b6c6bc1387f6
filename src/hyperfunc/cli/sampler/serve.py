"""``hyperfunc sampler serve``: llama.cpp's server on a GGUF file."""

from __future__ import annotations

import click

__all__ = ["command"]


@click.command("serve")
@click.argument("model", metavar="MODEL.gguf")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True,
    help="Port to listen on; 0 picks a free one.",
)  # fmt: skip
@click.option("--slots", type=click.IntRange(min=1), default=4, show_default=True, help="Requests at once.")
@click.option(
    "--context", type=click.IntRange(min=64), default=2048, show_default=True, help="Tokens of each."
)
def command(model: str, port: int, slots: int, context: int) -> None:
    """Serve a GGUF file with llama.cpp on this machine, and say so when it is ready. Ctrl-C ends it.

    MODEL is a path, or a name of models.yaml whose gguf is at hand. Needs pip install 'hyperfunc[llamacpp]'.

    \b
    Example:
      hyperfunc sampler serve model.gguf --port 8080
    """
    import signal
    import threading
    from pathlib import Path

    from hyperfunc.apps.sampler_search.gguf_server import serving_gguf
    from hyperfunc.apps.sampler_search.servers import local_weights
    from hyperfunc.cli.console import plain, stdout

    file = Path(model) if model.endswith(".gguf") else local_weights(model) or Path(model)
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with serving_gguf(file, port=port, slots=slots, context=context) as url:
        console = stdout()
        console.print(plain(f"serving {file} at {url} (Ctrl-C ends it)"))
        console.print(plain(f"search with: hyperfunc sampler search --model {url}"))
        console.file.flush()
        over.wait()
    stdout().print("stopped")
