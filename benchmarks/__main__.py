"""``python -m benchmarks [--quick] [--any-speed] [NAME ...]``: all, each in an interpreter of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SHARED = {"__init__", "__main__", "pace", "report_table"}


def names() -> list[str]:
    """Scripts and folders that can be run with ``python -m benchmarks.NAME [--quick]``."""
    scripts = [file.stem for file in HERE.glob("*.py") if file.stem not in SHARED]
    folders = [file.parent.name for file in HERE.glob("*/__main__.py")]
    return sorted([*scripts, *folders])


def met(name: str, options: list[str]) -> bool:
    """Whether a benchmark met its goals; one that missed some is run again: machines are shared."""
    for attempt in range(2):
        if attempt:
            print(f"\n{name} missed a goal; measured once more", flush=True)
        if not subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=False).returncode:
            return True
    return False


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Figures beside goals.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, smaller sizes")
    parser.add_argument("--any-speed", action="store_true", help="show times and speeds, do not judge them")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in names()]:
        parser.error(f"there is no benchmark {unknown[0]!r}; there are {', '.join(names())}")
    flags = [f for f, on in (("--quick", options.quick), ("--any-speed", options.any_speed)) if on]
    failed = [name for name in options.names or names() if not met(name, flags)]
    print(f"\nmissed a goal: {', '.join(failed)}" if failed else "\nall goals met")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
