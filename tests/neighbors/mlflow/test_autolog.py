"""Runs are logged to a real MLflow server, and no server, however ill, changes a run."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hyperfunc import Callback, HyperSystem
from hyperfunc.interop.mlflow import autolog
from hyperfunc.runs import Result, StepRecord

from .conftest import DATA, WORDS, Server, Support, train

mlflow: Any = pytest.importorskip("mlflow")

pytestmark = [
    pytest.mark.mlflow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


OTHER = "Say it {twice}, {{ticket}}."


@pytest.fixture
def there(server: Server, request: pytest.FixtureRequest) -> str:
    """The server is the one to log to, in an experiment for this test."""
    mlflow.set_tracking_uri(server.url)
    return str(mlflow.set_experiment(request.node.name).experiment_id)


def runs(experiment: str) -> list[Any]:
    return list(mlflow.MlflowClient().search_runs([experiment]))


def of(experiment: str, result: Result) -> Any:
    """The run of MLflow that a result is of."""
    (found,) = [r for r in runs(experiment) if r.data.tags.get("hyperfunc.run_id") == result.run_id]
    return found


def test_one_line_logs_a_run(there: str, tmp_path: Path) -> None:
    autolog()
    result = train(tmp_path)
    assert result.warnings == ()
    run = of(there, result)
    assert run.info.status == "FINISHED"
    assert run.info.end_time
    params = run.data.params
    assert (params["seed"], params["metric"], params["system"]) == ("1", "ExactMatch", "Support")
    assert params["budget"] == str(result.budget)
    assert params["knobs"] == "prompt, threshold, channel"
    assert (params["n_train"], params["n_test"]) == ("20", "10")
    assert (params["start.threshold"], params["best.channel"]) == ("0.9", "mail")
    metrics = run.data.metrics
    assert metrics["score_start"] == pytest.approx(result.score_start)
    assert metrics["score_winner"] == pytest.approx(result.score_best)
    assert result.gain is not None
    assert metrics["gain_low"] == pytest.approx(result.gain.low)
    tags = run.data.tags
    assert tags["hyperfunc.stopped"] == result.stopped
    assert tags["hyperfunc.recommended_start"] == "false"
    history = mlflow.MlflowClient().get_metric_history(run.info.run_id, "incumbent_value")
    assert [(m.step, m.value) for m in history] == [
        (r.step, pytest.approx(r.incumbent_value)) for r in result.history if r.incumbent_value is not None
    ]
    spent = mlflow.MlflowClient().get_metric_history(run.info.run_id, "spend.evaluations")
    assert [m.value for m in spent] == [r.spend.evaluations for r in result.history]


def test_its_files_are_those_that_are_exported(there: str, tmp_path: Path) -> None:
    autolog()
    result = train(tmp_path)
    run = of(there, result)
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, dst_path=str(tmp_path / "got")))
    exported = result.export(tmp_path / "exported.json")
    assert (folder / "artifact.json").read_text(encoding="utf-8") == exported.read_text(encoding="utf-8")
    fresh = Support()
    fresh.load(folder / "artifact.json")
    assert fresh.candidate.id == result.best.id
    assert result.certificate is not None
    certificate = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
    assert certificate["run_id"] == result.run_id
    assert result.run_id in (folder / "report.html").read_text(encoding="utf-8")


def test_prompts_are_versions_of_the_registry_linked_to_the_run(there: str, tmp_path: Path) -> None:
    class Asking(Support):
        pass

    autolog()
    first = train(tmp_path, Asking())
    changed = Asking()
    changed.prompt = OTHER
    second = train(tmp_path, changed)
    linked = [json.loads(of(there, r).data.tags["mlflow.linkedPrompts"]) for r in (first, second)]
    assert linked == [
        [{"name": "Asking.prompt", "version": "1"}], [{"name": "Asking.prompt", "version": "2"}]
    ]  # fmt: skip
    texts = [mlflow.genai.load_prompt(f"prompts:/Asking.prompt/{n}").template for n in (1, 2)]
    assert texts == [WORDS, OTHER]


def test_the_data_is_an_input_of_the_run(there: str, tmp_path: Path) -> None:
    autolog()
    result = train(tmp_path)
    inputs = of(there, result).inputs.dataset_inputs
    assert result.certificate is not None
    wanted = {(name, str(result.certificate.hashes[name])[:36]) for name in ("train", "test")}
    assert {(i.tags[0].value, i.dataset.digest) for i in inputs} == wanted


def test_inside_an_active_run_it_is_a_child(there: str, tmp_path: Path) -> None:
    autolog()
    with mlflow.start_run() as parent:
        mlflow.set_experiment("elsewhere")
        result = train(tmp_path)
        assert mlflow.active_run().info.run_id == parent.info.run_id
    assert of(there, result).data.tags["mlflow.parentRunId"] == parent.info.run_id


def test_in_a_notebook_it_is_a_child_too(there: str, tmp_path: Path) -> None:
    async def cell() -> tuple[str, Result]:
        with mlflow.start_run() as parent:
            return parent.info.run_id, train(tmp_path)

    autolog()
    parent, result = asyncio.run(cell())
    assert of(there, result).data.tags["mlflow.parentRunId"] == parent


def test_nothing_is_logged_before_it_is_asked_for_or_after_it_is_switched_off(
    there: str, tmp_path: Path
) -> None:
    train(tmp_path)
    autolog()
    autolog(disable=True)
    train(tmp_path)
    assert runs(there) == []


def test_runs_at_once_do_not_meet(there: str, tmp_path: Path) -> None:
    autolog(artifacts=False, prompts=False)
    results: list[Result] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(train(tmp_path / str(n), seed=n)))
        for n in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(runs(there)) == 3
    for result in results:
        run = of(there, result)
        assert run.data.params["start.threshold"]
        assert run.data.metrics["score_winner"] == pytest.approx(result.score_best)
        assert "mlflow.parentRunId" not in run.data.tags
        assert mlflow.MlflowClient().list_artifacts(run.info.run_id) == []


class Breaks(Callback):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def on_step(self, record: StepRecord) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("mine"), "FAILED"), (asyncio.CancelledError(), "KILLED")]
)
def test_a_run_that_breaks_off_ends_there_too(
    there: str, tmp_path: Path, error: BaseException, status: str
) -> None:
    autolog()
    with pytest.raises(type(error)):
        train(tmp_path, callbacks=[Breaks(error)])
    until = time.monotonic() + 20
    while [r.info.status for r in runs(there)] != [status] and time.monotonic() < until:
        time.sleep(0.1)
    assert [r.info.status for r in runs(there)] == [status]


def unlogged(folder: Path) -> Result:
    """The same run without a log."""
    autolog(disable=True)
    return train(folder)


def same(one: Result, other: Result) -> bool:
    return (one.best, one.score_best, one.gain, len(one.history)) == (
        other.best, other.score_best, other.gain, len(other.history),
    )  # fmt: skip


def test_a_dead_address_is_one_warning(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        mlflow.set_tracking_uri(f"http://127.0.0.1:{free.getsockname()[1]}")
    autolog()
    began = time.monotonic()
    result = train(tmp_path)
    took = time.monotonic() - began
    (warning,) = result.warnings
    assert warning.startswith(f"the log of run {result.run_id} in MLflow is incomplete: ")
    assert "nobody answers at http://127.0.0.1:" in warning
    assert "\n" not in warning
    plain = unlogged(tmp_path / "plain")
    assert same(result, plain)
    assert took < 10


@pytest.fixture
def hung() -> Iterator[str]:
    """A server that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_server_that_hangs_holds_a_run_up_for_the_deadline_at_most(hung: str, tmp_path: Path) -> None:
    mlflow.set_tracking_uri(hung)
    autolog(deadline_s=1.5)
    began = time.monotonic()
    result = train(tmp_path)
    took = time.monotonic() - began
    (warning,) = result.warnings
    assert "the start of the run" in warning
    assert "took too long" in warning
    began = time.monotonic()
    assert same(result, unlogged(tmp_path / "plain"))
    assert took < time.monotonic() - began + 3


class Killing(Callback):
    """Ends the server in the middle of a run, once it has heard of it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def on_step(self, record: StepRecord) -> None:
        if record.step != 2:
            return
        until = time.monotonic() + 30
        while not runs("0") and time.monotonic() < until:
            time.sleep(0.05)
        assert runs("0")
        self.server.kill()


def test_a_server_that_dies_in_the_middle_is_one_warning(tmp_path: Path) -> None:
    own = Server(tmp_path)
    try:
        mlflow.set_tracking_uri(own.url)
        mlflow.set_experiment(experiment_id="0")
        autolog(deadline_s=6)
        result = train(tmp_path, callbacks=[Killing(own)])
    finally:
        own.kill()
    (warning,) = result.warnings
    assert "is incomplete" in warning
    assert "nobody answers" in warning
    assert same(result, unlogged(tmp_path / "plain"))


def test_what_one_part_cannot_do_the_others_do(
    there: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise RuntimeError("no registry\nhere")

    monkeypatch.setattr(mlflow.MlflowClient, "register_prompt", refuse)

    class Unregistered(Support):
        pass

    autolog()
    result = train(tmp_path, Unregistered())
    (warning,) = result.warnings
    assert "the prompts failed (RuntimeError: no registry here)" in warning
    run = of(there, result)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["score_winner"] == pytest.approx(result.score_best)


def test_a_system_of_any_kind_is_logged(there: str, tmp_path: Path) -> None:
    system: HyperSystem = Support()
    autolog()

    async def main() -> Result:
        from hyperfunc import ExactMatch

        return await system.aoptimize(DATA, ExactMatch(), budget="200 evaluations", ledger=tmp_path)

    assert of(there, asyncio.run(main())).info.status == "FINISHED"
