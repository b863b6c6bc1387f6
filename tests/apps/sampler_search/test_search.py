"""The search from end to end on the embedded model: what it finds, keeps, resumes and refuses."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from tests.apps.sampler_search.counting import HELD_OUT, PROMPTS, counted, small
from tests.llm.probe.markov import Chain, served

from hyperfunc.apps.sampler_search.reporting import analysis, export_yaml, read_results
from hyperfunc.apps.sampler_search.search import Found, search
from hyperfunc.apps.sampler_search.servers import opened
from hyperfunc.errors import LedgerError, ModelError
from hyperfunc.ledger import Ledger
from hyperfunc.llm.serving.running import background
from hyperfunc.llm.serving.service import Service
from hyperfunc.runs.callbacks import Callback
from hyperfunc.runs.result import StepRecord


class StopsAt(Callback):
    def __init__(self, step: int) -> None:
        self.step = step
        self.run_id = ""

    def on_start(self, run: object) -> None:
        self.run_id = run.run_id  # type: ignore[attr-defined]

    def on_step(self, record: StepRecord) -> None:
        if record.step == self.step:
            raise KeyboardInterrupt


def without_luck(whole: dict[str, object]) -> str:
    """A result without what differs from run to run."""
    kept = json.loads(json.dumps(whole))
    for name in ("timestamp", "run_id", "cost", "warnings", "ended", "config"):
        kept["search_metadata"].pop(name, None)
    for entry in kept["all_results"]:
        entry.pop("evaluation_time")
    return json.dumps(kept, sort_keys=True)


def test_the_file_says_everything_and_the_report_reads_it(tmp_path: Path) -> None:
    found = search(small(tmp_path), ledger=tmp_path / "ledger")
    whole = json.loads(found.file.read_text(encoding="utf-8"))
    assert whole == found.whole
    assert whole["complete"] is True
    meta, best = whole["search_metadata"], whole["best_configuration"]
    assert (meta["strategy"], meta["seed"], meta["model"]) == ("random", 0, "local/prose")
    assert meta["total_configurations"] == len(whole["all_results"]) == 6
    assert meta["server"]["order_of_samplers"][-1] == "temperature"
    assert meta["texts"] == 6 * 2 * len(PROMPTS)
    assert meta["prompts"] == list(PROMPTS)
    assert meta["retest_prompts"] == list(HELD_OUT)
    assert best["retest"]["mean_score"] != best["mean_score"]
    assert {"runner_up", "difference", "difference_interval", "p_holm"} <= best["retest"].keys()
    assert sum(entry["p_best"] for entry in whole["all_results"]) == pytest.approx(1)
    for entry in whole["all_results"]:
        assert len(entry["scores"]) == len(entry["prompts"]) == len(entry["seeds"]) == 2 * len(PROMPTS)
        assert sum(entry["scores"]) / len(entry["scores"]) == pytest.approx(entry["mean_score"])
        assert entry["effective_parameters"]["top_k"] == 0
        assert entry["effective_parameters"] | entry["parameters"] == entry["effective_parameters"]
    report = analysis(read_results(found.file))
    assert len(report.findings) == 6
    assert "best_overall" in export_yaml(report)


def test_all_settings_get_the_same_prompts_and_the_same_luck(tmp_path: Path) -> None:
    with counted() as client:
        search(small(tmp_path, model="counted/prose"), ledger=tmp_path / "ledger")
    by_setting: dict[object, set[tuple[str, int | None]]] = {}
    for request in client.requests:
        by_setting.setdefault(request.sampling, set()).add((request.messages[-1].content, request.seed))
    searched = [asked for asked in by_setting.values() if {text for text, _ in asked} >= set(PROMPTS)]
    assert len(searched) == 6
    on_search = [frozenset(a for a in asked if a[0] in PROMPTS) for asked in searched]
    assert len(set(on_search)) == 1
    fresh = {seed for asked in by_setting.values() for text, seed in asked if text in HELD_OUT}
    assert not fresh & {seed for _, seed in on_search[0]}


def test_every_parameter_is_sent_the_neutral_ones_too(tmp_path: Path) -> None:
    with counted() as client:
        search(small(tmp_path, model="counted/prose", n_iterations=2), ledger=tmp_path / "ledger")
    for request in client.requests:
        given = request.sampling.given()
        assert {"temperature", "top_p", "top_k", "min_p", "typical_p", "top_n_sigma"} <= given.keys()
        assert {"repetition_penalty", "xtc_probability", "dry_multiplier", "max_tokens"} <= given.keys()


@pytest.mark.parametrize("strategy", ["random", "bayesian", "grid"])
def test_an_interrupted_search_goes_on_to_the_same_result_and_repeats_no_text(
    tmp_path: Path, strategy: str
) -> None:
    config = small(tmp_path, model="counted/prose", search_strategy=strategy)
    with counted() as client:
        straight = search(config, ledger=tmp_path / "one")
        texts = client.distinct
        assert len(client.requests) == texts
    stopper = StopsAt(0)
    with counted() as client:
        with pytest.raises(KeyboardInterrupt):
            search(config, ledger=tmp_path / "two", callbacks=(stopper,))
        partial = sorted((tmp_path / "results").glob("*.json"))[-1]
        kept = json.loads(partial.read_text(encoding="utf-8"))
        assert kept["complete"] is False
        assert 0 < len(kept["all_results"]) < 6
        before = len(client.requests)
        assert before < texts
        again = search(small(tmp_path), ledger=tmp_path / "two", run_id=stopper.run_id)
        assert len(client.requests) == client.distinct == texts
    assert again.file.name == partial.name
    assert without_luck(again.whole) == without_luck(straight.whole)


def test_a_second_search_like_the_first_asks_for_nothing(tmp_path: Path) -> None:
    with counted() as client:
        search(small(tmp_path, model="counted/prose"), ledger=tmp_path / "ledger")
        before = len(client.requests)
        search(small(tmp_path, model="counted/prose"), ledger=tmp_path / "ledger")
        assert len(client.requests) == before


def test_two_searches_at_once_have_files_of_their_own(tmp_path: Path) -> None:
    done: list[Found] = []

    def work(seed: int) -> None:
        done.append(search(small(tmp_path, seed=seed), ledger=tmp_path / "ledger"))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({found.file for found in done}) == 2
    assert all(json.loads(found.file.read_text(encoding="utf-8"))["complete"] for found in done)
    assert {found.whole["search_metadata"]["seed"] for found in done} == {1, 2}


def test_the_koboldcpp_routes_of_the_served_model_carry_the_same_search(tmp_path: Path) -> None:
    embedded = search(small(tmp_path, n_iterations=3), ledger=tmp_path / "one")
    with background(Service(["local/prose"])) as url:
        served_ = search(small(tmp_path, n_iterations=3, model=url), ledger=tmp_path / "two")
    assert served_.whole["search_metadata"]["server"]["known_by"] == "probe"
    assert served_.whole["search_metadata"]["server"]["probe"]["provider"] == "koboldcpp"
    scores = [
        {json.dumps(entry["parameters"]): entry["mean_score"] for entry in found.whole["all_results"]}
        for found in (embedded, served_)
    ]
    assert scores[0].keys() == scores[1].keys()


def test_a_parameter_that_the_server_ignores_stops_it_before_the_first_text(tmp_path: Path) -> None:
    chain = Chain(drops="top_n_sigma")
    with served(chain) as url:
        config = small(tmp_path, model=f"koboldcpp/{url}?template=none", sampler_types=("top_n_sigma",))
        with pytest.raises(ModelError, match=r"top_n_sigma cannot be searched.*server ignores nsigma"):
            search(config, ledger=tmp_path / "ledger")
        asked = chain.calls
        with pytest.raises(ModelError, match="ignores nsigma"):
            search(config, ledger=tmp_path / "ledger")
        assert chain.calls == asked, "what a probe found is kept"
    assert not list((tmp_path / "results").glob("*"))
    with Ledger.open(tmp_path / "ledger") as ledger:
        assert not ledger.list_runs()


def test_a_family_that_the_embedded_model_lacks_is_refused_when_chosen_and_left_out_when_not(
    tmp_path: Path,
) -> None:
    with pytest.raises(ModelError, match=r"xtc cannot be searched.*no such sampler.*it honors min_p"):
        search(small(tmp_path, sampler_types=("xtc",)), ledger=tmp_path / "ledger")
    said: list[str] = []
    found = search(
        small(tmp_path, sampler_types=(), n_iterations=2), ledger=tmp_path / "ledger", say=said.append
    )
    assert any("xtc is left out" in line for line in said)
    assert set(found.whole["search_metadata"]["samplers"]).isdisjoint({"xtc", "dry"})


def test_another_run_is_not_taken_for_a_search(tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        search(small(tmp_path), ledger=tmp_path / "ledger", run_id="20260101-000000-abcd")


def test_a_key_of_a_public_service_never_goes_to_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-public-service-key")
    with background(Service(["local/prose"])) as url, opened(f"openai/{url}/v1#local/prose") as server:
        assert server.key is None
        assert server.url == f"{url}/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    with opened("openai/some-model") as server:
        assert server.url == "http://127.0.0.1:9/v1"


def test_an_openai_style_server_is_searched_by_what_it_has(tmp_path: Path) -> None:
    with background(Service(["local/prose"])) as url:
        config = small(tmp_path, model=f"openai/{url}/v1#local/prose", sampler_types=("top_p", "min_p"))
        with pytest.raises(ModelError, match="min_p cannot be searched"):
            search(config, ledger=tmp_path / "ledger")
        found = search(
            small(tmp_path, model=f"openai/{url}/v1#local/prose", sampler_types=("top_p",), n_iterations=2),
            ledger=tmp_path / "ledger",
        )
    assert found.whole["search_metadata"]["server"]["probe"]["provider"] == "openai-chat"
