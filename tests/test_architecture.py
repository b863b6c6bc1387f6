"""The tables of ARCHITECTURE.md hold: every import of the package is one that they allow."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "hyperfunc"
VERSION = "hyperfunc.__version__"
"""The one name of the root that the rooms below it may know."""

FREE = {"numpy", "__future__", *sys.stdlib_module_names}
"""Imported wherever it is needed; that numpy stays out of ``import hyperfunc`` is tested apart."""


class Import(NamedTuple):
    path: Path
    line: int
    target: str


def table(header: str) -> list[list[str]]:
    """The rows of the Markdown table of ARCHITECTURE.md whose first heading is ``header``."""
    lines = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {header} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


FLOORS = {
    names(room)[0].replace("/", "."): [n.replace("/", ".") for n in names(may)]
    for room, _, may in table("room")
}
LEAVES = {names(dep)[0]: [n.replace("/", ".") for n in names(only)] for dep, only in table("dependency")}
MODULES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    """``spaces.knobs`` for its file; the root package is the empty name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


KNOWN = {module_name(path) for path in MODULES}


def inside(module: str, room: str) -> bool:
    return module == room or module.startswith(room + ".")


def room_of(module: str) -> str | None:
    """The longest row that holds the module."""
    return max((room for room in FLOORS if inside(module, room)), key=len, default=None)


def absolute(node: ast.ImportFrom, path: Path) -> str:
    if not node.level:
        return node.module or ""
    package = ["hyperfunc", *path.relative_to(PACKAGE).parts[:-1]]
    base = package[: len(package) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def imports(path: Path, source: str | None = None) -> Iterator[Import]:
    """Every import of a file, wherever it stands; ``from package import module`` is that module."""
    tree = ast.parse(source if source is not None else path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, path)
            for alias in node.names:
                full = f"{origin}.{alias.name}"
                known = full.removeprefix("hyperfunc.") in KNOWN or full == VERSION
                yield Import(path, node.lineno, full if known else origin)


def complaint(found: Import) -> str | None:
    """Why an import is not allowed, or None."""
    here = module_name(found.path)
    if not here:
        return None  # the root only names what the rooms export; what importing it loads is tested apart
    where = f"{found.path.relative_to(ROOT)}:{found.line}"
    top = found.target.partition(".")[0]
    if top != "hyperfunc":
        if top in FREE or any(inside(here, leaf) for leaf in LEAVES.get(top, [])):
            return None
        return (
            f"{where}: {top} may only be imported in {LEAVES.get(top) or 'a room that ARCHITECTURE.md names'}"
        )
    target = found.target.removeprefix("hyperfunc").removeprefix(".")
    if found.target == VERSION:
        return None
    if not target:
        return f"{where}: the package root is for users; import the module itself"
    room = room_of(here)
    if room is None:
        return f"{where}: the module {here} has no row in ARCHITECTURE.md"
    if inside(target, room) or any(inside(target, allowed) for allowed in FLOORS[room]):
        return None
    return f"{where}: {room} may not import {target}"


def cycle_in(edges: dict[str, set[str]]) -> list[str]:
    """One cycle of a directed graph, or an empty list."""
    done: set[str] = set()

    def walk(node: str, trail: list[str]) -> list[str]:
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return []
        for following in sorted(edges.get(node, ())):
            if found := walk(following, [*trail, node]):
                return found
        done.add(node)
        return []

    return next((found for node in sorted(edges) if (found := walk(node, []))), [])


def module_level(path: Path) -> set[str]:
    """Modules of this package that are loaded when the file is: no functions, no TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    source = "\n".join(ast.unparse(node) for node in kept)
    targets = {found.target for found in imports(path, source)}
    return {t.removeprefix("hyperfunc.") for t in targets if t.startswith("hyperfunc.")} - {module_name(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_import_is_allowed(path: Path) -> None:
    complaints = [text for found in imports(path) if (text := complaint(found))]
    assert not complaints, "\n".join(complaints)


def test_every_module_has_a_row_and_every_row_a_module() -> None:
    homeless = [name for name in KNOWN if name and room_of(name) is None]
    empty = [room for room in FLOORS if not any(inside(name, room) for name in KNOWN)]
    ghosts = [leaf for leaves in LEAVES.values() for leaf in leaves if leaf not in KNOWN]
    assert not homeless + empty + ghosts, f"without a row: {homeless}; rows of nothing: {empty + ghosts}"


def test_every_dependency_is_used_where_the_table_says() -> None:
    used = {
        (found.target.partition(".")[0], module_name(path)) for path in MODULES for found in imports(path)
    }
    for dependency, leaves in LEAVES.items():
        for leaf in leaves:
            assert any(dep == dependency and inside(where, leaf) for dep, where in used), (
                f"ARCHITECTURE.md lets {leaf} import {dependency}, which it does not"
            )


def test_rows_only_name_rows_above_themselves() -> None:
    seen: set[str] = set()
    for room, allowed in FLOORS.items():
        assert set(allowed) <= seen, f"{room} names {sorted(set(allowed) - seen)}, which stand below it"
        seen.add(room)


def test_optimizers_and_the_engine_never_meet() -> None:
    for room in ("program", "execution"):
        assert not any(inside(room, allowed) for allowed in FLOORS["optimizers"])
        assert "optimizers" not in FLOORS[room]


def test_package_inits_only_reexport() -> None:
    allowed = ast.Import | ast.ImportFrom
    for path in MODULES:
        if path.name != "__init__.py" or path.parent == PACKAGE:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            exports = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            assert docstring or exports or isinstance(node, allowed), (
                f"{path.relative_to(ROOT)}:{node.lineno} does more than re-export"
            )


def test_no_modules_load_each_other_in_a_circle() -> None:
    edges = {module_name(path): module_level(path) for path in MODULES if path.name != "__init__.py"}
    assert cycle_in(edges) == []


@pytest.mark.parametrize(
    ("where", "source", "fine"),
    [
        ("optimizers/made_up.py", "from hyperfunc.spaces.knobs import Real", True),
        ("optimizers/made_up.py", "def f():\n    import hyperfunc.execution.engine", False),
        ("optimizers/made_up.py", "from ..program import hyperfunction", False),
        ("optimizers/made_up.py", "from hyperfunc.evaluation import statistics", True),
        ("optimizers/made_up.py", "from hyperfunc.evaluation import metrics", False),
        ("spaces/made_up.py", "import torch", False),
        ("cli/made_up.py", "from hyperfunc import HyperSystem", False),
        ("cli/made_up.py", "import litellm", False),
        ("nowhere.py", "import hyperfunc.errors", False),
    ],
)
def test_the_check_catches_what_it_should(where: str, source: str, fine: bool) -> None:
    found = [complaint(item) for item in imports(PACKAGE / where, source)]
    assert all(text is None for text in found) is fine


def test_a_circle_is_found() -> None:
    assert cycle_in({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
    assert cycle_in({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
