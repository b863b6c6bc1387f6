"""Result files: written as results come, each with a name of its own, whole or not at all."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from hyperfunc.errors import EvidenceError
from hyperfunc.types import JSON

__all__ = ["ResultFile", "newest_results"]

_PATTERN = "hyper_search_*.json"


class ResultFile:
    """One result file of a search.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def new(cls, folder: Path, strategy: str) -> ResultFile:
        """A file that nobody else has, also when several searches begin in one second.

        Raises:
            EvidenceError: the folder cannot be written to.
        """
        stamp = time.strftime("%Y%m%d_%H%M%S")
        for number in range(1, 1000):
            end = f"_{number}" if number > 1 else ""
            path = folder / f"hyper_search_{strategy}_{stamp}{end}.json"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with path.open("x", encoding="utf-8") as opened:
                    opened.write("{}\n")
                return cls(path)
            except FileExistsError:
                if not folder.is_dir():
                    raise EvidenceError(f"{folder} is no folder; name another --output-dir") from None
            except OSError as error:
                raise EvidenceError(
                    f"cannot write results to {folder} ({error.strerror}); name another --output-dir"
                ) from error
        raise EvidenceError(f"{folder} has a thousand results of this second; name another --output-dir")

    def write(self, whole: dict[str, JSON]) -> None:
        """Put a state of the search there; readers see the last one or this one.

        Raises:
            EvidenceError: it cannot be written.
        """
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            part.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            part.replace(self.path)
        except OSError as error:
            raise EvidenceError(
                f"cannot write {self.path} ({error.strerror}); what was paid is in the ledger: go on with "
                "--resume once there is room"
            ) from error

    def read(self) -> dict[str, Any]:
        """The last state.

        Raises:
            EvidenceError: it cannot be read.
        """
        try:
            whole: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise EvidenceError(f"{self.path} cannot be read: {error}") from error
        return whole


def newest_results(folder: Path) -> Path:
    """The newest result file of a folder.

    Raises:
        EvidenceError: there is none.
    """
    found = sorted(folder.glob(_PATTERN), key=lambda path: (path.stat().st_mtime, path.name))
    if not found:
        raise EvidenceError(
            f"{folder} has no results ({_PATTERN}); make some with hyperfunc sampler search, or name files"
        )
    return found[-1]
