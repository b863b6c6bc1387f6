"""``mlflow.dspy.autolog`` sees a compile, whichever of the two was there first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.dspy

SCRIPT = """
import sys
sys.path[:0] = {path!r}
import mlflow
from tests.neighbors.dspy.programs import Given, Twins, examples, obedient
from tests.neighbors.dspy.scripted import Server, dspy

mlflow.set_tracking_uri({store!r})
mlflow.set_experiment({first!r})
if {first!r} == "hyperfunc":
    from hyperfunc.interop.dspy import Hyperfunc
mlflow.dspy.autolog(log_compiles=True)
from hyperfunc.interop.dspy import Hyperfunc

dspy.configure(lm=Server(obedient).lm())
optimizer = Hyperfunc(
    metric=lambda e, p, t=None: p.answer == e.answer, max_metric_calls=60, log_dir={log!r},
    optimizer=Given({{"first.prompt": "append A", "second.prompt": "append B"}}),
)
better = optimizer.compile(Twins(), trainset=examples(4))
assert better.second.signature.instructions == "append B"
better(question="traced")
(run,) = mlflow.search_runs(output_format="list")
client = mlflow.MlflowClient()
print("status", run.info.status)
print("artifacts", sorted(a.path for a in client.list_artifacts(run.info.run_id)))
state = mlflow.artifacts.load_dict(run.info.artifact_uri + "/best_model.json")
print("instructions", state["second"]["signature"]["instructions"])
mlflow.flush_trace_async_logging()
print("traces", len(mlflow.search_traces(return_type="list")))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One for both, since MLflow takes long to make one."""
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}"


@pytest.mark.parametrize("first", ["hyperfunc", "mlflow"])
def test_mlflow_logs_the_compile_and_its_result(first: str, store: str, tmp_path: Path) -> None:
    script = SCRIPT.format(path=sys.path, store=store, first=first, log=str(tmp_path / "log"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-4:] == [
        "status FINISHED",
        "artifacts ['best_model.json', 'trainset.json']",
        "instructions append B",
        "traces 1",
    ]
