"""Values as models write them: Python literals in a JSON object at the end of an answer."""

from __future__ import annotations

import ast
import json
from typing import Any

_NONE = object()  # of a text that is no literal


def last_object(completion: str) -> dict[str, str] | None:
    """The JSON object of the last line, strictly, behind any reasoning.

    None where there is none, or it holds other than texts.

    >>> last_object('One plus one.\\n{"x": "2"}'), last_object('{"x": 2}')
    ({'x': '2'}, None)
    """
    lines = completion.rstrip().split("\n")
    try:
        said = json.loads(lines[-1])
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not all(isinstance(text, str) for text in said.values()):
        return None
    return said


def is_literal(text: str) -> bool:
    """Whether a text is a Python literal."""
    return _value(text) is not _NONE


def is_same(said: str, wanted: str) -> bool:
    """Equal literals of one type, inside too: 1 is neither True nor 1.0.

    >>> is_same("[1,2]", "[1, 2]"), is_same("1", "True"), is_same("[1]", "[1.0]")
    (True, False, False)
    >>> is_same("x", "x"), is_same("{1: {2}}", "{1: {2}}")
    (False, True)
    """
    mine, theirs = _value(said), _value(wanted)
    if mine is _NONE or theirs is _NONE:
        return False
    return _typed(mine) == _typed(theirs)


def _typed(value: Any) -> tuple[str, Any]:
    """A value with its types, which compare as well; its own equality takes 1 for True."""
    if isinstance(value, dict):
        inner: Any = frozenset((_typed(key), _typed(held)) for key, held in value.items())
    elif isinstance(value, set):
        inner = frozenset(map(_typed, value))
    else:
        inner = tuple(map(_typed, value)) if isinstance(value, list | tuple) else value
    return type(value).__name__, inner


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return _NONE
