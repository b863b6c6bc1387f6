"""What runs inside the process: it confines itself, runs the code, then each test, and says what came of it.

Standard library only. It is read as text together with ``confine.py`` and run in a bare interpreter.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .confine import confine

__all__ = ["main"]

_MOST_WORDS = 300


def main() -> None:
    """Do what the order on standard input says."""
    order = json.loads(sys.stdin.buffer.read())
    say = _channel(order["token"])
    held = confine(**order["limits"])
    if order["unshared"] and "network" not in held:
        held.append("network")
    say({"held": held})
    if not set(order["need"]) <= set(held):
        return
    names: dict[str, Any] = {"__name__": "solution"}
    problem = _problem_of(order["code"], "the code", names)
    if problem is not None:
        say({"code": problem})
        return
    for number, test in enumerate(order["tests"]):
        say({"test": number, "problem": _problem_of(test, f"test {number + 1}", dict(names))})


def _channel(token: str) -> Callable[[dict[str, Any]], None]:
    """Where results go; what the code prints goes nowhere."""
    results = os.fdopen(os.dup(1), "w", encoding="ascii")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)

    def say(what: dict[str, Any]) -> None:
        results.write(f"\n{token} {json.dumps(what)}\n")
        results.flush()

    return say


def _problem_of(source: str, name: str, names: dict[str, Any]) -> str | None:
    """Run a piece of code; what went wrong, in words."""
    try:
        exec(compile(source, f"<{name}>", "exec"), names)  # noqa: S102 - what this process is for
    except BaseException as error:  # SystemExit and whatever else the code may raise
        return _words(error, source, name)
    return None


def _words(error: BaseException, source: str, name: str) -> str:
    try:
        said = str(error)
    except BaseException:  # the error's own method
        said = ""
    if not said and isinstance(error, AssertionError):
        said = _line_of(error, source, name)
    return f"{type(error).__name__}: {said}"[:_MOST_WORDS]


def _line_of(error: BaseException, source: str, name: str) -> str:
    """The last line of this piece of code that the error came through."""
    found, trace = "", error.__traceback__
    lines = source.splitlines()
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == f"<{name}>" and trace.tb_lineno <= len(lines):
            found = lines[trace.tb_lineno - 1].strip()
        trace = trace.tb_next
    return found
