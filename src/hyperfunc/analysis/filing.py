"""Artefacts as files: one name for each, one that always means the newest, and no half-written ones."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hyperfunc.errors import LedgerError, did_you_mean

from .artifact import written

__all__ = ["is_folder", "latest_in", "replace_text", "write_artifact"]

_LATEST = "-latest.json"


def is_folder(path: Path) -> bool:
    """Whether a path means a folder of artefacts: it is one, or its name has no ending such as ``.json``."""
    return path.is_dir() or (not path.suffix and not path.exists())


def write_artifact(row: Mapping[str, Any], path: str | Path, name: str) -> Path:
    """Write an artefact.

    Args:
        row: of the artefact.
        path: a file, which is replaced; or a folder (:func:`is_folder`), made where it is missing. There the
            artefact becomes ``NAME-YYYYMMDD-HHMMSS.json`` (UTC), which nothing ever replaces, and
            ``NAME-latest.json``, a copy that the next one replaces.
        name: of the artefact in a folder; characters that are none of a file's name become ``_``.

    Returns:
        The file; in a folder the one with the time.
    """
    target, text = Path(path), written(row)
    if not is_folder(target):
        return replace_text(target, text)
    target.mkdir(parents=True, exist_ok=True)
    known = _file_name(name)
    with _beside(target / f"{known}.json", text) as ready:
        made = _linked(ready, target, f"{known}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    replace_text(target / f"{known}{_LATEST}", text)
    return made


def replace_text(path: Path, text: str) -> Path:
    """Write a file so that readers see the old text or the new one, and nothing between."""
    with _beside(path, text) as ready:
        ready.replace(path)
    return path


def latest_in(folder: Path, name: str) -> Path:
    """The newest artefact of a name in a folder.

    Raises:
        LedgerError: there is none of this name; the message says which there are.
    """
    file = folder / f"{_file_name(name)}{_LATEST}"
    if file.is_file():
        return file
    found = sorted(path.name.removesuffix(_LATEST) for path in folder.glob(f"*{_LATEST}"))
    others = f"{did_you_mean(name, found)}; name= may be {', '.join(found)}" if found else ""
    raise LedgerError(f"{folder} has no {file.name}{others or '; save there first, or name a file'}")


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "values"


@contextlib.contextmanager
def _beside(path: Path, text: str) -> Iterator[Path]:
    """A file with the whole text in the same folder, so that it can take its place in one step."""
    ready = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with ready.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield ready
    finally:
        ready.unlink(missing_ok=True)


def _linked(ready: Path, folder: Path, stem: str) -> Path:
    """Give a file a second name that nothing has yet: of two in one second, the later gets a number."""
    for number in itertools.count(1):
        target = folder / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
        try:
            try:
                os.link(ready, target)
            except (NotImplementedError, PermissionError):  # a file system without second names
                with target.open("x"):
                    pass
                ready.replace(target)
        except FileExistsError:
            continue
        return target
    raise AssertionError("counting ends never")
