"""Without the other library there is one clear sentence, and importing loads nothing of it."""

from __future__ import annotations

import subprocess
import sys

ABSENT = """
import sys
sys.modules["dspy"] = None
import hyperfunc.interop.dspy as interop
from hyperfunc.errors import ProgramError
for use in (lambda: interop.from_dspy(object()), lambda: interop.Hyperfunc):
    try:
        use()
    except ProgramError as error:
        print(error)
"""

LOADED = """
import sys
import hyperfunc.interop.dspy, hyperfunc.interop.gepa
print(sorted({"dspy", "gepa", "litellm", "mlflow", "torch"} & set(sys.modules)))
"""


def run(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_a_missing_dspy_is_said_in_one_sentence() -> None:
    told = "programs of DSPy need DSPy, which is not installed here: pip install 'hyperfunc[dspy]'"
    assert run(ABSENT) == [told, told]


def test_importing_loads_nothing_heavy() -> None:
    assert run(LOADED) == ["[]"]
