"""Where a JSON value breaks a JSON schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hyperfunc.errors import ModelError

__all__ = ["violation"]

_NOTES = frozenset({
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples",
    "format", "deprecated", "readOnly", "writeOnly",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _At:
    """A place in a value: its path, the schema that holds there, and the whole schema."""

    path: str
    schema: Mapping[str, Any]
    root: Mapping[str, Any]

    def check(self, value: Any, schema: Any, more: str = "") -> str | None:
        """Where ``value``, found at ``more`` below this place, breaks another schema of the whole."""
        return _violation(value, schema, self.root, self.path + more)


_Check = Callable[[Any, Any, _At], str | None]


def violation(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Where a value breaks a schema, in words; ``None`` when it fits.

    Args:
        value: from JSON.
        schema: a JSON schema; references must stay inside it.

    Raises:
        ModelError: the schema is wrong, or uses a keyword that is not understood.

    Source: JSON Schema, draft 2020-12, the keywords for values, objects, arrays and combinations.
    """
    return _violation(value, schema, schema, "$")


def _violation(value: Any, schema: Any, root: Mapping[str, Any], path: str) -> str | None:
    if schema is True or schema is False:
        return None if schema else f"{path} is not allowed"
    if not isinstance(schema, Mapping):
        raise ModelError(f"the schema of {path} is {schema!r:.40}; a schema is an object")
    at = _At(path, schema, root)
    for keyword, rule in schema.items():
        if keyword in _NOTES:
            continue
        check = _CHECKS.get(keyword)
        if check is None:
            raise ModelError(f"the schema of {path} uses {keyword!r}, which is not understood; leave it out")
        found = check(value, rule, at)
        if found is not None:
            return found
    return None


_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: (
        not isinstance(v, bool) and (isinstance(v, int) or (isinstance(v, float) and v.is_integer()))
    ),
}


def _type(value: Any, rule: Any, at: _At) -> str | None:
    names = [rule] if isinstance(rule, str) else list(rule)
    if any(name not in _TYPES for name in names):
        raise ModelError(f"the schema of {at.path} has the type {rule!r}, which does not exist")
    if any(_TYPES[name](value) for name in names):
        return None
    return f"{at.path} is {_shown(value)}, not {' or '.join(names)}"


def _properties(value: Any, rule: Any, at: _At) -> str | None:
    if not isinstance(value, dict):
        return None
    return _first(at.check(value[name], schema, f".{name}") for name, schema in rule.items() if name in value)


def _required(value: Any, rule: Any, at: _At) -> str | None:
    missing = [name for name in rule if name not in value] if isinstance(value, dict) else []
    return f"{at.path} lacks {missing[0]!r}" if missing else None


def _additional(value: Any, rule: Any, at: _At) -> str | None:
    if not isinstance(value, dict):
        return None
    known = at.schema.get("properties", {})
    more = [name for name in value if name not in known]
    if rule is False and more:
        return f"{at.path} has {more[0]!r}, which was not asked for"
    return _first(at.check(value[name], rule, f".{name}") for name in more)


def _items(value: Any, rule: Any, at: _At) -> str | None:
    if not isinstance(value, list):
        return None
    return _first(at.check(item, rule, f"[{index}]") for index, item in enumerate(value))


def _enum(value: Any, rule: Any, at: _At) -> str | None:
    if any(_same(value, one) for one in rule):
        return None
    return f"{at.path} is {_shown(value)}, not one of {_shown(rule)}"


def _const(value: Any, rule: Any, at: _At) -> str | None:
    return _enum(value, [rule], at)


def _any(value: Any, rule: Any, at: _At) -> str | None:
    found = [at.check(value, one) for one in rule]
    return found[0] if found and all(found) else None


def _one(value: Any, rule: Any, at: _At) -> str | None:
    fits = [at.check(value, one) for one in rule].count(None)
    return None if fits == 1 else f"{at.path} fits {fits} of the schemas of oneOf, not one"


def _all(value: Any, rule: Any, at: _At) -> str | None:
    return _first(at.check(value, one) for one in rule)


def _ref(value: Any, rule: Any, at: _At) -> str | None:
    if not isinstance(rule, str) or not rule.startswith("#"):
        raise ModelError(
            f"the schema of {at.path} refers to {rule!r}; only references inside it are followed"
        )
    target: Any = at.root
    for part in filter(None, rule.removeprefix("#").split("/")):
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, Mapping) or name not in target:
            raise ModelError(f"the schema of {at.path} refers to {rule!r}, which it does not have")
        target = target[name]
    return at.check(value, target)


def _number(fits: Callable[[float, float], bool], words: str) -> _Check:
    def check(value: Any, rule: Any, at: _At) -> str | None:
        if not _TYPES["number"](value) or fits(value, rule):
            return None
        return f"{at.path} is {_shown(value)}, not {words} {rule}"

    return check


def _length(kind: type[str | list[Any]], fits: Callable[[int, int], bool], words: str) -> _Check:
    def check(value: Any, rule: Any, at: _At) -> str | None:
        if not isinstance(value, kind) or fits(len(value), rule):
            return None
        return f"{at.path} has a length of {len(value)}, not {words} {rule}"

    return check


def _pattern(value: Any, rule: Any, at: _At) -> str | None:
    if not isinstance(value, str) or re.search(rule, value):
        return None
    return f"{at.path} is {_shown(value)}, which {rule!r} does not match"


def _same(a: Any, b: Any) -> bool:
    """Equality of JSON: ``true`` is not 1, in lists and objects too."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)
    return bool(a == b)


def _multiple(value: float, rule: float) -> bool:
    ratio = value / rule
    return math.isclose(ratio, round(ratio), abs_tol=1e-9)


def _first(found: Iterable[str | None]) -> str | None:
    return next((text for text in found if text), None)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."


_CHECKS: dict[str, _Check] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "enum": _enum,
    "const": _const,
    "anyOf": _any,
    "oneOf": _one,
    "allOf": _all,
    "$ref": _ref,
    "pattern": _pattern,
    "minimum": _number(lambda v, r: v >= r, "at least"),
    "maximum": _number(lambda v, r: v <= r, "at most"),
    "exclusiveMinimum": _number(lambda v, r: v > r, "above"),
    "exclusiveMaximum": _number(lambda v, r: v < r, "below"),
    "multipleOf": _number(_multiple, "a multiple of"),
    "minLength": _length(str, lambda n, r: n >= r, "at least"),
    "maxLength": _length(str, lambda n, r: n <= r, "at most"),
    "minItems": _length(list, lambda n, r: n >= r, "at least"),
    "maxItems": _length(list, lambda n, r: n <= r, "at most"),
}
