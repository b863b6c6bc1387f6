"""Values survive their file exactly; a file that does not fit says what is wrong and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc import (
    Choice,
    ExactMatch,
    Example,
    Exemplars,
    HyperSystem,
    Integer,
    Matrix,
    Real,
    Text,
)
from hyperfunc.analysis.artifact import FORMAT
from hyperfunc.errors import OutOfBounds, SpaceError, UnknownKnob
from hyperfunc.spaces import Exemplar


class Everything(HyperSystem):
    prompt = Text("Answer.", max_chars=40)
    threshold = Real(0, 1, default=0.5)
    count = Integer(1, 9, default=3)
    channel = Choice(("mail", "phone", 7))
    shots = Exemplars(pool=(Exemplar("a", {"b": [1]}),), max_items=2)
    weight = Matrix((2, 3))

    def run(self, x: str) -> str:
        return x if self.threshold < 0.9 else "high"


OTHER = {
    "prompt": "Say « œ » \u2028 🙂", "threshold": 0.25, "count": 9, "channel": 7,
    "shots": (Exemplar("a", {"b": [1]}), Exemplar({"q": None}, "x")),
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
}  # fmt: skip


def filled() -> Everything:
    system = Everything()
    system.candidate = OTHER
    return system


def changed(tmp_path: Path, **parts: Any) -> Path:
    """A file in which some of the values, or of the kinds, are others; ``...`` takes one out."""
    path = tmp_path / "changed.json"
    filled().save(path)
    row = json.loads(path.read_text(encoding="utf-8"))
    for part, changes in parts.items():
        row[part] = {name: v for name, v in {**row[part], **changes}.items() if v is not ...}
    path.write_text(json.dumps(row), encoding="utf-8")
    return path


def test_every_kind_of_knob_comes_back_exactly(tmp_path: Path) -> None:
    system, fresh = filled(), Everything()
    assert system.save(tmp_path / "values.json") == tmp_path / "values.json"
    fresh.load(tmp_path / "values.json")
    assert fresh.candidate.id == system.candidate.id
    row = json.loads((tmp_path / "values.json").read_text(encoding="utf-8"))
    assert row["hyperfunc"] == FORMAT
    assert row["kinds"] == {name: knob.kind for name, knob in system.space.items()}
    assert row["requests"] == {}


@settings(max_examples=25)
@given(text=st.text(alphabet=st.characters(codec="utf-8"), max_size=40), number=st.floats(0, 1, width=32))
def test_any_text_and_number_comes_back(tmp_path_factory: Any, text: str, number: float) -> None:
    path = tmp_path_factory.mktemp("kept") / "values.json"
    system, fresh = Everything(), Everything()
    system.candidate = {"prompt": text, "threshold": number}
    system.save(path)
    fresh.load(path)
    assert fresh.candidate == system.candidate


def test_a_folder_keeps_every_one_and_the_latest_as_a_file_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "saved"
    system = filled()
    first = system.save(folder)
    kept = first.read_bytes()
    system.threshold = 0.75
    later = {system.save(folder) for _ in range(3)}
    assert len({first, *later}) == 4
    assert first.read_bytes() == kept
    latest = folder / "Everything-latest.json"
    assert not latest.is_symlink()
    assert latest.read_bytes() != kept
    assert {p.name for p in folder.iterdir()} == {latest.name, first.name, *(p.name for p in later)}
    assert all(p.stem.startswith("Everything-2") for p in later)
    fresh = Everything()
    fresh.load(folder)
    assert fresh.threshold == 0.75
    latest.write_text("{}", encoding="utf-8")
    assert all(json.loads(p.read_text(encoding="utf-8"))["values"] for p in later)  # no second name of one


def test_names_of_a_folder_are_told_apart(tmp_path: Path) -> None:
    system = filled()
    system.save(tmp_path, name="support/mail")
    assert (tmp_path / "support_mail-latest.json").is_file()
    Everything().load(tmp_path, name="support/mail")
    with pytest.raises(SpaceError, match=r"no suport-latest\.json.*did you mean 'support_mail'"):
        Everything().load(tmp_path, name="suport")
    with pytest.raises(SpaceError, match=r"no Everything-latest\.json; save there first"):
        Everything().load(tmp_path / "nothing")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "values.json"
    filled().save(path)
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        Everything().save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_where_files_have_one_name_each_none_is_replaced_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*names: Any) -> None:
        raise PermissionError("not on this file system")

    monkeypatch.setattr("os.link", link)
    monkeypatch.setattr("time.strftime", lambda *given: "20260101-000000")
    system = filled()
    one, two = system.save(tmp_path / "saved"), system.save(tmp_path / "saved")
    assert (one.name, two.name) == ("Everything-20260101-000000.json", "Everything-20260101-000000-2.json")
    assert one.read_bytes() == two.read_bytes()


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "missing": ({"values": {"threshold": ...}}, SpaceError, "lacks 'threshold' of this system.*partial=True"),
    "unknown": (
        {"values": {"threshold": ..., "treshold": 0.5}}, UnknownKnob,
        "has the knob 'treshold', which this system does not have; did you mean 'threshold'",
    ),
    "another kind": ({"kinds": {"count": "real"}}, SpaceError, "'count' as real, and here it is integer"),
    "out of bounds": ({"values": {"count": 10}}, OutOfBounds, "changed.json: knob 'count'"),
    "too long": ({"values": {"prompt": "x" * 41}}, OutOfBounds, "shorten the text to 40"),
    "no option": ({"values": {"channel": "fax"}}, OutOfBounds, "changed.json: knob 'channel'"),
    "a text for a number": ({"values": {"threshold": "half"}}, SpaceError, "changed.json: .*threshold"),
    "a number for exemplars": ({"values": {"shots": 3}}, SpaceError, "changed.json: .*shots"),
    "a text for a matrix": ({"values": {"weight": "big"}}, SpaceError, "changed.json: .*weight"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_named_and_nothing_is_taken(case: str, tmp_path: Path) -> None:
    parts, kind, words = WRONG[case]
    system = Everything()
    before = system.candidate
    with pytest.raises(kind, match=words) as caught:
        system.load(changed(tmp_path, **parts))
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    assert system.candidate is before


def test_a_part_is_taken_when_it_is_asked_for(tmp_path: Path) -> None:
    system = Everything()
    system.count = 5
    path = changed(tmp_path, values={"count": ..., "gone": 1})
    system.load(path, partial=True)
    assert (system.count, system.threshold) == (5, 0.25)
    for part in ({"kinds": {"count": "real"}}, {"values": {"count": 10}}):
        with pytest.raises(SpaceError):
            system.load(changed(tmp_path, **part), partial=True)


def test_a_newer_layout_is_refused_and_bare_values_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    filled().save(path)
    row = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**row, "hyperfunc": FORMAT + 1}), encoding="utf-8")
    with pytest.raises(SpaceError, match="update hyperfunc"):
        Everything().load(path)
    path.write_text(json.dumps({"values": row["values"]}), encoding="utf-8")
    fresh = Everything()
    fresh.load(path)
    assert fresh.candidate == filled().candidate


def test_a_run_is_exported_with_kinds_into_a_folder_too(tmp_path: Path) -> None:
    system = Everything()
    result = system.optimize(
        [Example({"x": "a"}, "a"), Example({"x": "b"}, "b")], ExactMatch(), seed=1,
        budget="60 evaluations", ledger=tmp_path / "ledger",
    )  # fmt: skip
    file = result.export(tmp_path / "exported")
    assert file.parent == tmp_path / "exported"
    row = json.loads(file.read_text(encoding="utf-8"))
    assert row["kinds"]["weight"] == "matrix"
    assert row["run"] == result.run_id
    fresh = Everything()
    fresh.load(tmp_path / "exported")
    assert fresh.candidate.id == result.best.id


def test_a_group_with_texts_is_checked_by_its_full_name(tmp_path: Path) -> None:
    from dataclasses import dataclass

    from hyperfunc import hyperfunction

    @dataclass(frozen=True)
    class Words:
        style: Annotated[str, Text("plain")] = "plain"

    @hyperfunction(name="tell", hp_type=Words)
    def tell(x: str, *, hp: Words) -> str:
        return hp.style + x

    system = HyperSystem([tell])
    path = system.save(tmp_path / "v.json")
    path.write_text(path.read_text(encoding="utf-8").replace("tell.hp.style", "told.hp.style"), "utf-8")
    with pytest.raises(UnknownKnob, match=r"did you mean 'tell\.hp\.style'"):
        system.load(path)
