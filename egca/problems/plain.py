"""Our own JSONL: one Problem a line, which every data set converts to and back without loss.

The fields are FIELDS below, those of a test in json_tests.FIELDS or, for code, CHECK_FIELDS. Only
`origin`, the place a problem was read from, is not kept: it is where the new file is."""

from __future__ import annotations

from typing import Any

from egca.errors import ProblemError
from egca.problems.entry_points import kind_of
from egca.problems.json_tests import COMPARISON, comparison_of, example_of
from egca.problems.literal_text import is_json, literal_text
from egca.problems.literals import NotLiteral
from egca.problems.problem import UNKNOWN, Check, Example, Problem, Test
from egca.problems.rows import (
    Row,
    kind_of_value,
    name_shown,
    only_known,
    optional,
    required,
    value_shown,
)
from egca.types import Comparison

FIELDS: dict[str, str] = {
    "task_id": "the problem's name in its data set",
    "entry_point": '"f", "Solution.f" for a method, "" for a script',
    "kind": "function, method or script: what the entry point says, and may be left out",
    "prompt": "the statement that a model sees",
    "is_prefix": "true: the prompt is code that a completion continues",
    "preamble": "code to put in front of every program, such as imports",
    "reference": "source of a correct program; null: there is none",
    **dict.fromkeys(COMPARISON, "as in a test, for all tests that have none of these fields"),
    "tests": "list of tests, at least one",
}
CHECK_FIELDS: dict[str, str] = {
    "name": "what the test is called",
    "check": "the test's code, which calls the program and asserts",
    "entry": "the name by which that code calls the program",
    "setup": "code to run before it: imports, helpers",
    "line": "the line in the file it was taken from; 0: none",
}
_DEFAULT = Comparison()


def plain_id(row: Row, where: str) -> str:
    """The task id as it is. Raises: ProblemError."""
    return required(row, "task_id", where)


def plain_problem(row: Row, where: str) -> Problem:
    """A row of our own format. Raises: ProblemError naming the field."""
    only_known(row, FIELDS, where)
    entry_point = required(row, "entry_point", where)
    kind = row.get("kind", kind_of(entry_point))
    if kind != kind_of(entry_point):
        raise ProblemError(
            f"{where}: kind is {value_shown(kind)}, but the entry_point "
            f'"{name_shown(entry_point)}" is that of a {kind_of(entry_point)}; leave kind out, or '
            'write "Solution.f" for a method, "f" for a function and "" for a script'
        )
    tests = row.get("tests")
    if not isinstance(tests, list) or not tests:
        raise ProblemError(f"{where}: tests is no list with at least one test")
    reference = row.get("reference")
    return Problem(
        task_id=plain_id(row, where),
        entry_point=entry_point,
        tests=tuple(_test(item, i, not entry_point, where) for i, item in enumerate(tests, 1)),
        kind=kind_of(entry_point),
        prompt=optional(row, "prompt", where),
        is_prefix=_flag(row, "is_prefix", where),
        reference=None if reference is None else required(row, "reference", where),
        comparison=comparison_of(row, where) or _DEFAULT,
        origin=where,
        preamble=optional(row, "preamble", where),
    )


def row_of(problem: Problem) -> Row:
    """The row that `plain_problem` turns back into the problem.

    Raises: ProblemError for a value that is no plain data.
    """
    row: Row = {
        "task_id": problem.task_id,
        "entry_point": problem.entry_point,
        "kind": problem.kind,
        "prompt": problem.prompt,
        "is_prefix": problem.is_prefix,
    }
    if problem.preamble:
        row["preamble"] = problem.preamble
    row["reference"] = problem.reference
    row |= _comparison_fields(problem.comparison)
    row["tests"] = [_test_row(test, problem) for test in problem.tests]
    return row


def _test(item: Any, number: int, is_script: bool, where: str) -> Test:
    where = f"{where}: tests[{number - 1}]"
    if not isinstance(item, dict):
        raise ProblemError(f"{where} is {kind_of_value(item)}, but must be an object")
    if "check" not in item:
        return example_of(item, number, is_script, where)
    only_known(item, CHECK_FIELDS, where)
    line = item.get("line", 0)
    if type(line) is not int or line < 0:
        raise ProblemError(f"{where}: line is {value_shown(line)}, but must be a number from 0 on")
    return Check(
        required(item, "name", where) if "name" in item else f"test {number}",
        required(item, "check", where),
        required(item, "entry", where),
        optional(item, "setup", where),
        line,
    )


def _test_row(test: Test, problem: Problem) -> Row:
    if isinstance(test, Check):
        return {
            "name": test.name,
            "check": test.source,
            "entry": test.entry,
            "setup": test.setup,
            "line": test.line,
        }
    try:
        return _example_row(test, is_script=problem.kind == "script")
    except NotLiteral as error:
        where = problem.origin or problem.task_id
        raise ProblemError(f"{where}: {test.name} cannot be written down: {error}") from None
    except RecursionError:
        where = problem.origin or problem.task_id
        raise ProblemError(f"{where}: {test.name} is nested too deeply to write down") from None


def _example_row(test: Example, is_script: bool) -> Row:
    row: Row = {"name": test.name}
    if is_script:
        if test.args or test.kwargs or not (test.expected is UNKNOWN or type(test.expected) is str):
            raise NotLiteral("a script reads text and prints text, it has no arguments")
        row["stdin"] = test.stdin
        if test.expected is not UNKNOWN:
            row["output"] = test.expected
    else:
        args = [*test.args]
        row |= {"args": args} if is_json(args) else {"input": literal_text(test.args)}
        if test.kwargs:
            row["kwargs"] = test.kwargs if is_json(test.kwargs) else literal_text(test.kwargs)
        if test.stdin is not None:
            row["stdin"] = test.stdin
        if test.expected is not UNKNOWN:
            is_plain = is_json(test.expected)
            row |= (
                {"expected": test.expected} if is_plain else {"output": literal_text(test.expected)}
            )
    if test.comparison is not None:
        # One field at least, or the test would take the problem's own comparison.
        row |= _comparison_fields(test.comparison) or {"types": test.comparison.types}
    return row


def _comparison_fields(comparison: Comparison) -> Row:
    """The fields in which a comparison differs from the default one."""
    values = {name: getattr(comparison, name) for name in COMPARISON}
    return {name: item for name, item in values.items() if item != getattr(_DEFAULT, name)}


def _flag(row: Row, field: str, where: str) -> bool:
    value = row.get(field, False)
    if not isinstance(value, bool):
        raise ProblemError(f"{where}: {field} is {kind_of_value(value)}, but must be true or false")
    return value
