"""``hyperfunc sampler``: every flag does what it says, and every wrong one is a sentence."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context, Group, Option
from click.testing import CliRunner, Result
from tests.apps.sampler_search.counting import counted
from tests.llm.real.gguf import write_local_model

from hyperfunc.apps.sampler_search import config_file
from hyperfunc.apps.sampler_search.gguf_server import free_port
from hyperfunc.cli.main import cli
from hyperfunc.llm.client import Request, Response
from hyperfunc.llm.registry import register_client, unregister_client

TINY = """
search_strategy: random
n_iterations: 4
samples_per_config: 2
max_length: 10
sampler_types: [min_p, top_p]
test_prompts: [And the king said, Now there was a man of]
retest_prompts: [Then came the elders, And they went up]
quick_test:
  n_iterations: 3
"""

BEST = """
best_overall:
  sampler: min_p
  parameters: {min_p: 0.1, temperature: 1.2}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER", raising=False)
    (tmp_path / "tiny.yaml").write_text(TINY, encoding="utf-8")
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["sampler", *words])


def searched(*words: str, folder: str = "results") -> dict[str, Any]:
    """The result of a search with these words."""
    known = set(Path(folder).glob("*.json"))
    done = run("search", "--config", "tiny.yaml", *words)
    assert done.exit_code == 0, done.output
    (file,) = set(Path(folder).glob("*.json")) - known
    whole: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return whole


@contextlib.contextmanager
def judging() -> Iterator[list[str]]:
    """A judge under the name a/judge; yields what it is asked."""
    seen: list[str] = []

    class Judge:
        async def complete(self, request: Request) -> Response:
            seen.append(" ".join(m.content for m in request.messages))
            schema = request.response_format or {}
            schema = schema.get("schema", schema)
            schema = schema.get("json_schema", {}).get("schema", schema)
            marks = {
                name: {"reason": "so", "score": part["properties"]["score"]["enum"][len(seen) % 3]}
                for name, part in schema["properties"].items()
            }
            return Response(text=json.dumps(marks))

    register_client("a/judge", Judge())
    try:
        yield seen
    finally:
        unregister_client("a/judge")


def test_a_search_ends_with_a_report_and_settings_that_a_benchmark_reads() -> None:
    done = run("search", "-c", "tiny.yaml")
    assert done.exit_code == 0, done.output
    assert "Performance per sampler" in done.output
    (exported,) = Path("results").glob("*.yaml")
    whole = yaml.safe_load(exported.read_text(encoding="utf-8"))
    assert {"best_overall", "best_by_sampler", "search_metadata"} <= whole.keys()
    for entry in whole["best_by_sampler"].values():
        assert {"description", "sampler", "parameters", "performance"} <= entry.keys()
    (report,) = Path("results").glob("*.html")
    assert "<html" in report.read_text(encoding="utf-8")
    bench = run("benchmark", "--samplers", str(exported), "-n", "2", "--max-length", "10")
    assert bench.exit_code == 0, bench.output
    for name in ("best_overall", "min_p", "neutral"):
        assert name in bench.output


@pytest.mark.parametrize(
    ("words", "path", "value"),
    [
        (["--config-section", "quick_test"], ("budget", "settings"), 3),
        (["-s", "quick_test"], ("budget", "settings"), 3),
        (["--strategy", "bayesian"], ("strategy",), "bayesian"),
        (["--iterations", "5"], ("total_configurations",), 5),
        (["-i", "5"], ("total_configurations",), 5),
        (["--samples-per-config", "1"], ("texts",), 8),
        (["-n", "1"], ("texts",), 8),
        (["--samplers", "top_k", "min_p", "-i", "2"], ("samplers",), ["top_k", "min_p"]),
        (["--samplers", "all", "-i", "2"], ("config", "sampler_types"), []),
        (["--custom-prompts", "One day", "In the", "-i", "2"], ("prompts",), ["One day", "In the"]),
        (["-p", "One day", "-p", "In the", "-i", "2"], ("prompts",), ["One day", "In the"]),
        (["--seed", "7"], ("seed",), 7),
        (["--max-length", "6"], ("config", "max_length"), 6),
        (["--model", "local/prose"], ("model",), "local/prose"),
        (["-m", "local/prose"], ("model",), "local/prose"),
    ],
)
def test_a_flag_goes_before_the_file(words: list[str], path: tuple[str, ...], value: object) -> None:
    found: Any = searched(*words)["search_metadata"]
    for name in path:
        found = found[name]
    assert found == value


@pytest.mark.parametrize("flag", ["--output-dir", "-o"])
def test_the_folder_of_results_is_chosen(flag: str) -> None:
    assert searched(flag, "elsewhere", folder="elsewhere")["complete"]


def test_a_seed_of_0_counts(here: Path) -> None:
    (here / "tiny.yaml").write_text(TINY + "\nseed: 5\n", encoding="utf-8")
    seeds = [searched(*words)["search_metadata"]["seed"] for words in ([], ["--seed", "0"])]
    assert seeds == [5, 0]


def test_a_judge_scores_single_texts_and_never_sees_the_setting() -> None:
    with judging() as seen:
        whole = searched("--judge-model", "a/judge", "-i", "2")
    assert whole["search_metadata"]["judge"] == "a/judge"
    assert seen
    assert not any("min_p" in text or "top_p" in text or '"take"' in text for text in seen)
    assert all(0 <= score <= 10 for entry in whole["all_results"] for score in entry["scores"])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["serch"], "there is no command sampler 'serch'; did you mean 'search'?"),
        (["search", "--strategy", "bayesan"], "no strategy 'bayesan'"),
        (["search", "--samplers", "min_q"], "no sampler 'min_q'"),
        (["search", "-c", "gone.yaml"], "gone.yaml"),
        (["search", "-c", "tiny.yaml", "-s", "quick"], "no section 'quick'"),
        (["search", "-i", "1"], "--iterations"),
        (["search", "-n", "0"], "--samples-per-config"),
        (["search", "--seed", "-1"], "--seed"),
        (["search", "-m", "gone.gguf"], "there is no file gone.gguf"),
        (["search", "-m", "nobody"], "no client answers for the model 'nobody'"),
        (["search", "-m", "http://127.0.0.1:9"], "nothing answers at http://127.0.0.1:9"),
        (["search", "--samplers", "xtc"], "xtc cannot be searched on this server"),
        (["search", "--resume", "nothing"], "nothing"),
        (["search", "-o", "tiny.yaml"], "tiny.yaml"),
        (["search", "--itertions", "3"], "--iterations"),
        (["analyze"], "results has no results"),
        (["analyze", "--latest", "tiny.yaml"], "--latest looks for a file by itself"),
        (["analyze", "--compare", "tiny.yaml"], "--compare needs at least two FILES"),
        (["analyze", "tiny.yaml"], "is no JSON"),
        (["benchmark"], "--samplers"),
        (["benchmark", "--samplers", "tiny.yaml"], "has neither best_overall nor best_by_sampler"),
        (["serve", "gone.gguf"], "there is no file gone.gguf"),
        (["search", "--max-length", "0"], "--max-length"),
        (["search", "-j", "nobody/at-all"], "nobody/at-all"),
        (["search", "-p"], "-p"),
        (["search", "--ledger", "tiny.yaml"], "tiny.yaml"),
        (["analyze", "--latest", "-o", "gone"], "gone has no results"),
        (["analyze", "gone.json"], "gone.json"),
        (["benchmark", "--samplers", "tiny.yaml", "-n", "0"], "--samples"),
        (["benchmark", "--samplers", "tiny.yaml", "--seed", "-1"], "--seed"),
        (["benchmark", "--samplers", "tiny.yaml", "--max-length", "0"], "--max-length"),
        (
            ["benchmark", "--samplers", "best.yaml", "-m", "nobody"],
            "no client answers for the model 'nobody'",
        ),
        (["benchmark", "--samplers", "best.yaml", "-j", "nobody/at-all"], "nobody/at-all"),
        (["doctor", "-o", "tiny.yaml"], "tiny.yaml"),
        (["doctor", "--ledger", "tiny.yaml/under"], "tiny.yaml"),
        (["serve", "gone.gguf", "--port", "70000"], "--port"),
        (["serve", "gone.gguf", "--slots", "0"], "--slots"),
        (["serve", "gone.gguf", "--context", "8"], "--context"),
    ],
)
def test_what_is_wrong_is_one_sentence(here: Path, words: list[str], sentence: str) -> None:
    (here / "best.yaml").write_text(BEST, encoding="utf-8")
    done = run(*words)
    assert done.exit_code in (1, 2)
    assert sentence in " ".join(done.output.split())
    assert "Traceback" not in done.output


def test_a_key_of_the_file_that_is_wrong_is_told(here: Path) -> None:
    (here / "tiny.yaml").write_text("n_iteration: 3", encoding="utf-8")
    done = run("search", "-c", "tiny.yaml")
    assert done.exit_code == 1
    assert "did you mean 'n_iterations'" in done.output


def test_analyze_reads_the_newest_pools_several_and_writes() -> None:
    first, second = (searched("--seed", seed)["search_metadata"]["run_id"] for seed in ("1", "2"))
    assert first != second
    files = sorted(map(str, Path("results").glob("*.json")))
    latest = run("analyze", "--latest")
    assert latest.exit_code == 0, latest.output
    pooled = run("analyze", "--compare", *files, "--export", "best.yaml", "--report", "report.md")
    assert pooled.exit_code == 0, pooled.output
    assert "best_overall" in yaml.safe_load(Path("best.yaml").read_text(encoding="utf-8"))
    assert Path("report.md").read_text(encoding="utf-8")
    each = run("analyze", *files)
    assert each.output.count("Performance per sampler") == 2
    assert run("analyze", *files, "--export", "x.yaml").exit_code == 2


def test_analyze_looks_for_the_newest_in_the_folder_that_is_named() -> None:
    searched("-o", "elsewhere", folder="elsewhere")
    assert run("analyze", "--latest").exit_code == 1
    for flag in ("-o", "--output-dir"):
        done = run("analyze", "--latest", flag, "elsewhere")
        assert done.exit_code == 0, done.output
        assert "Performance per sampler" in done.output


@pytest.mark.parametrize("command", ["search", "benchmark"])
def test_texts_are_kept_in_the_ledger_that_is_named(here: Path, command: str) -> None:
    (here / "best.yaml").write_text(BEST, encoding="utf-8")
    words = ["-c", "tiny.yaml"] if command == "search" else ["--samplers", "best.yaml", "--max-length", "6"]
    asked = []
    for place in ("one", "one", "two"):
        with counted() as client:
            done = run(command, *words, "-m", "counted/prose", "--ledger", place)
            assert done.exit_code == 0, done.output
            asked.append(len(client.requests))
    assert asked[0] == asked[2] > asked[1] == 0


def test_a_benchmark_writes_what_it_is_told(here: Path) -> None:
    (here / "best.yaml").write_text(BEST, encoding="utf-8")
    words = ["benchmark", "--samplers", "best.yaml", "--model", "counted/prose", "--max-length", "7"]
    seeds = []
    for seed in ("0", "3"):
        with counted() as client:
            more = ["--samples", "2", "--custom-prompts", "One day", "In the end", "--seed", seed]
            done = run(*words, *more, "--ledger", seed)
        assert done.exit_code == 0, done.output
        assert {r.messages[-1].content for r in client.requests} == {"One day", "In the end"}
        assert {r.sampling.max_tokens for r in client.requests} == {7}
        # The setting and the neutral one, two texts each on two prompts.
        assert len(client.requests) == 8
        seeds.append({r.seed for r in client.requests})
    assert not seeds[0] & seeds[1]


def test_a_benchmark_has_the_judge_of_a_search() -> None:
    Path("best.yaml").write_text(BEST, encoding="utf-8")
    for flag in ("-j", "--judge-model"):
        with judging() as seen:
            words = [
                "--samplers",
                "best.yaml",
                "-n",
                "1",
                "-p",
                "One day",
                "--max-length",
                "6",
                "--ledger",
                flag,
            ]
            done = run("benchmark", *words, flag, "a/judge")
        assert done.exit_code == 0, done.output
        assert seen


def test_the_doctor_looks_where_it_is_told() -> None:
    for flag in ("-o", "--output-dir"):
        done = run("doctor", "--model", "local/prose", flag, "elsewhere", "--ledger", "kept/here")
        assert done.exit_code == 0, done.output
        assert "elsewhere: " in done.output
        assert "kept" in done.output
    with judging() as seen:
        done = run("doctor", "--judge-model", "a/judge")
    assert done.exit_code == 0, done.output
    assert "of 10" in done.output
    assert seen


@pytest.mark.slow
def test_a_served_file_answers_until_the_server_is_stopped(here: Path) -> None:
    pytest.importorskip("xllamacpp")
    weights = write_local_model("local/prose", here / "prose.gguf")
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "hyperfunc", "sampler", "serve", str(weights),
            "--port", str(port), "--slots", "3", "--context", "512",
        ],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert f"http://127.0.0.1:{port}" in process.stdout.readline()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/slots", timeout=10) as answer:
        slots = json.load(answer)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1]) == (0, "stopped")
    assert [slot["n_ctx"] for slot in slots] == [512, 512, 512]


def test_every_flag_is_tried_here() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    group = cli.get_command(Context(cli), "sampler")
    assert isinstance(group, Group)
    for name in group.list_commands(Context(group)):
        command = group.get_command(Context(group), name)
        assert command is not None
        for option in command.params:
            flags = option.opts if isinstance(option, Option) else []
            assert not flags or any(f'"{flag}"' in tried for flag in flags), (name, flags)


def test_the_doctor_says_what_is_there_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    fine = run("doctor")
    assert fine.exit_code == 0, fine.output
    for name in ("server", "model", "samplers", "judge", "results", "ledger"):
        assert f"ok       {name}" in fine.output
    assert "not xtc" in fine.output
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    ill = run("doctor", "-m", "http://127.0.0.1:9", "-j", "openai/some-judge")
    assert ill.exit_code == 1
    assert "missing  server" in ill.output
    assert "OPENAI_API_KEY" in ill.output


def test_a_name_of_the_registry_needs_its_weights(here: Path) -> None:
    (here / "models.yaml").write_text(
        "models: {mine: {provider: llamacpp, url: 'http://127.0.0.1:9', gguf: weights/gone.gguf}}",
        encoding="utf-8",
    )
    done = run("search", "-m", "mine")
    assert done.exit_code == 1
    assert "needs its weights weights/gone.gguf, which are not there" in done.output


def test_resume_goes_on_with_a_search_that_is_done_without_a_text() -> None:
    with counted() as client:
        done = run("search", "-c", "tiny.yaml", "-m", "counted/prose")
        assert done.exit_code == 0, done.output
        before = len(client.requests)
        other = CliRunner().invoke(cli, ["resume", "last"])
        assert "go on with hyperfunc sampler search --resume" in other.output
        again = run("search", "--resume", "last", "-i", "9", "--seed", "3")
        assert again.exit_code == 0, again.output
        assert "not used: --iterations, --seed; a search goes on as it was begun" in again.output
        assert len(client.requests) == before
    assert len(list(Path("results").glob("*.json"))) == 1


@pytest.mark.slow
def test_ctrl_c_keeps_everything_and_says_how_to_go_on(here: Path) -> None:
    words = [sys.executable, "-m", "hyperfunc", "sampler", "search"]
    process = subprocess.Popen(
        [*words, "-c", "tiny.yaml", "-i", "400", "-n", "8", "--max-length", "40"],
        stderr=subprocess.PIPE, text=True, cwd=here, env={**os.environ},
    )  # fmt: skip
    late = time.monotonic() + 60
    while time.monotonic() < late and not any(
        json.loads(file.read_text(encoding="utf-8")).get("all_results")
        for file in Path("results").glob("hyper_search_*.json")
    ):
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "resume with: hyperfunc sampler search --resume " in said
    (file,) = Path("results").glob("hyper_search_*.json")
    assert json.loads(file.read_text(encoding="utf-8"))["complete"] is False


@pytest.mark.slow
def test_the_quick_test_takes_less_than_90_seconds() -> None:
    began = time.monotonic()
    done = run("search", "--config-section", "quick_test")
    assert done.exit_code == 0, done.output
    assert time.monotonic() - began < 90
    assert config_file.SHIPPED.is_file()
    (exported,) = Path("results").glob("*.yaml")
    assert run("benchmark", "--samplers", str(exported)).exit_code == 0
