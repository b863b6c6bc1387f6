"""A report is kept as JSON and read back as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyperfunc.errors import ModelError
from hyperfunc.llm.probe import Finding, ProbeReport, Status

findings = st.builds(
    Finding,
    field=st.text(),
    parameter=st.sampled_from(["top_k", "top_p"]),
    status=st.sampled_from(Status),
    evidence=st.text(),
    echoed=st.none() | st.booleans(),
)
reports = st.builds(
    ProbeReport,
    url=st.text(),
    provider=st.text(),
    model=st.text(),
    server=st.text(),
    probed_at=st.text(),
    findings=st.lists(findings, max_size=4).map(tuple),
    order=st.lists(st.text(), max_size=3).map(tuple),
    tokens_per_s=st.none() | st.floats(0, 1e6),
    requests=st.integers(0, 1000),
)


@settings(max_examples=30)
@given(reports)
def test_json_and_back(report: ProbeReport) -> None:
    assert ProbeReport.from_json(report.to_json()) == report


def finding(field: str, status: Status) -> Finding:
    return Finding(field=field, parameter="top_n_sigma", status=status, evidence="")


def report(*found: Finding) -> ProbeReport:
    return ProbeReport(url="", provider="", model="", server="", probed_at="", findings=found)


def test_a_parameter_goes_by_the_name_that_is_honored() -> None:
    kobold = report(finding("top_n_sigma", Status.IGNORED), finding("nsigma", Status.HONORED))
    assert kobold.field("top_n_sigma") == "nsigma"
    assert kobold.field("top_k") is None
    assert kobold.doubtful(["top_n_sigma", "top_k"]) == ("top_k",)
    assert kobold.fields(Status.IGNORED) == ("top_n_sigma",)
    assert kobold.status("nsigma") == Status.HONORED
    assert kobold.status("never tried") == Status.UNKNOWN


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 1}', '{"version": 1, "findings": 3}'])
def test_what_is_no_report_is_one_sentence(text: str) -> None:
    with pytest.raises(ModelError, match="this is no probe report"):
        ProbeReport.from_json(text)


def test_a_report_of_another_version_asks_for_a_new_probe() -> None:
    row = json.loads(report().to_json()) | {"version": 2}
    with pytest.raises(ModelError, match="probe the server again"):
        ProbeReport.from_json(json.dumps(row))
