"""Packages of extras: missing ones are named when an optimizer is made, not in the middle of its run."""

from __future__ import annotations

from importlib.util import find_spec

from hyperfunc.errors import SpaceError

__all__ = ["needs_extra"]


def needs_extra(who: str, extra: str) -> None:
    """Look whether the package of an extra is there, without importing it.

    Args:
        who: needs it.
        extra: its name, which is the package's, too.

    Raises:
        SpaceError: it is not.
    """
    if find_spec(extra) is None:
        raise SpaceError(f"{who} needs the package {extra}: pip install 'hyperfunc[{extra}]'")
