"""JSON and JSONL files of inputs and expected outputs as Examples. The schema is FIELDS below.

One test is an object. A JSONL file has one a line; a JSON file is a list of them, or an object with
`tests` (and, if wanted, `entry_point` and the comparison fields for all of them)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from egca.errors import ProblemError
from egca.problems.literals import NotLiteral, literal
from egca.problems.problem import UNKNOWN, Example
from egca.problems.rows import kind_of_value, only_known
from egca.types import Comparison

FIELDS: dict[str, str] = {
    "name": "what the test is called; default: its number",
    "args": "list of the positional arguments",
    "kwargs": "object of the keyword arguments, or a Python literal of one as text",
    "input": "instead of args: a Python literal as text, a tuple being all arguments "
    '("(1, [2])") and anything else the only one; a JSON list is args. For a script: stdin',
    "stdin": "text on standard input (scripts)",
    "expected": "the value it must return, or the text a script must print; left out: the "
    "reference decides",
    "output": "instead of expected: a Python literal as text; for a script: the text as it is",
    "atol": "absolute tolerance for floats, at any depth",
    "rtol": "relative tolerance for floats, at any depth",
    "types": '"python" (default: 1 == 1.0 == true) or "exact"',
    "unordered": "true: the order of the outermost list does not count",
    "view": "what of both values is compared; one of VIEWS",
}
COMPARISON = ("atol", "rtol", "types", "unordered", "view")
VIEWS = ("", "truth", "set", "list", "tuple", "tuple_as_list", "is_not_none")


def parse_json_tests(
    text: str, entry_point: str, *, filename: str = "<tests>"
) -> tuple[Example, ...]:
    """The tests of a JSON or JSONL file; entry_point "" means a script.

    Raises: ProblemError naming file, line, field and what to do.
    """
    shared: dict[str, Any] = {}
    examples: list[Example] = []
    for line, row in _rows(text, filename, shared):
        where = f"{filename}:{line}"
        if not isinstance(row, dict):
            raise ProblemError(
                f'{where}: a test is an object such as {{"args": [1], "expected": 2}}'
            )
        examples.append(example_of({**shared, **row}, len(examples) + 1, not entry_point, where))
    if not examples:
        raise ProblemError(
            f'{filename}: no tests in it; write {{"args": [1], "expected": 2}} a line'
        )
    return tuple(examples)


def _rows(text: str, filename: str, shared: dict[str, Any]) -> Iterator[tuple[int, Any]]:
    """(1-based line, test) of each test, whichever of the three layouts it is."""
    stripped = text.lstrip("\ufeff \t\r\n")
    start = len(text) - len(stripped)
    if stripped.startswith("["):
        yield from _elements(text, start, filename)
        return
    try:
        whole = json.loads(stripped)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and "tests" in whole:
        shared.update({key: whole[key] for key in COMPARISON if key in whole})
        if not isinstance(whole["tests"], list):
            raise ProblemError(
                f"{filename}:1: tests is {kind_of_value(whole['tests'])}, but must be a list"
            )
        at = text.index("[", text.index('"tests"'))
        yield from _elements(text, at, filename)
        return
    if whole is not None:
        yield text.count("\n", 0, start) + 1, whole
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ProblemError(
                    f"{filename}:{number}: not JSON: {error}; one object a line"
                ) from None


def _elements(text: str, start: int, filename: str) -> Iterator[tuple[int, Any]]:
    """Elements of the JSON list that starts at text[start], with the line each begins on."""
    decoder = json.JSONDecoder()
    at = start + 1
    while True:
        while text[at : at + 1] in (" ", "\t", "\r", "\n", ","):
            at += 1
        if text[at : at + 1] == "]":
            return
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            place = line if at >= len(text) else getattr(error, "lineno", line)
            raise ProblemError(f"{filename}:{place}: not JSON: {error}") from None
        yield line, value


def example_of(row: dict[str, Any], number: int, is_script: bool, where: str) -> Example:
    """One test as FIELDS describes it; number is its name if it has none. Raises: ProblemError."""
    only_known(row, FIELDS, where)
    _only_one(row, ("expected", "output"), where)
    if is_script:
        args: tuple[Any, ...] = ()
        stdin: str | None = _stdin(row, where)
    else:
        _only_one(row, ("args", "input"), where)
        args, stdin = _args(row, where), _text(row, "stdin", where)
    kwargs = row.get("kwargs", {})
    if isinstance(kwargs, str):
        kwargs = _literal(kwargs, "kwargs", where)
    if not isinstance(kwargs, dict):
        raise ProblemError(
            f"{where}: kwargs is {kind_of_value(kwargs)}, but must be an object of names"
        )
    return Example(
        name=str(row.get("name", f"test {number}")),
        args=args,
        kwargs=kwargs,
        stdin=stdin,
        expected=_expected(row, is_script, where),
        comparison=comparison_of(row, where),
    )


def _only_one(row: dict[str, Any], fields: tuple[str, ...], where: str) -> None:
    given = [name for name in fields if name in row]
    if len(given) > 1:
        raise ProblemError(f"{where}: has {' and '.join(given)}; keep one of them")


def _args(row: dict[str, Any], where: str) -> tuple[Any, ...]:
    if "input" not in row and "args" not in row:
        if "kwargs" in row:
            return ()
        raise ProblemError(f'{where}: no "args"; give the list of arguments, [] for none')
    value = row.get("args", row.get("input"))
    if "args" in row:
        if not isinstance(value, list):
            raise ProblemError(
                f"{where}: args is {kind_of_value(value)}, but must be a list, "
                "one item for each argument"
            )
        return tuple(value)
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str):
        value = _literal(value, "input", where)
        return value if isinstance(value, tuple) else (value,)
    return (value,)


def _stdin(row: dict[str, Any], where: str) -> str | None:
    if "args" in row or "kwargs" in row:
        raise ProblemError(
            f"{where}: has args, but a script reads stdin; use stdin, or name an entry point"
        )
    _only_one(row, ("stdin", "input"), where)
    if "stdin" in row:
        return _text(row, "stdin", where)
    return _text(row, "input", where) or ""


def _text(row: dict[str, Any], field: str, where: str) -> str | None:
    value = row.get(field)
    if value is not None and not isinstance(value, str):
        raise ProblemError(f"{where}: {field} is {kind_of_value(value)}, but must be text")
    return value


def _expected(row: dict[str, Any], is_script: bool, where: str) -> Any:
    field = "output" if "output" in row else "expected"
    if field not in row:
        return UNKNOWN
    value = row[field]
    if is_script:
        if not isinstance(value, str):
            raise ProblemError(
                f"{where}: {field} is {kind_of_value(value)}, but a script prints text"
            )
        return value
    if field == "output" and isinstance(value, str):
        return _literal(value, field, where)
    return value


def _literal(text: str, field: str, where: str) -> Any:
    try:
        return literal(text)
    except NotLiteral as error:
        raise ProblemError(
            f"{where}: {field} is no Python literal ({error}); put text in quotes: \"'abc'\""
        ) from None


def comparison_of(row: dict[str, Any], where: str) -> Comparison | None:
    """The comparison that a row's fields ask for, None when it has none of them.

    Raises: ProblemError for a negative tolerance or an unknown kind of types.
    """
    if not any(name in row for name in COMPARISON):
        return None
    atol, rtol = row.get("atol", 0), row.get("rtol", 0)
    for name, value in (("atol", atol), ("rtol", rtol)):
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value <= sys.float_info.max
        ):
            raise ProblemError(f"{where}: {name} is {value!r:.60}, but must be a number from 0 on")
    types = row.get("types", "python")
    if types not in ("python", "exact"):
        raise ProblemError(f'{where}: types is {types!r}, but must be "python" or "exact"')
    unordered = row.get("unordered", False)
    if not isinstance(unordered, bool):
        raise ProblemError(f"{where}: unordered is {unordered!r}, but must be true or false")
    view = row.get("view", "")
    if view not in VIEWS:
        known = ", ".join(f'"{name}"' for name in VIEWS)
        raise ProblemError(f"{where}: view is {view!r:.60}, but must be one of {known}")
    return Comparison(float(atol), float(rtol), types, unordered, view)
