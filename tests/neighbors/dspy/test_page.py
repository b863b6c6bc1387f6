"""The code of the page about DSPy runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .scripted import Script, Server, answered, dspy, field

pytestmark = pytest.mark.dspy

PAGE = Path(__file__).resolve().parents[3] / "docs" / "dspy.md"


def shouting(messages: list[dict[str, str]]) -> str:
    answer = field(messages, "question")
    return answered(reasoning="so", answer=answer.upper() if "capitals" in messages[0]["content"] else answer)


def propose(candidate: Any, reflective_dataset: Any, components_to_update: Any) -> dict[str, str]:
    return {name: f"{candidate[name]} Use capitals." for name in components_to_update}


def test_the_code_of_the_page_runs_in_order(
    serve: Callable[[Script], Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(shouting)
    monkeypatch.chdir(tmp_path)
    data = [dspy.Example(question=f"q{n}", answer=f"Q{n}").with_inputs("question") for n in range(20)]
    names: dict[str, Any] = {
        "__name__": "page", "propose": propose, "trainset": data[:12], "valset": data[12:],
    }  # fmt: skip
    code = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(code) == 3
    for number, block in enumerate(code):
        exec(compile(block, f"block {number}", "exec"), names)  # our own document
    assert "capitals" in names["better"].predict.signature.instructions
    assert (tmp_path / "better.json").is_file()
