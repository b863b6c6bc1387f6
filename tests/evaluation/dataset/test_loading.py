"""Files of examples: every form gives the same examples, and every error names its line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from hyperfunc import Dataset, Example, load_examples
from hyperfunc.errors import DatasetError
from hyperfunc.evaluation import Columns

ROWS = [
    {
        "text": "my parcel, lost",
        "label": "shipping",
        "customer": "c1",
        "topic": "hard, new",
        "n": "3",
        "w": "2",
    },
    {"text": 'a "quote"\nin two lines', "label": "billing", "customer": "", "topic": "", "n": "4", "w": ""},
]
COLUMNS = Columns(expected="label", group="customer", tags="topic", weight="w", convert={"n": int})
EXPECTED = (
    Example({"text": "my parcel, lost", "n": 3}, "shipping", group="c1", tags=["hard", "new"], weight=2),
    Example({"text": 'a "quote"\nin two lines', "n": 4}, "billing"),
)


def write_rows(folder: Path, suffix: str) -> Path:
    import csv

    path = folder / f"data{suffix}"
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".jsonl":
            file.writelines(json.dumps(row) + "\n" for row in ROWS)
        else:
            writer = csv.DictWriter(file, list(ROWS[0]), delimiter="\t" if suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(ROWS)
    return path


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".tsv", ".CSV"])
def test_every_form_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    path = write_rows(tmp_path, suffix)
    assert load_examples(path, COLUMNS) == EXPECTED
    assert tuple(Dataset.load(path, COLUMNS)) == EXPECTED


def test_columns_that_nobody_named_are_arguments(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\ufeffid,tags,weight,group,expected\n007,a,b,c,\n", encoding="utf-8")
    assert load_examples(path) == (Example({"id": "007", "tags": "a", "weight": "b", "group": "c"}, ""),)
    only = load_examples(path, Columns(inputs=("tags",), id="id"))
    assert only == (Example({"tags": "a"}, "", id="007"),)


def test_nested_lines_carry_everything(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    line = {"fn_name": "f", "inputs": {"a": "\u2028"}, "expected": 1, "id": 4, "tags": ["t"], "weight": 2}
    path.write_text(json.dumps(line, ensure_ascii=False) + "\r\n\n", encoding="utf-8")
    assert load_examples(path) == (Example("f", {"a": "\u2028"}, 1, id="4", tags=["t"], weight=2),)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", '{"a": 1}\n{"inputs": 3}\n', "line 2 of .*a.jsonl: an example is"),
        ("a.jsonl", '{"a": 1}\n\n{"inputs": {}, "weight": 0}\n', "line 3 of .*: the weight"),
        ("a.jsonl", '{"inputs": {}, "expceted": 0}', "line 1 of .*: 'expceted' .* did you mean 'expected'"),
        ("a.jsonl", '{"a": 1}\n{"a": {"b": 1, "b": 2}}', "line 2 of .*: the name 'b' stands twice"),
        ("a.jsonl", "[" * 100_000, "line 1 of .* nested too deeply"),
        ("a.jsonl", "9" * 5000, "line 1 of .* is not JSON"),
        ("a.jsonl", "\n\n", "a.jsonl is empty"),
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "x,y\n", "a.csv is empty"),
        ("a.csv", "x,y\n1,2\n\n1,2,3\n", "line 4 of .* has 3 cells, and the header 2"),
        ("a.csv", 'x,y\n"1\n2",2\n1\n', "line 4 of .* has 1 cells"),
        ("a.csv", 'x,y\n"1\n2",2,3\n', "line 2 of .* has 3 cells"),
        ("a.csv", 'x,y\n1,2\n"1,2\n3,4\n', "line 3 of .* no row of cells"),
        ("a.csv", "x,x\n1,2\n", "line 1 of .* names the column 'x' twice"),
        ("a.csv", "x,\n1,2\n", "line 1 of .*: column 2 of the header has no name"),
        ("a.csv", "x,y\n" + "z" * 200_000 + ",1\n", "line 2 of .* field larger"),
    ],
)
def test_errors_name_the_file_and_the_line(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=says) as caught:
        load_examples(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (Columns(expected="lable"), "line 2 .* no column 'lable'; did you mean 'label'"),
        (Columns(group="nobody"), "line 2 .* no column 'nobody'"),
        (Columns(weight="text"), "line 2 .* weight .* 'my parcel, lost'"),
        (Columns(convert={"text": int}), "line 2 .* column 'text' cannot be converted: ValueError"),
    ],
)
def test_columns_that_do_not_fit_are_named(tmp_path: Path, columns: Columns, says: str) -> None:
    with pytest.raises(DatasetError, match=says):
        load_examples(write_rows(tmp_path, ".csv"), columns)


def test_bytes_that_are_no_text_name_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": "\xff"}\n')
    with pytest.raises(DatasetError, match="line 2 is not UTF-8"):
        load_examples(path)
    with pytest.raises(DatasetError, match="cannot read the dataset"):
        load_examples(tmp_path)


KEYS = st.sampled_from(["inputs", "expected", "id", "tags", "weight", "group", "fn_name", "x", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
LINES = st.one_of(
    st.binary(max_size=30),
    st.text(max_size=30).map(lambda s: s.encode("utf-8", "surrogatepass")),
    st.text('{}[]":,\\"x1\n\r\t\0', max_size=30).map(str.encode),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(KEYS, JSON, max_size=5).map(lambda value: json.dumps(value).encode()),
)
NAMED = Columns(id="id", group="group", tags="tags", weight="weight")


@pytest.mark.slow
@given(
    st.lists(LINES, min_size=20, max_size=40), st.sampled_from(["a.jsonl", "a.csv", "a.tsv"]), st.booleans()
)
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_lines_of_any_kind_give_examples_or_an_error_that_names_the_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], name: str, named: bool
) -> None:
    """500 files of 20 lines or more, each file once whole and once line by line: over 10,000 lines."""
    path = tmp_path_factory.getbasetemp() / name
    for content in (b"\n".join(lines), *(b"x,id,weight\n" + line if "json" not in name else line
                                         for line in lines)):  # fmt: skip
        path.write_bytes(content)
        try:
            data = Dataset(load_examples(path, NAMED if named else None))
        except DatasetError as exc:
            said = str(exc)
            assert "\n" not in said
            assert "line " in said or "is empty" in said or "have the id" in said
        else:
            assert data.duplicates() is not None
            assert isinstance(data.version, str | None)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DatasetError, match=r"pip install 'hyperfunc\[parquet\]'"):
        load_examples(tmp_path / "a.parquet")


def test_parquet_rows_are_read_like_lines(tmp_path: Path) -> None:
    parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in ROWS]), tmp_path / "a.parquet")
    assert load_examples(tmp_path / "a.parquet", COLUMNS) == EXPECTED
    (tmp_path / "broken.pq").write_bytes(b"no parquet")
    with pytest.raises(DatasetError, match=r"broken.pq: .*[^\n]$"):
        load_examples(tmp_path / "broken.pq")
    (tmp_path / "a.parquet").rename(tmp_path / "a.pq")
    with pytest.raises(DatasetError, match=r"row 1 of .*: the weight"):
        load_examples(tmp_path / "a.pq", Columns(weight="text"))
