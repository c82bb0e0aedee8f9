"""JSON and JSONL files of inputs and expected outputs as Examples. The schema is FIELDS below.

One test is an object. A JSONL file has one a line; a JSON file is a list of them, or an object with
`tests` (and, if wanted, `entry_point` and the comparison fields for all of them)."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import Any

from egca.errors import ProblemError
from egca.problems.json_text import elements, json_of
from egca.problems.literals import NotLiteral, literal
from egca.problems.problem import UNKNOWN, Example
from egca.problems.rows import Row, kind_of_value, name_shown, only_known, optional, value_shown
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
    for line, row in _rows(text, entry_point, filename, shared):
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


def named_entry_point(whole: Row, where: str) -> str | None:
    """What an object with tests says is under test; None if it does not say.

    Raises: ProblemError.
    """
    return optional(whole, "entry_point", where) if whole.get("entry_point") is not None else None


def _rows(
    text: str, entry_point: str, filename: str, shared: dict[str, Any]
) -> Iterator[tuple[int, Any]]:
    """(1-based line, test) of each test, whichever of the three layouts it is."""
    stripped = text.lstrip("\ufeff \t\r\n")
    line = text.count("\n", 0, len(text) - len(stripped)) + 1
    if stripped.startswith("["):
        yield from elements(io.StringIO(stripped), filename, line)
        return
    try:
        whole = json_of(stripped)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and "tests" in whole:
        where = f"{filename}:{line}"
        only_known(whole, ("tests", "entry_point", *COMPARISON), where)
        named = named_entry_point(whole, where)
        if named is not None and named != entry_point:
            raise ProblemError(
                f'{where}: entry_point is "{name_shown(named)}", but these tests are to call '
                f'"{entry_point}"; name the same one in both places, or leave this one out'
            )
        shared.update({key: whole[key] for key in COMPARISON if key in whole})
        if not isinstance(whole["tests"], list):
            raise ProblemError(
                f"{where}: tests is {kind_of_value(whole['tests'])}, but must be a list"
            )
        at = stripped.index("[", stripped.index('"tests"'))
        line += stripped.count("\n", 0, at)
        yield from elements(io.StringIO(stripped[at:]), filename, line, is_part=True)
        return
    if whole is not None:
        yield line, whole
        return
    for number, row in enumerate(text.split("\n"), 1):
        if row.strip():
            try:
                yield number, json_of(row)
            except (ValueError, RecursionError) as error:
                raise ProblemError(
                    f"{filename}:{number}: not JSON: {error}; one object a line"
                ) from None


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
        name=_name(row, number, where),
        args=args,
        kwargs=kwargs,
        stdin=stdin,
        expected=_expected(row, is_script, where),
        comparison=comparison_of(row, where),
    )


def _name(row: dict[str, Any], number: int, where: str) -> str:
    value = row.get("name", f"test {number}")
    try:
        return str(value)
    except ValueError:
        raise ProblemError(f"{where}: name is {value_shown(value)}, but must be text") from None


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
            raise ProblemError(
                f"{where}: {name} is {value_shown(value)}, but must be a number from 0 on"
            )
    types = row.get("types", "python")
    if types not in ("python", "exact"):
        raise ProblemError(
            f'{where}: types is {value_shown(types)}, but must be "python" or "exact"'
        )
    unordered = row.get("unordered", False)
    if not isinstance(unordered, bool):
        raise ProblemError(
            f"{where}: unordered is {value_shown(unordered)}, but must be true or false"
        )
    view = row.get("view", "")
    if view not in VIEWS:
        known = ", ".join(f'"{name}"' for name in VIEWS)
        raise ProblemError(f"{where}: view is {value_shown(view)}, but must be one of {known}")
    return Comparison(float(atol), float(rtol), types, unordered, view)
