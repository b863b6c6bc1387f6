"""What importing loads: the standard library for the package, click alone for the help page."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hyperfunc

HEAVY = {"numpy", "torch", "rich", "greenlet", "sqlite3", "asyncio"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after it ran the code."""
    show = "import sys; print('\\n'.join({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True, timeout=60, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_the_standard_library_only() -> None:
    before = loaded_by("pass")
    fresh = loaded_by("import hyperfunc") - before - {"hyperfunc"}
    assert fresh <= set(sys.stdlib_module_names)
    assert not fresh & HEAVY


HELP = """
import sys
from hyperfunc.__main__ import main
sys.argv = ["hyperfunc", "--help"]
try:
    main()
except SystemExit:
    pass
"""

EVERYDAY = """
import hyperfunc
for name in ("HyperSystem", "Example", "LMParam", "hyperfunction", "Ledger"):
    getattr(hyperfunc, name)
"""


def test_the_help_page_loads_nothing_heavy() -> None:
    assert not loaded_by(HELP) & (HEAVY - {"asyncio"})


def test_torch_stays_out_until_it_is_asked_for() -> None:
    assert "torch" not in loaded_by(EVERYDAY)


@pytest.mark.parametrize("name", hyperfunc.__all__)
def test_every_exported_name_resolves(name: str) -> None:
    assert getattr(hyperfunc, name) is not None


def test_exports_are_listed_once_and_sorted_out() -> None:
    assert len(set(hyperfunc.__all__)) == len(hyperfunc.__all__)
    assert set(hyperfunc.__all__) <= set(dir(hyperfunc))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        hyperfunc.nonsense  # noqa: B018
