"""Scorers that compare texts: equal, containing, or matching a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import MetricError
from hyperfunc.types import ScoreResult

from .base import Malformed, judged, result, shown, text_of

__all__ = ["ContainsMatch", "ExactMatch", "RegexMatch"]


@dataclass(frozen=True, slots=True)
class ExactMatch:
    """1 when output and expectation are equal as text, else 0.

    Args:
        case_sensitive: whether ``A`` and ``a`` differ.
        strip_whitespace: ignore white space at both ends.

    Example::

        >>> ExactMatch().score(" billing", "billing", {}).score
        1.0
    """

    case_sensitive: bool = True
    strip_whitespace: bool = True

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Compare the two."""
        return judged(self._compare, output, expected)

    def _compare(self, got: Any, want: Any) -> ScoreResult:
        # None is no text: the word "None" does not answer for it.
        same = got is want if want is None else self._clean(got) == self._clean(want)
        if same:
            return result(1.0, "correct")
        return result(0.0, f"got {shown(got)}, expected {shown(want)}")

    def _clean(self, value: Any) -> str:
        text = text_of(value)
        text = text.strip() if self.strip_whitespace else text
        return text if self.case_sensitive else text.casefold()


@dataclass(frozen=True, slots=True)
class ContainsMatch:
    """The share of expected fragments that the output contains.

    Args:
        case_sensitive: whether ``A`` and ``a`` differ.

    Example::

        >>> ContainsMatch().score("Dear Ada, sorry!", ["Ada", "sorry", "today"], {}).score
        0.6666666666666666
    """

    case_sensitive: bool = False

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Look for each fragment; ``expected`` is one string or a list of them.

        Raises:
            MetricError: nothing is expected.
        """
        return judged(self._look, output, expected)

    def _look(self, got: Any, want: Any) -> ScoreResult:
        if want is None:
            raise MetricError("ContainsMatch looks for expected text, and the example expects None; give one")
        many = isinstance(want, Sequence | set | frozenset) and not isinstance(want, str)
        wanted = [str(w) for w in want] if many else [str(want)]
        if not wanted:
            return result(1.0, "nothing was expected")
        text = self._fold(text_of(got))
        missing = [w for w in wanted if self._fold(w) not in text]
        share = (len(wanted) - len(missing)) / len(wanted) if missing else 1.0
        feedback = f"missing: {', '.join(missing)}" if missing else "all there"
        return result(share, feedback, {"missing": [shown(w) for w in missing]})

    def _fold(self, text: str) -> str:
        return text if self.case_sensitive else text.casefold()


@dataclass(frozen=True, slots=True)
class RegexMatch:
    """1 when a pattern matches the output, else 0.

    Args:
        pattern: a regular expression; ``None`` takes what the example expects as the pattern.
        flags: of :mod:`re`; upper and lower case are one by default.
        full_match: whether the pattern must match the whole output, not a part of it.
        max_chars: longer outputs score 0 unread. It bounds the text, not the time: a pattern with nested
            repetition can take exponential time, so take patterns from people you trust.

    Raises:
        MetricError: the pattern is no regular expression, or ``max_chars`` is below 1.

    Example::

        >>> RegexMatch(r"\\bEUR \\d+").score("That is EUR 12.", None, {}).score
        1.0
    """

    pattern: str | None = None
    flags: int = int(re.IGNORECASE)
    full_match: bool = False
    max_chars: int = 100_000

    def __post_init__(self) -> None:
        if self.max_chars < 1:
            raise MetricError(f"max_chars of RegexMatch is {self.max_chars}; give at least 1")
        if self.pattern is not None:
            self._compiled(self.pattern)

    def score(self, output: Any, expected: Any, inputs: Mapping[str, Any]) -> ScoreResult:
        """Match the output.

        Raises:
            MetricError: there is no pattern, or what is expected is none.
        """
        return judged(self._match, output, expected if self.pattern is None else self.pattern)

    def _match(self, got: Any, want: Any) -> ScoreResult:
        compiled = self._compiled(want)
        text = text_of(got)
        if len(text) > self.max_chars:
            raise Malformed(
                f"the prediction has {len(text)} characters and at most {self.max_chars} are read"
            )
        found = compiled.fullmatch(text) if self.full_match else compiled.search(text)
        if found:
            return result(1.0, f"the pattern matches: {shown(found.group())}")
        whole = " as a whole" if self.full_match else ""
        return result(0.0, f"got {shown(got)}, which the pattern {shown(want)} does not match{whole}")

    def _compiled(self, pattern: Any) -> re.Pattern[str]:
        try:
            return re.compile(pattern, self.flags)
        except (re.error, TypeError, ValueError, OverflowError, RecursionError) as error:
            raise MetricError(
                f"RegexMatch needs a regular expression, and {shown(pattern)} is none: {error}"
            ) from error
