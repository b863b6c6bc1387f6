"""The scripts in examples/ show what they say they show."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from examples import affine, shapes, xor  # noqa: E402 - after the check that torch is there

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = sorted(path.stem for path in (ROOT / "examples").glob("*.py") if path.stem != "__init__")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the scripts do: products this small lose time when cores share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("seed", [0, 1])
def test_two_layers_solve_xor_and_one_layer_ends_at_guessing(seed: int) -> None:
    figures = xor.main(seed)
    assert figures["two_accuracy"] == 1.0
    assert figures["two_margin"] > 1.0
    # The best that any line can do; a search that stopped short of it would show nothing.
    assert figures["one_likelihood"] == pytest.approx(-math.log(2), abs=0.01)
    assert figures["one_accuracy"] <= 0.75


@pytest.mark.slow
def test_xor_is_solved_for_twenty_of_twenty_seeds() -> None:
    margins = [xor.learn(xor.TwoLayers(), seed)["margin"] for seed in range(20)]
    assert min(margins) > 1.0


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_affine_map_is_learnt(seed: int) -> None:
    figures = affine.main(seed)
    assert figures["before"] > 0.1
    assert figures["after"] < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_the_classifier_names_fresh_images(seed: int) -> None:
    figures = shapes.main(seed)
    assert figures["before"] < 0.5
    assert figures["after"] >= 0.95


def test_images_differ_and_training_never_sees_the_fresh_ones() -> None:
    train, fresh = (
        {e.inputs["image"].numpy().tobytes() for e in shapes.images(100, seed)} for seed in (0, 1)
    )
    assert len(train) == len(fresh) == 100
    assert not train & fresh


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SCRIPTS if name not in ("shapes", "read_artifact")])
def test_a_script_prints_what_it_found(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"examples.{name}"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert not done.stderr
    assert any(character.isdigit() for character in done.stdout)
