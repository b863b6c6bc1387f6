"""What answers for the model of a search: found, checked, named, and started where it is a file."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hyperfunc.errors import ModelError, ServerUnreachable
from hyperfunc.llm.client import Route
from hyperfunc.llm.model_spec import PROVIDERS, ModelSpec, spec_of_name
from hyperfunc.llm.models_file import spec_from_files
from hyperfunc.llm.providers.parameters import (
    COMPATIBLE,
    KOBOLDCPP,
    LLAMACPP,
    OPENAI,
    OPENROUTER,
    VLLM,
    Table,
)
from hyperfunc.llm.providers.routes import address_of, key_of, open_route
from hyperfunc.llm.registry import register_client, route_for, unregister_client
from hyperfunc.llm.secrets import Secret

from .gguf_server import check_gguf, has_chat_template, serving_gguf, weights_identity

__all__ = ["Server", "local_weights", "opened", "self_description"]

_LOCAL = "local/"
_LOOK_UP_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where texts come from.

    Args:
        model: the name under which programs ask for it.
        shown: as the user named it.
        identity: names what answers, weights included where they are known.
        kind: provider, or ``embedded`` or ``registered``.
        url: that a probe asks; empty where there is none.
        probed_as: how a probe speaks to it; empty where none can.
        asked_for: the server's name of the model; empty for the one it has.
        table: names of its parameters; ``None`` where they are not known.
        key: that goes with requests; ``None`` for none.
        embedded: whether it continues texts as the embedded prose model does.
    """

    model: str
    shown: str
    identity: str
    kind: str
    url: str = ""
    probed_as: str = ""
    asked_for: str = ""
    table: Table | None = None
    key: Secret | None = None
    embedded: bool = False


_PROBES: dict[str, tuple[str, Table]] = {
    "llamacpp": ("llamacpp", LLAMACPP),
    "koboldcpp": ("koboldcpp", KOBOLDCPP),
    "vllm": ("openai-chat", VLLM),
    "openrouter": ("openai-chat", OPENROUTER),
    "openai": ("openai-chat", COMPATIBLE),
}


@contextlib.contextmanager
def opened(name: str) -> Iterator[Server]:
    """The server of a model while the context lasts.

    Args:
        name: as in :class:`~hyperfunc.apps.sampler_search.config.SearchConfig`.

    Raises:
        ModelError: the name means nothing, or a file that it needs is missing.
        InfrastructureError: nothing answers.
    """
    if name.endswith(".gguf"):
        with _from_file(Path(name)) as server:
            yield server
        return
    if name.startswith(("http://", "https://")):
        yield _named(_recognized(name.rstrip("/")), name)
        return
    yield _named(name, name)


def local_weights(name: str) -> Path | None:
    """The GGUF file that a name of ``models.yaml`` needs; ``None`` where it needs none.

    Raises:
        ModelError: the file is missing.
    """
    spec, _ = spec_from_files(name)
    if spec is None or not spec.gguf:
        return None
    file = Path(spec.gguf).expanduser()
    if not file.is_file():
        raise ModelError(
            f"the model {name} of {spec.source} needs its weights {file}, which are not there; put them "
            "there, or change its gguf"
        )
    return check_gguf(file)


@contextlib.contextmanager
def _from_file(path: Path) -> Iterator[Server]:
    file = check_gguf(path)
    chat = has_chat_template(file)
    with serving_gguf(file) as url:
        spec = ModelSpec(
            provider="llamacpp",
            url=url,
            api="chat" if chat else "completion",
            template="" if chat else "none",
        )
        # The port is another one each time; the weights say what answers.
        identity = f"llama.cpp in this process, {weights_identity(file)}"
        model = f"gguf/{file.name}"
        route = open_route(model, spec)
        register_client(model, route.client, identity=identity, price=lambda request: 0.0)
        try:
            yield Server(
                model=model, shown=str(path), identity=identity, kind="llamacpp", url=url,
                probed_as="llamacpp", table=LLAMACPP, embedded=not chat,
            )  # fmt: skip
        finally:
            unregister_client(model)


def _named(model: str, shown: str) -> Server:
    local_weights(model)
    route: Route = route_for(model)
    if model.startswith(_LOCAL):
        return Server(model=model, shown=shown, identity=route.identity, kind="embedded", embedded=True)
    spec = spec_from_files(model)[0] or spec_of_name(model)
    if spec is None:
        return Server(model=model, shown=shown, identity=route.identity, kind="registered")
    probed_as, table = _PROBES.get(spec.provider, ("", None))
    url = address_of(spec)
    if spec.provider == "openai" and url == PROVIDERS["openai"].url:
        table = OPENAI
    raw = spec.template == "none"
    return Server(
        model=model, shown=shown, identity=route.identity, kind=spec.provider, url=url, probed_as=probed_as,
        asked_for=spec.model, table=table, key=key_of(spec), embedded=raw,
    )  # fmt: skip


def self_description(url: str) -> str:
    """What a server says it is and holds; another text means that it was changed.

    Raises:
        ServerUnreachable: nothing answers there.
    """
    base = url.removesuffix("/v1")
    props = _get(base, "/props")
    models = _get(base, "/v1/models").get("data")
    names = [str(m.get("id")) for m in models if isinstance(m, dict)] if isinstance(models, list) else []
    said = (props.get("build_info"), props.get("model_path"), names, _get(base, "/api/v1/model"))
    return json.dumps([*said, _get(base, "/api/extra/version")])


def _recognized(url: str) -> str:
    """The name of the model at an address, by what its server says of itself.

    Raises:
        ServerUnreachable: nothing answers there.
        ModelError: it lists no model.
    """
    base = url.removesuffix("/v1")
    said = str(_get(base, "/api/extra/version").get("result", ""))
    if said == "KoboldCpp":
        return f"koboldcpp/{base}"
    if said == "hyperfunc":
        # Its KoboldCpp routes have every sampler, and its models continue raw text.
        return f"koboldcpp/{base}?template=none"
    if "default_generation_settings" in _get(base, "/props"):
        return f"llamacpp/{base}"
    listed = _get(base, "/v1/models").get("data")
    if not isinstance(listed, list) or not listed:
        raise ModelError(
            f"the server at {base} lists no models; name one, as openai/{base}/v1#name-of-the-model"
        )
    return f"openai/{base}/v1#{listed[0].get('id', '')}"


def _get(base: str, path: str) -> dict[str, Any]:
    """What a route says; nothing where there is none."""
    try:
        with urllib.request.urlopen(base + path, timeout=_LOOK_UP_S) as answer:  # noqa: S310 - http, checked
            said = json.load(answer)
    except urllib.error.HTTPError:
        return {}
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ServerUnreachable(f"nothing answers at {base} ({reason}); is the server running?") from error
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
