"""Every format says the same, and nothing foreign in it is markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.apps.sampler_search.reporting.made import entry, grid, hill, ours, search_of

from hyperfunc.apps.sampler_search.reporting import Analysis, analysis, export_yaml, markdown, page, terminal

EVIL = '<script>alert("x")</script><img src=//evil.example/a.png onerror=x>\x1b[31m\u202e`*_#'


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    folder = tmp_path_factory.mktemp("results")
    return analysis(search_of(folder, ours(hill, grid(), noise=0.03), metadata={"model": "local/prose"}))


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    results = [
        entry(EVIL, {"temperature": t, EVIL: EVIL, "min_p": m}, [0.1 * t, 0.2], prompts=[EVIL, EVIL + "2"])
        for t in (1, 2, 3)
        for m in (0.1, 0.2)
    ]
    meta = dict.fromkeys(("model", "judge", "server", "strategy", "timestamp", "run_id"), EVIL)
    return analysis(search_of(tmp_path_factory.mktemp("evil"), results, metadata=meta))


class Tags(HTMLParser):
    """The tags and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [f"{n}={v}" for n, v in attrs if n in {"src", "href"} or n.startswith("on")]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(found: Analysis) -> None:
    tags = Tags(page(found))
    assert tags.open == []
    assert tags.addresses == []
    assert not tags.tags & {"script", "link", "img", "iframe"}
    assert "url(" not in page(found)


def test_foreign_text_is_never_markup(evil: Analysis) -> None:
    tags = Tags(page(evil))
    assert not tags.tags & {"script", "img"}
    assert tags.addresses == []
    for text in (page(evil), markdown(evil), terminal(evil)):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_every_family_has_its_surface_with_a_dot_for_each_setting(found: Analysis) -> None:
    text = page(found)
    assert text.count('class="outline"') == 2
    assert text.count('class="dot"') + text.count('class="is"') == len(grid())
    assert "Predicted score of min_p over temperature and min_p" in text


def test_a_single_parameter_is_a_curve_and_few_settings_are_no_picture(tmp_path: Path) -> None:
    results: list[Any] = [
        entry("temperature", {"temperature": t}, [t, t + 0.1, 0.3]) for t in (0.1, 0.4, 0.7, 1)
    ]
    text = page(analysis(search_of(tmp_path, results)))
    assert 'class="band"' in text
    text = page(analysis(search_of(tmp_path, results[:3])))
    assert "<svg" not in text
    assert "too few settings for a surface" in text


def test_all_formats_agree(found: Analysis) -> None:
    best = found.findings[0].setting
    for text in (page(found), markdown(found), terminal(found)):
        plain = text.replace("\\", "")
        assert f"temperature {best.parameters['temperature']}" in plain
        assert f"{best.mean:.3f}" in plain
        for server in ("llama.cpp", "KoboldCpp", "vLLM", "Ollama", "OpenAI", "OpenRouter"):
            assert server in plain


def test_the_terminal_report_is_lines_without_foreign_ones(evil: Analysis) -> None:
    assert all(line == line.rstrip() for line in terminal(evil).splitlines())


NUMBERS = st.floats(-5, 5) | st.sampled_from([0, 1, 1e-300, 1e9, -0.0, 1e15])
PARAMETERS = st.dictionaries(
    st.sampled_from(["temperature", "min_p", "top_p", "xtc_probability", "odd"]),
    NUMBERS | st.text(max_size=3) | st.booleans() | st.none(),
    max_size=4,
)
ROWS = st.lists(
    st.builds(
        lambda family, parameters, scores: entry(family, parameters, scores),
        st.sampled_from(["a", "b", ""]), PARAMETERS, st.lists(NUMBERS, min_size=1, max_size=4),
    ),
    min_size=1, max_size=9,
)  # fmt: skip


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS)
def test_every_search_that_is_read_has_a_report(tmp_path: Path, rows: list[Any]) -> None:
    with np.errstate(all="raise", under="ignore"):
        found = analysis(search_of(tmp_path, rows))
    Tags(page(found))
    assert len(found.findings) == len(found.search.settings)
    assert 0.99 < sum(finding.p_best for finding in found.findings) < 1.01
    assert terminal(found)
    assert markdown(found)
    assert yaml.safe_load(export_yaml(found))["best_overall"]
