"""Names of other libraries' parts as names of components, and back.

A part may be called ``answer``, ``steps[0]`` or ``tools['look up'].predict``. A component has no dots and no
blanks in its name, so a dot becomes a slash, and a slash, a percent sign and white space are written in
percent-encoding.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

__all__ = ["component_name", "part_name"]

_ESCAPED = re.compile(r"[\s%/]")


def component_name(part: str) -> str:
    """The component of a part.

    Example::

        >>> component_name("tools['look up'].predict")
        "tools['look%20up']/predict"
    """
    return _ESCAPED.sub(lambda char: quote(char[0], safe=""), part).replace(".", "/")


def part_name(component: str) -> str:
    """The inverse of :func:`component_name`; the name of a knob of the component will do, too.

    Example::

        >>> part_name("tools['look%20up']/predict.prompt")
        "tools['look up'].predict"
    """
    return unquote(component.partition(".")[0].replace("/", "."))
