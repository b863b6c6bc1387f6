"""What a text names that can be reached, paid or run: addresses, numbers, codes and commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hyperfunc.optimizers.proposers.screening.markup import unmasked

__all__ = ["Named", "named"]

_GENERIC: Final = (
    "com|org|net|io|ai|co|dev|app|xyz|info|biz|shop|online|site|cloud|top|club|live|link|page|test"
    "|invalid|onion"
    "|ru|cn|uk|de|fr|nl|eu|us|tk|cc|to|ly|gg|example|local"
)
_HOST: Final = r"[^\W_][\w-]*(?:\.[\w-]+)*\.[a-z]{2,24}"
_STRONG: Final = re.compile(rf"(?:://\s?|(?<![:\w])//|www\.|[\w.+-]@)({_HOST})(?![\w-])")
_WEAK: Final = re.compile(rf"(?<![\w.@-])({_HOST})(?![\w-])")
_KNOWN: Final = re.compile(rf"\.(?:{_GENERIC})$")
_DATE: Final = re.compile(r"\b(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})\b")
_NUMBER: Final = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-/]{0,2}\d){6,}(?!\w)")
_CODE: Final = re.compile(r"(?<![^\W_])(?=[a-z]*\d)(?=\d*[a-z])[a-z0-9]{10,}(?![^\W_])")
_ACCOUNT: Final = re.compile(
    r"(?<![^\W_])[a-z]{2}\d{2}(?:\s?[a-z0-9]{4}){2,7}(?:\s?[a-z0-9]{1,4})?(?![^\W_])"
)
_COMMAND: Final = re.compile(
    r"\b(?:curl|wget|rm -\w+|sudo|pip install|pip3 install|npm (?:i|install)|powershell|bash -c|chmod"
    r"|ssh|scp"
    r"|os\.system|subprocess|drop (?:table|database)|delete from|truncate table|eval)\b|\|\s*(?:ba)?sh\b"
)
_DEFANGED: Final = (
    (re.compile(r"\s{0,2}[\[({]\s{0,2}(?:at|@)\s{0,2}[\])}]\s{0,2}"), "@"),
    (re.compile(r"\s{0,2}[\[({]\s{0,2}(?:dot|\.)\s{0,2}[\])}]\s{0,2}"), "."),
    (re.compile(r"\bhxxp"), "http"),
)
_RESERVED: Final = re.compile(r"(?:^|\.)example\.(?:com|org|net)$")


@dataclass(frozen=True, slots=True)
class Named:
    """What a text names.

    Args:
        hosts: of addresses on the web and of mail that are written as such.
        hints: what may be the host of an address, but also a field of a table.
        numbers: of seven digits or more, of telephones or accounts; dates are none.
        codes: of ten characters or more, with letters and digits.
        commands: that a shell or a database would run.
        bare: letters and digits of the text alone.
    """

    hosts: frozenset[str]
    hints: frozenset[str]
    numbers: frozenset[str]
    codes: frozenset[str]
    commands: frozenset[str]
    bare: str

    def new(self, base: Named, data: tuple[Named, ...]) -> str:
        """What is named here that neither the text it is to replace names nor its author would; or nothing.

        Args:
            base: what the author of the prompt named.
            data: what the examples, the outputs and the feedback name.
        """
        seen = frozenset[str]().union(*(each.hosts | each.hints for each in data))
        hosts = self.hosts - base.hosts - base.hints
        if hosts & seen or (self.hints - base.hosts - base.hints) & seen:
            return "carries an address over from the data; leave addresses of the data out"
        if any(not _RESERVED.search(host) for host in hosts):
            return "names an address that the prompt did not have; leave it out"
        theirs = frozenset[str]().union(*(each.numbers for each in data))
        if any(one in other or other in one for one in self.numbers - base.numbers for other in theirs):
            return "carries a long number over from the data; leave it out"
        codes = frozenset[str]().union(*(each.codes for each in data))
        if any(code in self.bare and code not in base.bare for code in codes):
            return "carries a code or an account over from the data; leave it out"
        run = frozenset[str]().union(*(each.commands for each in data))
        if (self.commands - base.commands) & run:
            return "carries a command over from the data; leave it out"
        return ""


def named(text: str) -> Named:
    """Find what a text names, disguised or not."""
    text = unmasked(text)
    for pattern, plain in _DEFANGED:
        text = pattern.sub(plain, text)
    hosts = frozenset(match[1] for match in _STRONG.finditer(text))
    hints = frozenset(match[1] for match in _WEAK.finditer(text) if _KNOWN.search(match[1]))
    undated = _DATE.sub(" ", text)
    return Named(
        hosts=hosts,
        hints=hints - hosts,
        numbers=frozenset(re.sub(r"\D", "", match[0]) for match in _NUMBER.finditer(undated)),
        codes=frozenset(
            re.sub(r"\s", "", match[0])
            for pattern in (_CODE, _ACCOUNT)
            for match in pattern.finditer(undated)
            if re.search(r"\d", match[0]) and len(re.sub(r"\s", "", match[0])) >= 10
        ),
        commands=frozenset(re.sub(r"\s+", " ", match[0]) for match in _COMMAND.finditer(text)),
        bare="".join(filter(str.isalnum, text)),
    )
