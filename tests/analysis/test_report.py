"""The report says what the ledger holds, and nothing foreign in it becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.synthetic import RUN, meta, result, steps, write_run

from hyperfunc.analysis.report import ReportData, build, render_html, render_markdown, write_report
from hyperfunc.analysis.report.chart import Axis, milestones
from hyperfunc.analysis.report.data import Step
from hyperfunc.analysis.report.markdown import code, fence
from hyperfunc.analysis.report.markup import el
from hyperfunc.analysis.report.reproduce import commands
from hyperfunc.analysis.report.trend import trend
from hyperfunc.errors import LedgerError
from hyperfunc.ledger import Ledger

EVIL = (
    '</pre></code><script>document.title="owned"</script><img src=x onerror=alert(1)>\x1b[31m```\n# owned\n'
)
VOID = {"meta", "br"}


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.memory() as opened:
        yield opened


class Page(HTMLParser):
    """Elements and text of a page; fails on elements that are not closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def foreign(value: Any) -> Any:
    """The same structure with every string replaced by something hostile."""
    if isinstance(value, dict):
        return {key: foreign(item) for key, item in value.items()}
    if isinstance(value, list):
        return [foreign(item) for item in value]
    return EVIL if isinstance(value, str) else value


def hostile(ledger: Ledger) -> ReportData:
    """A run in which everything that could come from a model, a file or a user is hostile."""
    own = {"budget": "2000 calls", "space": meta()["space"]}
    ledger.create_run(RUN, {**foreign(meta()), **own})
    for record in steps(12):
        ledger.add_event(RUN, "step", {**record, "note": EVIL})
    ledger.add_event(RUN, "failure", {"reason": EVIL, "count": 2})
    outcome = result()
    kinds = [
        {**change, **foreign({k: change[k] for k in ("before", "after")})} for change in outcome["changes"]
    ]
    odd = [{"name": EVIL, "before": EVIL, "after": EVIL + "x"}]
    confirmation = {**outcome["confirmation"], "items": foreign(outcome["confirmation"]["items"])}
    ledger.add_event(
        RUN,
        "result",
        {
            **outcome,
            "changes": kinds + odd,
            "confirmation": confirmation,
            "stopped": EVIL,
            "warnings": [EVIL],
        },
    )
    ledger.flush()
    return build(ledger, RUN)


def test_a_finished_run_is_read_whole(ledger: Ledger) -> None:
    write_run(ledger)
    data = build(ledger, RUN[:8])
    assert data.run_id == RUN
    assert data.outcome is not None
    assert data.outcome.gain is not None
    assert len(data.steps) == 60
    assert [change.kind for change in data.changes] == [
        "text",
        "exemplars",
        "real",
        "integer",
        "choice",
        "matrix",
    ]
    assert sum(data.outcome.tally) == 60
    assert data.outcome.kept == data.outcome.score_best


def test_numbers_of_the_page_are_those_of_the_run(ledger: Ledger) -> None:
    write_run(ledger)
    data = build(ledger, RUN)
    shown = Page(render_html(data)).text
    assert data.outcome is not None
    assert f"From {data.outcome.score_start:.3f} to {data.outcome.score_best:.3f}" in shown
    assert "+0.650, 95% interval +0.540 to +0.750" in shown
    assert "39 better, 21 equal, 0 worse" in shown
    assert "1,731" in shown
    assert "of 2,000" in shown
    assert "The held-out part is small" in shown
    assert "hyperfunc optimize support:system --data 'my tickets.jsonl' --metric exact" in shown


def test_an_unfinished_run_has_a_report(ledger: Ledger) -> None:
    write_run(ledger, finished=False)
    for shown in (Page(render_html(build(ledger, RUN))).text, render_markdown(build(ledger, RUN))):
        assert "Not finished: 60 steps" in shown
        assert f"hyperfunc resume {RUN}" in shown


@pytest.mark.parametrize(
    ("meta", "command"),
    [
        ({"sampler_search": {}}, "hyperfunc sampler search --resume r"),
        ({"demo": "office"}, "hyperfunc resume r"),
        ({}, "system.optimize(..., run_id='r')"),
    ],
)
def test_the_command_that_goes_on_is_one_that_does(
    ledger: Ledger, meta: dict[str, Any], command: str
) -> None:
    ledger.create_run("r", meta)
    assert (command, "continue where it stopped") in commands(build(ledger, "r"))


def test_a_run_without_any_event_has_a_report(ledger: Ledger) -> None:
    ledger.create_run("empty", {})
    Page(render_html(build(ledger, "empty")))
    assert "Not finished: 0 steps" in render_markdown(build(ledger, "empty"))


def test_keeping_the_start_is_said_plainly(ledger: Ledger) -> None:
    gain = {"low": -0.03, "high": 0.12, "estimate": 0.05, "level": 0.95, "method": "BCa bootstrap"}
    write_run(ledger, result_changes={"recommended_start": True, "gain": gain})
    shown = Page(render_html(build(ledger, RUN))).text
    assert "Keep the start: nothing was better than its 0.217 beyond doubt" in shown
    assert "What the search would have changed" in shown
    assert "The winner's gain is +0.050" in shown


def test_a_search_that_prefers_the_start_says_so(ledger: Ledger) -> None:
    write_run(ledger, result_changes={"recommended_start": True, "gain": None, "changes": []})
    shown = Page(render_html(build(ledger, RUN))).text
    assert "the search preferred the start itself" in shown
    assert "Nothing: the search preferred the values of the start." in shown


def test_without_held_out_examples_no_interval_is_claimed(ledger: Ledger) -> None:
    write_run(ledger, meta_changes={"n_test": 0}, result_changes={"gain": None})
    shown = Page(render_html(build(ledger, RUN))).text
    assert "nothing was held out, so no interval is claimed" in shown
    assert "never saw" not in shown


def test_a_score_that_was_not_measured_is_not_a_number(ledger: Ledger) -> None:
    write_run(
        ledger, result_changes={"score_start": None, "score_best": None, "gain": None, "confirmation": None}
    )
    assert "From not measured to not measured" in Page(render_html(build(ledger, RUN))).text


def test_a_resumed_run_counts_its_steps_once(ledger: Ledger) -> None:
    write_run(ledger, finished=False)
    for record in steps(30):
        ledger.add_event(RUN, "step", {**record, "note": "again"})
    data = build(ledger, RUN)
    assert [step.number for step in data.steps] == list(range(60))
    assert [step.note for step in data.steps[:31]].count("again") == 30


def test_an_unknown_run_is_an_error_that_names_it(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="nowhere"):
        build(ledger, "nowhere")


def test_nothing_hostile_becomes_an_element(ledger: Ledger) -> None:
    source = render_html(hostile(ledger))
    page = Page(source)
    assert "script" not in page.elements
    assert "img" not in page.elements
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert page.text.count('document.title="owned"') > 20
    assert "\x1b" not in source


def test_the_page_names_no_other_resource(ledger: Ledger) -> None:
    page = Page(render_html(hostile(ledger)))
    assert not {"link", "script", "iframe", "object", "base", "a", "image", "use"} & set(page.elements)
    assert not {"src", "href", "srcset", "action"} & {name for name, _ in page.attributes}
    style = render_html(hostile_free(ledger)).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def hostile_free(ledger: Ledger) -> ReportData:
    write_run(ledger, "plain")
    return build(ledger, "plain")


def outside_of_fences(markdown: str) -> str:
    kept, bar = [], ""
    for line in markdown.splitlines():
        found = re.match(r"`{3,}", line)
        if not bar and found:
            bar = found.group()
        elif bar and line == bar:
            bar = ""
        elif not bar:
            kept.append(re.sub(r"(`+).*?(?<!`)\1(?!`)", "", line))
    assert not bar, "a fence stays open"
    return "\n".join(kept)


def test_nothing_hostile_becomes_markdown(ledger: Ledger) -> None:
    shown = outside_of_fences(render_markdown(hostile(ledger)))
    assert "\n# owned" not in shown
    assert not re.search(r"(?<!\\)<", shown)


@given(st.text("`~ab\n", max_size=30))
def test_a_fence_cannot_be_closed_from_inside(content: str) -> None:
    first, *inside, last = fence(content).split("\n")
    bar = first.removesuffix("text")
    assert last == bar
    assert not any(re.fullmatch(rf" {{0,3}}`{{{len(bar)},}}\s*", line) for line in inside)
    assert "\n".join(inside) == content


@given(st.text("`ab ", min_size=1, max_size=20))
def test_a_code_span_cannot_be_closed_from_inside(content: str) -> None:
    bar = re.match(r"`+", code(content)).group()  # type: ignore[union-attr]
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    assert len(bar) > longest or "`" not in content


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.text(st.characters(codec="utf-8"), max_size=40))
def test_markup_escapes_text_and_attributes(inside: str, value: str) -> None:
    page = Page(el("p", inside, title=value))
    assert page.elements == ["p"]
    assert [name for name, _ in page.attributes] == ["title"]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
@example(0.0, -5e-324)
def test_an_axis_holds_its_values_and_ticks(one: float, other: float) -> None:
    axis = Axis.around([one, other], 10, 110)
    ticks = axis.ticks(5)
    assert all(9.99 <= axis(value) <= 110.01 for value in (one, other, *ticks))
    assert 2 <= len(ticks) <= 12


def step(number: int, incumbent: float | None, best: float | None = None) -> Step:
    return Step(number, "", 1, 1, best, incumbent, 0.0)


def test_milestones_are_rises_above_everything_before() -> None:
    values = [0.2, 0.2, 0.5, None, 0.5, 0.9]
    assert [m.number for m in milestones([step(n, v) for n, v in enumerate(values)])] == [2, 5]


def test_incumbents_that_fall_are_luck_and_have_no_milestones() -> None:
    assert milestones([step(n, v) for n, v in enumerate([0.2, 1.0, 0.4])]) == []


def test_the_trend_is_the_incumbent_or_a_middle_value_never_the_luckiest() -> None:
    assert trend([0.1, 0.9, 0.2], [None, None, None]) == [0.1, 0.5, 0.2]
    assert trend([None, 0.9], [None, 0.3]) == [None, 0.3]
    assert trend([0.0, 0.0, 0.0], [0.2, 1.0, 0.4]) == [0.2, 0.6, 0.4]


def test_the_file_name_decides_the_format(ledger: Ledger, tmp_path: Any) -> None:
    write_run(ledger)
    page = write_report(ledger, RUN, tmp_path / "deep" / "report.html")
    text = write_report(ledger, RUN, tmp_path / "report.md")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert text.read_text(encoding="utf-8").startswith("# `Support`: From 0.217 to 0.867")
