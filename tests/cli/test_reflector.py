"""``hyperfunc optimize --reflector MODEL``: prompts that a model writes, from the shell."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hyperfunc.cli.main import cli

PROGRAM = """
from hyperfunc import HyperSystem, ScoreResult, hyperfunction, register_client
from hyperfunc.testing import ScriptedClient

def reflects(request):
    asked = "\\n".join(message.content for message in request.messages)
    return "```\\n" + asked.split("```")[1].strip() + " Speak up.\\n```"

register_client("{name}/writer", ScriptedClient(reflects, cost=0.0))

@hyperfunction(optimize_prompt=True)
def say(word, *, prompt):
    '''Say the word.'''
    return word.upper() if "Speak up" in prompt else word

class Speaker(HyperSystem):
    def run(self, word):
        return say(word)

def loud(example, pred):
    return ScoreResult(float(pred.isupper()), "" if pred.isupper() else "too quiet")
"""


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER")
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"speaker_{uuid.uuid4().hex}"
    (tmp_path / f"{name}.py").write_text(PROGRAM.replace("{name}", name))
    lines = [json.dumps({"word": f"word {chr(97 + n)}", "expected": None}) for n in range(24)]
    (tmp_path / "data.jsonl").write_text("\n".join(lines) + "\n")
    return name


def optimize(name: str, *more: str) -> Result:
    words = ["optimize", f"{name}:Speaker", "--data", "data.jsonl", "--metric", f"{name}:loud"]
    return CliRunner().invoke(cli, [*words, "--budget", "200 evaluations", *more])


def test_a_model_writes_the_prompt(name: str) -> None:
    done = optimize(name, "--reflector", f"{name}/writer")
    assert done.exit_code == 0, done.output
    assert "Say the word. Speak up." in done.output
    shown = CliRunner().invoke(cli, ["show", "last"]).output
    assert f"--reflector {name}/writer" in shown


def test_a_model_that_nobody_knows_is_one_sentence(name: str) -> None:
    done = optimize(name, "--reflector", "nowhere/writer")
    assert done.exit_code == 1
    assert "nowhere/writer" in done.output
    assert "Traceback" not in done.output
