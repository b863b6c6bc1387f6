"""The words of MLflow's client; the one file of logging that imports it."""

from __future__ import annotations

import math
import re
import socket
import time
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.tracking.context.registry import resolve_tags
from mlflow.tracking.fluent import _get_experiment_id

__all__ = ["Point", "Tracking", "active_run", "check_reachable", "now_ms"]

Point = tuple[str, float, int, int]
"""A metric: name, value, step, and when in milliseconds."""

_MOST_METRICS, _MOST_PARAMS = 1000, 100
_LONGEST_PARAM, _LONGEST_DIGEST = 6000, 36
_REACH_S = 3.0


def active_run() -> tuple[str, str] | None:
    """Ids of the run that is active in this thread and of its experiment."""
    run = mlflow.active_run()
    return None if run is None else (str(run.info.run_id), str(run.info.experiment_id))


def check_reachable() -> None:
    """Fail at once where nobody listens: the client itself would try for minutes.

    Raises:
        ConnectionError: nobody does.
    """
    uri = mlflow.get_tracking_uri()
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return
    if urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(parts.hostname):
        return  # only the proxy knows
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        with socket.create_connection((parts.hostname, port), timeout=_REACH_S):
            pass
    except OSError as error:
        where = f"{parts.scheme}://{parts.hostname}:{port}"
        raise ConnectionError(f"nobody answers at {where}: {error.strerror or error}") from error


class Tracking:
    """One run at the server.

    All methods are called one after another, :meth:`open` or :meth:`join` first; any of them may raise.
    """

    def __init__(self) -> None:
        self._client = mlflow.MlflowClient()
        self._run_id = ""

    def open(self, name: str, parent: tuple[str, str] | None, tags: Mapping[str, str]) -> None:
        """Begin the run, below another one if there is one: its id and that of its experiment."""
        check_reachable()
        # Not by mlflow.start_run: a run that is active in some thread takes the traces of all the others, and
        # this one may be given up on.
        experiment = parent[1] if parent else _get_experiment_id()
        below = {"mlflow.parentRunId": parent[0]} if parent else {}
        run = self._client.create_run(experiment, run_name=name, tags=resolve_tags({**tags, **below}))
        self._run_id = run.info.run_id

    def join(self, run_id: str) -> None:
        """Log to a run that others begin and end."""
        check_reachable()
        self._run_id = run_id

    def params(self, given: Mapping[str, Any]) -> None:
        """Log parameters; the first hundred of them."""
        rows = [Param(_key(k), str(v)[:_LONGEST_PARAM]) for k, v in given.items() if v is not None]
        self._client.log_batch(self._run_id, params=rows[:_MOST_PARAMS])

    def tags(self, given: Mapping[str, Any]) -> None:
        """Set tags."""
        self._client.log_batch(self._run_id, tags=[RunTag(k, str(v)) for k, v in given.items()])

    def metrics(self, points: Sequence[Point]) -> None:
        """Log metrics; numbers that are none are left out."""
        rows = [
            Metric(_key(name), value, when, step)
            for name, value, step, when in points
            if math.isfinite(value)
        ]
        for start in range(0, len(rows), _MOST_METRICS):
            self._client.log_batch(self._run_id, metrics=rows[start : start + _MOST_METRICS])

    def data(self, name: str, context: str, version: str, rows: int) -> None:
        """Say which data the run used."""
        dataset = Dataset(
            name=name, digest=version[:_LONGEST_DIGEST], source_type="hyperfunc",
            source=f'{{"version": "{version}"}}', profile=f'{{"num_rows": {rows}}}',
        )  # fmt: skip
        self._client.log_inputs(
            self._run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", context)])]
        )

    def text(self, file: str, content: str) -> None:
        """Upload a file."""
        self._client.log_text(self._run_id, content, file)

    def prompt(self, name: str, template: str, message: str, tags: Mapping[str, str]) -> None:
        """Link a prompt to the run: the newest version when it has this text, else a new one."""
        known = _key(name).replace(" ", "_").replace("/", "_").replace(":", "_")
        prompt = self._client.load_prompt(f"prompts:/{known}@latest", allow_missing=True, cache_ttl_seconds=0)
        if prompt is None or prompt.template != template:
            prompt = self._client.register_prompt(
                name=known, template=template, commit_message=message, tags=dict(tags)
            )
        self._client.link_prompt_version_to_run(self._run_id, prompt)

    def close(self, status: str) -> None:
        """End the run: ``FINISHED``, ``FAILED`` or ``KILLED``."""
        self._client.set_terminated(self._run_id, status)


def now_ms() -> int:
    """The time as MLflow counts it."""
    return int(time.time() * 1000)


def _key(name: str) -> str:
    """A name of a parameter or a metric that every server takes."""
    return re.sub(r"[^\w.\- /:]", "_", name, flags=re.ASCII)
