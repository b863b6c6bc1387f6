"""``Sandbox``: Python code of others, run with tests in a process of its own, under limits."""

from __future__ import annotations

import asyncio
import functools
import json
import math
import os
import secrets
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from hyperfunc.errors import InfrastructureError, MetricError

__all__ = ["Outcome", "Sandbox"]

_HERE = Path(__file__).parent
_PARTS = ("confine.py", "inside.py")
_BOOT = (
    "import sys\nnames = {'__name__': 'inside'}\n"
    "for path in sys.argv[1:]:\n    exec(compile(open(path, encoding='utf-8').read(), path, 'exec'), names)\n"
    "names['main']()\n"
)
_UNSHARE = ("--user", "--net", "--ipc", "--pid", "--fork", "--kill-child")
_LIBRARIES = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache"
)  # fmt: skip
_HOLDS = ("limits", "files", "network", "processes")
_MOST_RESULTS = 1 << 24
_EARLY = "the process ended early: it left, crashed, or used more processor time or memory than it may"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the code and its tests.

    Args:
        problems: of each test, in order: ``None`` when it passed, else what went wrong.
        held: what held while it ran: some of ``"limits"``, ``"files"``, ``"network"``, ``"processes"``.
    """

    problems: tuple[str | None, ...]
    held: tuple[str, ...]

    @property
    def passed(self) -> int:
        """How many tests passed."""
        return self.problems.count(None)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs Python code with tests in a process of its own, under limits.

    A bare interpreter (``-I -S``: the standard library alone) in an empty folder, without the environment.
    Where the system has it, code can read nothing but Python's own files and that folder (Landlock), open no
    socket and start no process (a system call filter, and namespaces of its own). It can start threads.

    What is not guaranteed: kernels have faults, and this is one process beside yours, not a machine of its
    own; run code of people who attack you in one. Code that sets out to fool the tests can do so, because
    tests and code share an interpreter. Sets of texts are ordered anew in each run, so code that depends on
    their order is not judged the same each time.

    Args:
        seconds: wall time for all of it, above 0. Several run at once, so leave room beside ``cpu_seconds``.
        cpu_seconds: processor time, at least 1.
        memory_mb: address space in MiB, at least 64; the interpreter itself takes about 30.
        file_mb: largest file in MiB, at least 1.
        need: what must hold, or nothing is run: some of ``"limits"``, ``"files"``, ``"network"``,
            ``"processes"``. Where a system cannot do it (macOS has limits only), leave it out at your risk.

    Raises:
        MetricError: a setting is out of range.

    Example::

        outcome = await Sandbox().run("def double(x): return 2 * x", ["assert double(2) == 4"])
        print(outcome.passed, outcome.held)
    """

    seconds: float = 30.0
    cpu_seconds: int = 5
    memory_mb: int = 512
    file_mb: int = 16
    need: Sequence[str] = _HOLDS

    def __post_init__(self) -> None:
        object.__setattr__(self, "need", tuple(self.need))
        if not 0 < self.seconds < math.inf:
            raise MetricError(f"seconds of a sandbox is {self.seconds!r}; give a number above 0")
        for name, least in (("cpu_seconds", 1), ("memory_mb", 64), ("file_mb", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise MetricError(
                    f"{name} of a sandbox is {value!r}; give a whole number of at least {least}"
                )
        if unknown := [name for name in self.need if name not in _HOLDS]:
            raise MetricError(f"a sandbox cannot need {unknown[0]!r}; it knows {', '.join(_HOLDS)}")

    async def run(self, code: str, tests: Sequence[str]) -> Outcome:
        """Run code, then each test on what it defined.

        Args:
            code: of a module; its ``__name__`` is not ``"__main__"``.
            tests: pieces of code that raise when something is wrong, such as ``assert double(2) == 4``.

        Raises:
            MetricError: this system cannot hold what is needed; nothing was run.
            InfrastructureError: the process could not be started.
        """
        started: list[subprocess.Popen[bytes]] = []
        try:
            return await asyncio.to_thread(self._run, code, tuple(tests), started)
        except asyncio.CancelledError:
            for process in started:
                _kill(process)
            raise

    def _run(self, code: str, tests: tuple[str, ...], started: list[subprocess.Popen[bytes]]) -> Outcome:
        if os.name != "posix":
            raise MetricError(f"code cannot be confined on {sys.platform}; run it on Linux, or ask a model")
        folder = tempfile.mkdtemp(prefix="hyperfunc-code-")
        try:
            said, end = self._process(folder, code, tests, started)
        except OSError as error:
            raise InfrastructureError(
                f"the sandbox could not be started, so the judgement is missing: {error}"
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return self._read(said, end, len(tests))

    def _process(
        self, folder: str, code: str, tests: tuple[str, ...], started: list[subprocess.Popen[bytes]]
    ) -> tuple[list[dict[str, Any]], str]:
        """Start the process, wait for its end, and return what it said and how it ended."""
        token, prefix = secrets.token_hex(16), _unshare()
        order = {
            "token": token, "code": code, "tests": tests, "need": self.need, "unshared": bool(prefix),
            "limits": {
                "cpu_seconds": self.cpu_seconds, "memory_bytes": self.memory_mb << 20,
                "file_bytes": self.file_mb << 20, "folder": folder, "readable": _readable(),
            },
        }  # fmt: skip
        parts = [str(_HERE / part) for part in _PARTS]
        command = [*prefix, sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BOOT, *parts]
        with tempfile.TemporaryFile() as orders, tempfile.TemporaryFile() as results:
            orders.write(json.dumps(order).encode())
            orders.seek(0)
            process = subprocess.Popen(  # noqa: S603 - the command is ours; the code is in the order
                command, stdin=orders, stdout=results, stderr=subprocess.DEVNULL, cwd=folder, env={},
                start_new_session=True,
            )  # fmt: skip
            started.append(process)
            try:
                process.wait(self.seconds)
                end = _EARLY
            except subprocess.TimeoutExpired:
                end = f"the process took longer than seconds={self.seconds:g}"
            finally:
                _kill(process)
            return _said(results, token), end

    def _read(self, said: list[dict[str, Any]], end: str, count: int) -> Outcome:
        held = next((tuple(line["held"]) for line in said if "held" in line), None)
        if held is None:
            raise InfrastructureError(f"the sandbox did not start, so the judgement is missing: {end}")
        if lacking := [name for name in self.need if name not in held]:
            raise MetricError(
                f"this system cannot hold {', '.join(lacking)} for code of others, so nothing was run; leave "
                f"{lacking[0]!r} out of need=... at your risk, or ask a model"
            )
        broken = next((f"the code raised {line['code']}" for line in said if "code" in line), end)
        problems: list[str | None] = [broken] * count
        for line in said:
            if line.get("test") in range(count):
                problems[line["test"]] = line["problem"]
        return Outcome(tuple(problems), held)


@functools.cache
def _unshare() -> tuple[str, ...]:
    """What starts a process without network, with nothing but itself to be seen; empty where it cannot be."""
    program = next((path for path in ("/usr/bin/unshare", "/bin/unshare") if Path(path).exists()), None)
    if program is None:
        return ()
    command = (program, *_UNSHARE, "--")
    trial = [*command, sys.executable, "-I", "-S", "-c", ""]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=10, check=False)  # noqa: S603 - ours
    except (OSError, subprocess.SubprocessError):
        return ()
    return command if done.returncode == 0 else ()


def _readable() -> list[str]:
    """Python's own files and the system's libraries."""
    paths = sysconfig.get_paths()
    own = [paths["stdlib"], paths["platstdlib"], str(Path(sys.base_prefix) / "lib")]
    return list(dict.fromkeys([*own, *_LIBRARIES]))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()


def _said(results: IO[bytes], token: str) -> list[dict[str, Any]]:
    """Lines with the token; whatever else is there is none of ours."""
    results.seek(0)
    lines = results.read(_MOST_RESULTS).splitlines()
    said = []
    for line in lines:
        head, _, rest = line.partition(b" ")
        if head == token.encode():
            try:
                said.append(json.loads(rest))
            except ValueError:
                continue
    return [line for line in said if isinstance(line, dict)]
