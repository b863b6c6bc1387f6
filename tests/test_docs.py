"""What the documents say is so: code runs, files exist, commands are commands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hyperfunc.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [*sorted(path for path in ROOT.glob("*.md") if path.name != "CHANGELOG.md"), *PAGES]


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of a document in one language."""
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [content for name, content in fences if name == language]


@pytest.mark.slow
def test_the_code_of_the_tour_runs_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYPERFUNC_LEDGER")
    code = blocks("python")
    assert len(code) >= 4
    names: dict[str, Any] = {"__name__": "tour"}
    for number, block in enumerate(code):
        exec(compile(block, f"README block {number}", "exec"), names)  # our own document
    assert "run 20" in capsys.readouterr().out
    assert names["result"].score_best > names["result"].score_start + 0.2
    assert names["found"].best["channel"] == "mail"
    assert abs(names["found"].best["discount"] - 0.35) < 0.05
    assert (tmp_path / "support.json").is_file()
    assert (tmp_path / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_the_code_of_a_page_runs_in_order(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": page.stem}
    for number, block in enumerate(blocks("python", page.read_text(encoding="utf-8"))):
        exec(compile(block, f"{page.name} block {number}", "exec"), names)  # our own document


def test_the_tree_shows_what_exists() -> None:
    tree = next(block for block in blocks("") if "src/hyperfunc/" in block)
    folders = [ROOT]
    for line in tree.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        path = folders[depth] / name
        assert path.exists(), f"the tree of the README names {path.relative_to(ROOT)}, which does not exist"
        folders[depth + 1 :] = [path]


def test_the_tree_leaves_no_package_out() -> None:
    packages = {path.parent.name for path in (ROOT / "src" / "hyperfunc").glob("*/__init__.py")}
    assert {name for name in packages if f"{name}/" not in README} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents_name_only_commands_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL))
    assert set(re.findall(r"\bmake ([a-z-]+)", code)) <= set(targets)
    assert set(re.findall(r"(?:^|`)hyperfunc ([a-z-]+)\b", code, flags=re.MULTILINE)) <= set(COMMANDS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_changelog_fragments_have_a_kind() -> None:
    for fragment in (ROOT / "changelog.d").iterdir():
        assert re.fullmatch(r"[\w+-]+\.(added|changed|fixed|removed)\.md", fragment.name), fragment.name
        assert fragment.read_text(encoding="utf-8").strip()


def test_constraints_are_exact_and_name_no_registry() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    assert "torch==2.13.0" in pins
