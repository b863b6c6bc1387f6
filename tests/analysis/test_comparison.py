"""Comparisons are paired, by content, over what all have; and say what they cannot say."""

from __future__ import annotations

import contextlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.analysis.records import experiment, of_scores

from hyperfunc import Ledger, compare
from hyperfunc.analysis.artifact import experiment_artifact, written
from hyperfunc.analysis.certificate import Certificate, Figures, Pair
from hyperfunc.analysis.experiment import ExampleScore, Experiment
from hyperfunc.errors import EvidenceError, HyperfuncError, LedgerError
from hyperfunc.evaluation.statistics import Interval

HOSTILE = "a|b `c` <script>alert(1)</script> [x](http://evil.example) \x1b[31m @all"

Sides = tuple[list[float], list[float], list[str]]


@st.composite
def sides(draw: st.DrawFn) -> Sides:
    """Scores of two candidates on the same examples, in groups."""
    size = draw(st.integers(2, 40))
    scores = st.lists(st.sampled_from((0.0, 0.25, 0.5, 1.0)), min_size=size, max_size=size)
    groups = st.lists(st.sampled_from("abcdefghijkl"), min_size=size, max_size=size)
    return draw(scores), draw(scores), draw(groups)


@settings(max_examples=40)
@given(sides())
def test_a_record_against_itself_differs_by_exactly_nothing(given_sides: Sides) -> None:
    scores, _, groups = given_sides
    one = of_scores(scores, groups)
    found = compare(one, one)
    assert (found.gain.low, found.gain.estimate, found.gain.high) == (0.0, 0.0, 0.0)
    assert (found.differences[0].p, found.differences[0].verdict) == (1.0, "same")
    assert "compared with itself" in found.warnings[0]


@settings(max_examples=40)
@given(sides())
def test_turned_round_the_signs_turn_and_nothing_else(given_sides: Sides) -> None:
    scores, others, groups = given_sides
    one, other = of_scores(scores, groups), of_scores(others, groups, candidate="e" * 16)
    there, back = compare(one, other).differences[0], compare(other, one).differences[0]
    assert there.gain.estimate == pytest.approx(-back.gain.estimate, abs=1e-12)
    assert there.gain.low == pytest.approx(-back.gain.high, abs=1e-9)
    assert there.gain.high == pytest.approx(-back.gain.low, abs=1e-9)
    assert there.p == back.p
    assert (there.better, there.equal, there.worse) == (back.worse, back.equal, back.better)


@settings(max_examples=20)
@given(sides(), st.randoms(use_true_random=False))
def test_the_order_of_the_data_does_not_matter(given_sides: Sides, where: random.Random) -> None:
    scores, others, groups = given_sides
    one, other = of_scores(scores, groups), of_scores(others, groups, candidate="e" * 16)
    mixed = replace(other, cells=tuple(where.sample(other.cells, len(other.cells))))
    assert compare(one, mixed).differences[0].gain == compare(one, other).differences[0].gain


def test_only_what_all_have_counts() -> None:
    keys = [f"{n:032x}" for n in range(60)]
    one = of_scores(dict.fromkeys(keys[:40], 0.5))
    later = {key: float(n < 30) for n, key in enumerate(keys) if n >= 10}
    two = of_scores(later, candidate="e" * 16)
    three = of_scores(dict.fromkeys(keys[20:30], 1.0), candidate="f" * 16)
    found = compare(one, two, three)
    assert found.examples == 10
    assert [d.gain.estimate for d in found.differences] == [0.5, 0.5]
    assert found.score.estimate == 0.5
    assert "only 10 examples are common to all" in found.warnings[0]


def test_what_is_missing_on_one_side_is_left_out_of_all() -> None:
    one = of_scores([0.0] * 30)
    other = of_scores([None] * 10 + [1.0] * 20, candidate="e" * 16)
    found = compare(one, other)
    assert (found.examples, found.gain.estimate) == (20, 1.0)
    assert any("10 examples of" in warning for warning in found.warnings)
    lossy = compare(certificate(True, missing=3), one)
    assert any("3 examples of 20260130" in warning for warning in lossy.warnings)


def test_examples_without_content_are_never_taken_for_each_other() -> None:
    one, other = of_scores({"#0": 0.0, "#1": 1.0}), of_scores({"#0": 1.0, "#1": 1.0}, candidate="e" * 16)
    with pytest.raises(EvidenceError, match="no example is in all of them"):
        compare(one, other)


def test_an_example_that_is_there_twice_counts_twice() -> None:
    cells = [ExampleScore("k0", "g0", 1.0, 1.0), ExampleScore("k0", "g0", 1.0, 1.0)]
    rest = [ExampleScore(f"k{n}", f"g{n}", 1.0, 0.0) for n in range(1, 9)]
    assert compare(experiment(cells + rest), experiment(cells + rest)).score.estimate == pytest.approx(0.2)


def test_the_clearer_of_two_findings_survives_adjustment() -> None:
    base = of_scores([0.0] * 12)
    clear = of_scores([1.0] * 12, candidate="e" * 16)
    vague = of_scores([1.0] * 6 + [0.0] * 6, candidate="f" * 16)
    found = compare(base, vague, clear).differences
    assert [d.p for d in found] == [2 * 0.5**6, 2 * 0.5**12]
    assert [d.p_holm for d in found] == [d.p * factor for d, factor in zip(found, (1, 2), strict=True)]
    assert [d.verdict for d in found] == ["better", "better"]
    assert [d.verdict for d in compare(clear, vague, base).differences] == ["worse", "worse"]


def test_what_any_of_them_keeps_together_counts_as_one_group() -> None:
    scores = [float(n % 3 == 0) for n in range(40)]
    loose = of_scores([0.0] * 40)
    tied = of_scores(scores, [f"g{n // 4}" for n in range(40)], candidate="e" * 16)
    there, back = compare(loose, tied), compare(tied, loose)
    assert there.groups == back.groups == 10
    assert any("grouped differently" in warning for warning in there.warnings)
    crossed = of_scores([0.5] * 40, [f"h{(n + 2) // 4}" for n in range(40)], candidate="f" * 16)
    assert compare(tied, crossed).groups == 1


def test_the_weights_of_the_baseline_count() -> None:
    cells = [ExampleScore(f"{n}", f"g{n}", 3.0 if n < 10 else 1.0, 0.0) for n in range(20)]
    others = [replace(c, weight=1.0, score=float(n < 10)) for n, c in enumerate(cells)]
    found = compare(experiment(cells), experiment(others, candidate="e" * 16))
    assert found.gain.estimate == pytest.approx(0.75)
    assert any("weighted differently" in warning for warning in found.warnings)


@pytest.mark.parametrize(("groups", "warned"), [(9, True), (10, False)])
def test_few_groups_are_said(groups: int, warned: bool) -> None:
    labels = [f"g{n % groups}" for n in range(36)]
    one = of_scores([0.0] * 36, labels)
    other = of_scores([float(n % 2) for n in range(36)], labels, candidate="e" * 16)
    assert any("independent groups" in warning for warning in compare(one, other).warnings) is warned


def test_equal_scores_of_other_values_still_leave_room_for_a_difference() -> None:
    gain = compare(of_scores([1.0] * 20), of_scores([1.0] * 20, candidate="e" * 16)).gain
    assert gain.estimate == 0.0
    assert gain.low < 0.0 < gain.high


def test_different_scorers_are_refused_by_name() -> None:
    one = of_scores([1.0] * 20, name="main")
    other = of_scores([1.0] * 20, name="branch", metric="ContainsMatch", scorer="e" * 32)
    with pytest.raises(EvidenceError) as refused:
        compare(one, other)
    assert "main was scored by ExactMatch (aaaaaaaa) and branch by ContainsMatch (ee" in str(refused.value)


def test_a_metric_over_sets_is_refused_in_a_sentence() -> None:
    one = of_scores([None] * 20, name="main", metric="kappa", scorer=None)
    with pytest.raises(EvidenceError, match="main was scored by kappa, a metric over the whole set"):
        compare(one, one)


def test_one_record_alone_is_refused() -> None:
    with pytest.raises(EvidenceError, match="name another"):
        compare(of_scores([1.0]))


def test_what_is_no_record_is_refused() -> None:
    wrong: Any = 7
    with pytest.raises(EvidenceError, match="nothing to compare with in a int"):
        compare(of_scores([1.0]), wrong)


def test_nothing_in_it_is_markup() -> None:
    one = of_scores([0.0] * 8, name=HOSTILE, metric=HOSTILE)
    other = of_scores([1.0] * 8, name="b" + HOSTILE, candidate="e" * 16, metric=HOSTILE)
    found = compare(one, other)
    page = found.to_markdown()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert "\x1b" not in page + str(found)
    # Each row keeps its nine columns: bars of the name are escaped, and code shows the rest.
    assert [len(row.replace("\\|", "").split("|")) for row in rows] == [11] * 4
    assert "`` a\\|b `c` <script>" in rows[2]
    assert json.loads(json.dumps(found.to_json()))["baseline"]["label"] == HOSTILE


# What is named


def certificate(shipped: bool, **changes: Any) -> Certificate:
    pairs = tuple(Pair(f"{n:032x}", f"g{n}", 1.0, 0.0, 1.0) for n in range(20))
    some = Interval(0.0, 1.0, 0.5, 0.95, "BCa bootstrap")
    values: dict[str, Any] = {
        "run_id": "20260130-120000-0001", "created": 1.0, "shipped": shipped, "metric": "ExactMatch",
        "figures": Figures(some, some, some, 20, 20), "missing": 0, "pairs": pairs, "resamples": (),
        "candidates": 7, "steps": 1, "looks": 0, "budget": "400 calls", "spend": {}, "paid": {}, "seed": 0,
        "program": "b" * 32, "scorer": "a" * 32, "start": "1" * 16, "winner": "2" * 16, "hashes": {},
        "environment": {},
    }  # fmt: skip
    return Certificate(**{**values, **changes})


def put(ledger: Ledger, record: Experiment | Certificate) -> None:
    if isinstance(record, Certificate):
        ledger.create_run(record.run_id, {})
        ledger.add_event(record.run_id, "certificate", record.to_json())
        return
    ledger.put_candidate(record.id, dict(record.values), record.candidate, (), "experiment")
    ledger.add_event(record.id, "experiment scores", {"cells": record.rows()})
    ledger.add_event(record.id, "experiment", record.head())


@pytest.fixture
def ledger() -> Any:
    with Ledger.memory() as opened:
        put(opened, certificate(True))
        put(opened, of_scores([0.5] * 20, id="20260131-080000-0001", name="main", created=2e9))
        put(opened, of_scores([0.25] * 20, id="20260131-090000-0002", name="main", created=3e9))
        yield opened


@pytest.mark.parametrize(
    ("word", "score"),
    [
        ("20260130-120000-0001", 1.0),
        ("20260130", 1.0),
        ("20260131-08", 0.5),
        ("main", 0.25),
        ("last", 0.25),
    ],
)
def test_a_word_means_a_run_or_an_experiment(ledger: Ledger, word: str, score: float) -> None:
    assert compare(word, word, ledger=ledger).score.estimate == score


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("20260131", "may be any of 20260131-080000-0001, 20260131-090000-0002"),
        ("mian", "did you mean 'main'"),
        ("", "there is no run ''"),
        ("nowhere.json", "cannot read nowhere.json"),
        ("x" * 5000, "there is no run 'xxx"),
        ("x" * 5000 + ".json", "cannot read xxx"),
    ],
)
def test_a_word_that_means_nothing_is_a_sentence(ledger: Ledger, word: str, says: str) -> None:
    with pytest.raises(LedgerError, match=says):
        compare(word, "last", ledger=ledger)


def test_of_a_run_the_recommended_values_are_compared() -> None:
    shipped, kept = certificate(True), certificate(False, run_id="20260130-120000-0002")
    found = compare(kept, shipped)
    assert (found.score.estimate, found.gain.estimate) == (0.0, 1.0)
    assert (found.baseline.candidate, found.differences[0].subject.candidate) == ("1" * 16, "2" * 16)


def test_a_run_without_a_certificate_says_so(ledger: Ledger) -> None:
    ledger.create_run("unfinished", {})
    with pytest.raises(LedgerError, match="run unfinished has no certificate"):
        compare("main", "unfinished", ledger=ledger)


def test_files_need_no_ledger(tmp_path: Path) -> None:
    of_scores([0.5] * 20, id="one", name="main").export(tmp_path / "main.json")
    row = {"hyperfunc": 1, "run": "r", "values": {}, "certificate": certificate(True).to_json()}
    (tmp_path / "plain").write_text(written(row), encoding="utf-8")
    found = compare(tmp_path / "main.json", tmp_path / "plain", ledger=tmp_path / "none")
    assert found.gain.estimate == 0.5
    assert (found.baseline.label, found.differences[0].subject.label) == ("main.json", "plain")


def test_a_file_of_any_name_is_found_when_the_ledger_has_none(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("main", "exported"):
        of_scores([1.0] * 20).export(tmp_path / name)
    assert compare("main", "exported", ledger=ledger).gain.estimate == 0.75


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"hyperfunc": 1, "values": {}, "certificate": None}, "no certificate and no scores"),
        ({"hyperfunc": 2, "values": {}, "certificate": None}, "update hyperfunc"),
        ({"hyperfunc": 1, "values": {}, "experiment": {"id": 1}}, "this is no experiment"),
        ({"hyperfunc": 1}, "is no export"),
    ],
)
def test_a_file_without_scores_is_a_sentence(tmp_path: Path, row: dict[str, Any], says: str) -> None:
    (tmp_path / "x.json").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(LedgerError, match=says):
        compare(tmp_path / "x.json", tmp_path / "x.json")


junk = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just(10**400),
    st.lists(st.integers(), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=150)
@given(where=st.randoms(use_true_random=False), value=junk)
def test_whatever_stands_in_a_file_is_a_sentence_or_a_comparison(
    tmp_path_factory: pytest.TempPathFactory, where: random.Random, value: Any
) -> None:
    record = of_scores([0.0, 1.0, 0.5])
    run = {"hyperfunc": 1, "values": {}, "certificate": certificate(True).to_json()}
    row: Any = json.loads(written(run if where.random() < 0.5 else experiment_artifact(record)))
    place, key = row, where.choice(list(row))
    while isinstance(place[key], dict | list) and place[key] and where.random() < 0.8:
        place = place[key]
        key = where.choice(list(place)) if isinstance(place, dict) else where.randrange(len(place))
    place[key] = value
    file = tmp_path_factory.mktemp("junk") / "x.json"
    file.write_text(json.dumps(row), encoding="utf-8")
    with contextlib.suppress(HyperfuncError):
        assert str(compare(file, record))
