"""A gate's result as JUnit XML, valid against the schemas of Ant and of Jenkins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hyperfunc.analysis.report.text import visible

if TYPE_CHECKING:
    from hyperfunc.analysis.comparison import Subject

    from .result import GateResult

__all__ = ["junit", "junit_of_error"]

_SUITE = "hyperfunc.gate"
_Trouble = tuple[str, str, str]
"""Type, message and text of a failure or an error."""

# Two characters that XML cannot hold and `visible` leaves.
_UNHELD = re.compile("[\ufffe\uffff]")


def junit(result: GateResult) -> str:
    """One test case per limit; one that does not hold is a failure with its reason."""
    comparison, difference = result.comparison, result.difference
    properties = {
        "baseline": _named(comparison.baseline),
        "candidate": _named(difference.subject),
        "metric": comparison.baseline.metric,
        "examples": str(comparison.examples),
        "groups": str(comparison.groups),
        "gain": f"{difference.gain.estimate:+.6f}",
        "gain low": f"{difference.gain.low:+.6f}",
        "gain high": f"{difference.gain.high:+.6f}",
        "p": f"{difference.p:.6f}",
    }
    lines = "\n".join(comparison.lines())
    failures = {c.name: None if c.passed else (f"{_SUITE}.{c.name}", str(c), lines) for c in result.criteria}
    return _suite(failures, "failure", properties, result.created, lines, comparison.warnings)


def junit_of_error(names: Iterable[str], error: str, created: float) -> str:
    """The report of a gate that could not be checked: each limit is an error.

    Args:
        names: of the limits.
        error: why.
        created: seconds since the epoch.
    """
    return _suite(dict.fromkeys(names, (f"{_SUITE}.error", error, error)), "error", {}, created, "", ())


def _suite(
    cases: Mapping[str, _Trouble | None], kind: str, properties: Mapping[str, str], created: float,
    said: str, warned: Iterable[str],
) -> str:  # fmt: skip
    bad = sum(case is not None for case in cases.values())
    counts: dict[str, str] = {"failures": "0", "errors": "0", f"{kind}s": str(bad)}
    when = datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    root = ET.Element("testsuites")
    suite = ET.SubElement(
        root, "testsuite", counts, name=_SUITE, package=_SUITE, id="0", timestamp=when,
        hostname="localhost", tests=str(len(cases)), time="0.000",
    )  # fmt: skip
    facts = ET.SubElement(suite, "properties")
    for name, value in properties.items():
        ET.SubElement(facts, "property", name=name, value=_held(value))
    for name, case in cases.items():
        element = ET.SubElement(suite, "testcase", name=name, classname=_SUITE, time="0.000")
        if case is not None:
            type_, message, body = case
            ET.SubElement(element, kind, message=_held(message), type=type_).text = _held(body)
    ET.SubElement(suite, "system-out").text = _held(said)
    ET.SubElement(suite, "system-err").text = _held("\n".join(warned))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _named(subject: Subject) -> str:
    return subject.id if subject.label == subject.id else f"{subject.label} ({subject.id})"


def _held(value: str) -> str:
    """Text without characters that XML cannot hold; markup is escaped where it is written."""
    return _UNHELD.sub("?", visible(value))
