"""A problem from texts alone: a program, tests, perhaps a reference, as they come without files.

What is not said is inferred: which function the tests call, or that it is a script. Parses only."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from egca.errors import ProblemError
from egca.problems.entry_points import entry_points_of, infer_entry_point, kind_of, near_name
from egca.problems.files import parse_tests
from egca.problems.json_tests import named_entry_point
from egca.problems.json_text import json_of
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.problems.problem import Problem

_HEAD = re.compile(
    r"^(?P<indent>[ \t]*)(?P<word>class|(?:async[ \t]+)?def)[ \t]+(?P<name>\w+)", re.M
)


def problem_of_texts(
    candidate: str, tests: str, reference: str | None = None, entry_point: str | None = None
) -> Problem:
    """The problem that a program is to solve.

    Args:
        candidate: its source. tests: asserts in Python, or JSON(L), as docs/test-files.md has them.
        reference: source of a correct program. entry_point: "f", "Solution.f", "" for a script;
            None: inferred.
    Raises: ProblemError where the tests say nothing, or nothing defines what they call.
    """
    name = entry_point
    if name is None:
        name = entry_point_of_texts(candidate, reference, tests)
    problem = Problem(
        task_id=name or "script",
        entry_point=name,
        tests=parse_tests(tests, name),
        kind=kind_of(name),
        reference=reference,
        origin="tests",
    )
    check_defines(candidate, name, "candidate")
    if reference is not None:
        check_defines(reference, name, "reference")
    return problem


def entry_point_of_texts(source: str, reference: str | None, tests: str) -> str:
    """What the tests call: "f", "Solution.f", or "" for a script. Raises: ProblemError."""
    whole = _json(tests)
    if isinstance(whole, dict) and "tests" in whole:
        named = named_entry_point(whole, "tests")
        if named is not None:
            return named
    if _gives_stdin(_first_row(whole), [source, reference or ""]):
        return ""
    readable = source if entry_points_of(source) else skeleton(source)
    return infer_entry_point(readable, reference, tests)


def check_defines(source: str, entry_point: str, where: str) -> None:
    """Refuse a program that defines functions, but not the one under test. Raises: ProblemError."""
    defined = entry_points_of(source)
    if not entry_point or entry_point in defined or not defined:
        return
    if re.search(rf"\b{re.escape(entry_point.rpartition('.')[2])}\b[^\n]*(=|import)", source):
        return  # bound in some other way; running it will tell
    near = near_name(entry_point, source)
    hint = f'did you mean "{near}"?' if near else f"it defines {', '.join(defined[:5])}"
    raise ProblemError(f'{where}: does not define "{entry_point}"; {hint}')


def _gives_stdin(row: object, sources: list[str]) -> bool:
    """Whether a test gives standard input, and no arguments.

    Text in "input" may be either: it is standard input where one of the programs asks for some.
    """
    if not isinstance(row, dict) or "args" in row or "kwargs" in row:
        return False
    if "input" in row:
        return isinstance(row["input"], str) and any(map(_reads_stdin, sources))
    return "stdin" in row


def _reads_stdin(source: str) -> bool:
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return False
    return any(
        (isinstance(node, ast.Call) and ast.unparse(node.func) == "input")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.stdin")
        for node in ast.walk(tree)
    )


def _json(tests: str) -> object:
    """What a file of JSON holds, or the first line of JSONL; None where it is neither."""
    for text in (tests, tests.split("\n", 1)[0]):
        try:
            return json_of(text)
        except (ValueError, RecursionError):
            continue
    return None


def _first_row(whole: object) -> object:
    """The first test in what a file holds."""
    first = whole
    if isinstance(first, dict) and isinstance(first.get("tests"), list):
        first = first["tests"]
    if isinstance(first, list):
        first = first[0] if first else None
    return first


def skeleton(source: str) -> str:
    """The heads of the functions and classes of a program that does not compile, as a program.

    >>> skeleton("def f(x:\\n    return (\\nclass A:\\n    def g(self): }")
    'def f(): pass\\nclass A:\\n pass\\n def g(): pass\\n'
    """

    def heads() -> Iterator[str]:
        in_class = False
        for head in _HEAD.finditer(source):
            is_class = head["word"] == "class"
            if not head["indent"]:
                in_class = is_class
                yield (
                    f"class {head['name']}:\n pass\n"
                    if is_class
                    else f"def {head['name']}(): pass\n"
                )
            elif in_class and not is_class:
                yield f" def {head['name']}(): pass\n"

    return "".join(heads())
