"""The page in a real browser: it is laid out, and what an example planted in it stays text."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.synthetic import RUN, result, write_run

from hyperfunc.analysis.report import write_report
from hyperfunc.ledger import Ledger

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PLANTED = '<script>document.body.dataset.owned = "yes"</script><img src=x onerror="document.title=\'owned\'">'


def rendered(page: Path, profile: Path) -> str:
    """The document after the browser has loaded it."""
    browser = next((path for name in NAMES if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no headless browser: scripts/system-packages.sh installs one")
    command = [browser, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout


@pytest.mark.browser
def test_a_planted_script_does_not_run(tmp_path: Path) -> None:
    confirmation = result()["confirmation"]
    confirmation["items"][0]["best"] = PLANTED
    with Ledger.memory() as ledger:
        write_run(ledger, result_changes={"confirmation": confirmation, "warnings": [PLANTED]})
        page = write_report(ledger, RUN, tmp_path / "report.html")
    dom = rendered(page, tmp_path / "profile")
    assert "From 0.217 to 0.867" in dom
    assert "<script" not in dom
    assert "data-owned" not in dom.split("<body")[1].split(">")[0]
    assert "&lt;script&gt;" in dom
    assert "<title>Support" in dom


@pytest.mark.browser
def test_the_check_would_notice_a_script(tmp_path: Path) -> None:
    page = tmp_path / "bad.html"
    page.write_text(f"<!doctype html><title>Support</title><body>{PLANTED}", encoding="utf-8")
    assert 'data-owned="yes"' in rendered(page, tmp_path / "profile")
