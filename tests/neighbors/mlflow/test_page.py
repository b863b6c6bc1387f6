"""The code of docs/mlflow.md that needs MLflow runs in order, against a real server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from .conftest import Server

mlflow: Any = pytest.importorskip("mlflow")

PAGE = Path(__file__).resolve().parents[3] / "docs" / "mlflow.md"

pytestmark = [
    pytest.mark.mlflow,
    *(
        pytest.mark.filterwarnings(f"ignore::{kind}")
        for kind in (
            "DeprecationWarning", "FutureWarning", "UserWarning", "ResourceWarning",
            "pytest.PytestUnraisableExceptionWarning",
        )
    ),
]  # fmt: skip


def test_the_page_is_so(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(server.url)
    experiment = mlflow.set_experiment("page").experiment_id
    code = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    assert len(code) == 3
    names: dict[str, Any] = {"__name__": "page"}
    for number, block in enumerate(code):
        exec(compile(block, f"mlflow.md block {number}", "exec"), names)  # our own document
    assert names["result"].warnings == ()
    assert "never" not in names["found"].optimized_prompts[0].template
    assert len(mlflow.MlflowClient().search_runs([experiment])) == 4
