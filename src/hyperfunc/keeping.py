"""The values of a system as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperfunc.analysis.artifact import FORMAT, read_artifact
from hyperfunc.analysis.filing import is_folder, latest_in, write_artifact
from hyperfunc.composition import Composition
from hyperfunc.errors import LedgerError, SpaceError, UnknownKnob, did_you_mean
from hyperfunc.llm.rendering import request_templates
from hyperfunc.spaces import Candidate, Space

__all__ = ["Keeping"]


class Keeping(Composition):
    """Writes the values that it holds, and reads them back."""

    def save(self, path: str | Path, *, name: str | None = None) -> Path:
        """Write the values as JSON; docs/saving.md says what is in the file, and what is not.

        Args:
            path: a file such as ``support.json``, which is replaced; or a folder, made where it is missing:
                there it becomes ``NAME-YYYYMMDD-HHMMSS.json`` (UTC), which no later one replaces, and a copy
                of it ``NAME-latest.json``. A path without an ending is a folder.
            name: of the files in a folder; the name of the class by default.

        Returns:
            The file; in a folder the one with the time.

        Example::

            system.save("saved")    # saved/Support-20260131-093015.json and saved/Support-latest.json
            fresh.load("saved")
        """
        now = self.candidate
        row = {
            "hyperfunc": FORMAT,
            "values": now.to_json(),
            "kinds": {knob: now.space.knob(knob).kind for knob in now},
            "requests": request_templates(self.hyperfunctions, now),
        }
        return write_artifact(row, path, name or type(self).__name__)

    def load(self, path: str | Path, *, name: str | None = None, partial: bool = False) -> None:
        """Read values that :meth:`save` or an export wrote; nothing in the file is executed.

        Either all values are taken or, with an error, none.

        Args:
            path: a file; or a folder, whose ``NAME-latest.json`` is read.
            name: as of :meth:`save`.
            partial: take what the file and this system both have, and let the rest be: knobs that the file
                lacks keep their values. Kinds and bounds are checked all the same.

        Raises:
            UnknownKnob: the file has a knob that this system does not have.
            OutOfBounds: it has a value that its knob does not allow.
            SpaceError: it cannot be read, lacks a knob, or has one of another kind.
        """
        file = Path(path)
        try:
            if is_folder(file):
                file = latest_in(file, name or type(self).__name__)
            row = read_artifact(file)[1]
        except LedgerError as error:
            raise SpaceError(f"cannot read values from {file}: {error}") from error
        self.candidate = fitted(self.space, row, self.candidate, str(file), partial=partial)


def fitted(space: Space, row: Mapping[str, Any], base: Candidate, where: str, *, partial: bool) -> Candidate:
    """The values of an artefact as a candidate.

    Args:
        space: that they must fit.
        row: of the artefact.
        base: supplies what a partial artefact lacks.
        where: the file, for messages.
        partial: whether it may lack knobs, or have others.

    Raises:
        SpaceError: as :meth:`Keeping.load` says.
    """
    if row.get("hyperfunc", FORMAT) != FORMAT:
        raise SpaceError(f"{where} has a layout that this version cannot read: update hyperfunc")
    values, kinds = row["values"], row.get("kinds") or {}
    if not isinstance(values, Mapping) or not isinstance(kinds, Mapping):
        raise SpaceError(f"cannot read values from {where}: its values are no object")
    if not partial:
        _check_names(space, values, where)
    shared = [name for name in space if name in values]
    _check_kinds(space, {name: kinds.get(name) for name in shared}, where)
    made = {name: _value(space, name, values[name], where) for name in shared}
    return space.candidate(made, base=base)


def _check_names(space: Space, values: Mapping[str, Any], where: str) -> None:
    unknown = [name for name in values if name not in space]
    missing = [name for name in space if name not in values]
    advice = "mend the file, or load(..., partial=True) takes what both have"
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise UnknownKnob(
            f"{where} has the knob {unknown[0]!r}{more}, which this system does not have"
            f"{did_you_mean(unknown[0], missing or space)}; {advice}"
        )
    if missing:
        raise SpaceError(f"{where} lacks {', '.join(map(repr, missing))} of this system; {advice}")


def _check_kinds(space: Space, kinds: Mapping[str, Any], where: str) -> None:
    for name, kind in kinds.items():
        if kind is not None and kind != space[name].kind:
            raise SpaceError(
                f"{where} has the knob {name!r} as {kind}, and here it is {space[name].kind}; "
                "rename the knob here, or take it out of the file and load(..., partial=True)"
            )


def _value(space: Space, name: str, value: Any, where: str) -> Any:
    try:
        return space[name].canonical(space[name].from_json(value), name)
    except SpaceError as error:
        raise type(error)(f"{where}: {error}") from error
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise SpaceError(f"{where}: {value!r:.80} is no value of the knob {name!r}") from error
