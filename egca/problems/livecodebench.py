"""LiveCodeBench, code generation (lite): tests on standard input, or calls of a method.

How its packed field is opened is decided in packed.py; its windows of time in datasets.py."""

from __future__ import annotations

import math
from typing import Any

from egca.errors import ProblemError
from egca.problems.entry_points import kind_of
from egca.problems.json_text import json_of
from egca.problems.packed import NotPacked, unpacked
from egca.problems.preamble import with_starter
from egca.problems.problem import Example, Problem
from egca.problems.rows import Row, decoded, number_or_text, optional, required, value_shown
from egca.types import Comparison

# What LiveCodeBench's judge imports before it runs a program, all names of each; builtins after the
# others, whose names would hide them (pow, open, sum), and then typing.
MODULES = (
    "string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random",
    "statistics", "itertools", "functools", "operator", "io", "sys", "json", "builtins", "typing",
)  # fmt: skip
_NAMES = "".join(f"from {name} import *\n" for name in MODULES)
_BY_MODULE = "".join(f"import {name}\n" for name in MODULES if name not in ("builtins", "typing"))
PREAMBLE = f"{_NAMES}{_BY_MODULE}sys.setrecursionlimit(50000)\n"

# Its judge takes a tuple for a list, but only the outermost. In printed lines it ignores white
# space and takes numbers by their value, as the least of tolerances does.
FUNCTIONAL = Comparison(view="tuple_as_list")
PRINTED = Comparison(atol=math.ulp(0.0))


def livecodebench_id(row: Row, where: str) -> str:
    """ "LiveCodeBench/abc301_a". Raises: ProblemError."""
    return f"LiveCodeBench/{number_or_text(row, 'question_id', where)}"


def livecodebench_problem(row: Row, where: str) -> Problem:
    """A row of LiveCodeBench: public tests, then private ones; it has no references.

    Raises: ProblemError.
    """
    starter = optional(row, "starter_code", where)
    cases = [
        (f"{name} {i}", case)
        for field, name in (("public_test_cases", "public"), ("private_test_cases", "private"))
        for i, case in enumerate(_cases(row, field, where), 1)
    ]
    if not cases:
        raise ProblemError(f"{where}: public_test_cases and private_test_cases are empty")
    kinds = {value_shown(case.get("testtype")) for _, case in cases}
    if kinds == {"'stdin'"}:
        entry_point = ""
        tests = tuple(
            Example(name, stdin=_text(case, "input", name, where),
                    expected=_text(case, "output", name, where))
            for name, case in cases
        )  # fmt: skip
    elif kinds == {"'functional'"}:
        entry_point = _entry_point(row, starter, where)
        tests = tuple(_call(name, case, where) for name, case in cases)
    else:
        raise ProblemError(
            f"{where}: testtype is {', '.join(sorted(kinds))}, but must be "
            '"stdin" or "functional", the same for all tests of a task'
        )
    return Problem(
        task_id=livecodebench_id(row, where),
        entry_point=entry_point,
        tests=tests,
        kind=kind_of(entry_point),
        prompt=with_starter(required(row, "question_content", where), starter),
        comparison=FUNCTIONAL if entry_point else PRINTED,
        origin=where,
        preamble=PREAMBLE,
    )


def _cases(row: Row, field: str, where: str) -> list[dict[str, Any]]:
    value = row.get(field)
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = json_of(value)
        except (ValueError, RecursionError):
            value = _packed_cases(value, field, where)
    if not isinstance(value, list) or not all(isinstance(case, dict) for case in value):
        raise ProblemError(f"{where}: {field} is no list of objects with input and output")
    return value


def _packed_cases(text: str, field: str, where: str) -> Any:
    try:
        return json_of(unpacked(text))
    except NotPacked as error:
        raise ProblemError(f"{where}: {field}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ProblemError(f"{where}: {field} holds no JSON: {error}") from None


def _entry_point(row: Row, starter: str, where: str) -> str:
    metadata = decoded(row, "metadata", where)
    name = metadata.get("func_name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not name.isidentifier():
        raise ProblemError(f'{where}: metadata has no "func_name", which functional tests need')
    return f"Solution.{name}" if "class Solution" in starter else name


def _call(name: str, case: dict[str, Any], where: str) -> Example:
    lines = _text(case, "input", name, where).split("\n")
    args = tuple(_json(line, "input", name, where) for line in lines)
    expected = _json(_text(case, "output", name, where), "output", name, where)
    return Example(name, args, expected=expected)


def _json(text: str, field: str, name: str, where: str) -> Any:
    try:
        return json_of(text)
    except (ValueError, RecursionError) as error:
        raise ProblemError(f"{where}: {field} of the test {name} is not JSON: {error}") from None


def _text(case: dict[str, Any], field: str, name: str, where: str) -> str:
    value = case.get(field)
    if not isinstance(value, str):
        raise ProblemError(f'{where}: no "{field}" (text) in the test {name}')
    return value
