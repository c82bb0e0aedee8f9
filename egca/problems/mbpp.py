"""MBPP as released: the original set and its sanitized subset (test_imports, prompt for text).

MBPP+, which has inputs of its own and no asserts, is evalplus.py's."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import replace
from itertools import accumulate

from egca.errors import ProblemError
from egca.problems.callee import loads, stores
from egca.problems.entry_points import infer_entry_point
from egca.problems.parsing import NOT_PYTHON, parsed, why_not_python
from egca.problems.problem import Check, Problem, Test
from egca.problems.python_tests import parse_python_tests
from egca.problems.rows import Row, number_or_text, optional, required, texts

_PLACE = re.compile(r":(\d*):? (.*)", re.S)  # how a message about tests without a name begins


def mbpp_id(row: Row, where: str) -> str:
    """ "MBPP/2". Raises: ProblemError."""
    return f"MBPP/{number_or_text(row, 'task_id', where)}"


def mbpp_problem(row: Row, where: str) -> Problem:
    """A row of MBPP: its asserts, then its challenge asserts. Raises: ProblemError."""
    code = required(row, "code", where)
    asserts, challenges = texts(row, "test_list", where), texts(row, "challenge_test_list", where)
    if not asserts:
        raise ProblemError(f"{where}: test_list is empty, so the task has no tests")
    setup = {
        "test_setup_code": optional(row, "test_setup_code", where),
        **_numbered(row, "test_imports", where),
    }
    entry_point = _entry_point(code, asserts, where)
    tests = _tests(setup | _numbered(row, "test_list", where), entry_point, where)
    if challenges:
        hard = _tests(setup | _numbered(row, "challenge_test_list", where), entry_point, where)
        tests += tuple(
            replace(test, name=f"challenge{test.name.removeprefix('assert')}") for test in hard
        )
    text = optional(row, "text", where) or required(row, "prompt", where)
    shown = "\n".join(asserts)  # the text does not name the function
    return Problem(
        task_id=mbpp_id(row, where),
        entry_point=entry_point,
        tests=tests,
        prompt=f"{text.rstrip()}\n\nThe code has to pass these tests:\n\n{shown}\n",
        reference=code,
        origin=where,
    )


def _entry_point(code: str, asserts: list[str], where: str) -> str:
    try:
        parsed(code)
    except NOT_PYTHON as error:
        line = getattr(error, "lineno", None) or 1
        raise ProblemError(
            f"{where}: code: not Python: {why_not_python(error)} (line {line})"
        ) from None
    try:
        name = infer_entry_point(code, None, "\n".join(asserts))
    except ProblemError as error:
        raise ProblemError(f"{where}: test_list: {error}") from None
    if not name or "." in name:
        raise ProblemError(f"{where}: test_list calls no function that code defines")
    return name


def _numbered(row: Row, field: str, where: str) -> dict[str, str]:
    """The texts of a list, by their places: "test_list[0]"."""
    return {f"{field}[{i}]": text for i, text in enumerate(texts(row, field, where))}


def _tests(parts: dict[str, str], entry_point: str, where: str) -> tuple[Test, ...]:
    """The tests in the parts of one file, which are laid end to end."""
    given = {field: text for field, text in parts.items() if text}
    try:
        tests = parse_python_tests("\n".join(given.values()), entry_point, filename="")
    except ProblemError as error:
        found = _PLACE.fullmatch(str(error))
        line, said = found.groups() if found else ("", error)
        field = _part_of(given, int(line)) if line else next(reversed(given)).partition("[")[0]
        raise ProblemError(f"{where}: {field}: {said}") from None
    for test in tests:
        missing = _missing_names(test) if isinstance(test, Check) else []
        if isinstance(test, Check) and missing:
            raise ProblemError(
                f"{where}: {_part_of(given, test.line)} uses {missing[0]}, which only the program "
                "defines; a test has nothing of the program but its answers"
            )
    return tests


def _part_of(parts: dict[str, str], line: int) -> str:
    """The part that is no Python by itself, else the one that a line of them all is in."""
    ends = accumulate(len(text.split("\n")) for text in parts.values())
    for field, text in parts.items():
        try:
            parsed(text)
        except NOT_PYTHON:
            return field
    return next((field for field, end in zip(parts, ends, strict=True) if line <= end), field)


def _missing_names(check: Check) -> list[str]:
    """Names that a test reads and neither it, its set-up nor Python binds."""
    tree = parsed(f"{check.setup}\n{check.source}")
    bound = {name for node in ast.walk(tree) if isinstance(node, ast.stmt) for name in stores(node)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    bound |= {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return sorted(loads(tree) - bound - {check.entry} - set(dir(builtins)))
