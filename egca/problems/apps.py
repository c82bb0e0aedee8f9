"""APPS and APPS+: inputs and outputs for scripts, or, with fn_name, for a function or method.

In APPS they are JSON text in `input_output`; in APPS+ they stand in the row itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from egca.errors import ProblemError
from egca.problems.entry_points import entry_points_of, kind_of
from egca.problems.json_text import MAX_DIGITS, integer
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.problems.preamble import behind, with_starter
from egca.problems.problem import Example, Problem
from egca.problems.rows import Row, decoded, number_or_text, optional, required, value_shown
from egca.types import Comparison, Program

# What the judge of APPS has imported when a program starts.
PREAMBLE = """\
import bisect, collections, fractions, functools, heapq, itertools, math, random, sys, time
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque
from functools import lru_cache
from heapq import *
from itertools import accumulate, combinations, permutations, product
from math import ceil, cos, exp, fabs, floor, gcd, log, log2, sin, sqrt, tan
from typing import List, Tuple
"""

# As numpy.allclose, by which the judge of APPS compares printed numbers; whole numbers stay exact.
PRINTED = Comparison(atol=1e-8, rtol=1e-5)
CALLED = Comparison(view="tuple_as_list")


def apps_id(row: Row, where: str) -> str:
    """ "APPS/7". Raises: ProblemError."""
    field = "problem_id" if "problem_id" in row else "task_id" if "task_id" in row else "id"
    return f"APPS/{number_or_text(row, field, where)}"


def apps_problem(row: Row, where: str) -> Problem:
    """A row of APPS or APPS+. Raises: ProblemError."""
    told = decoded(row, "input_output", where) if "input_output" in row else row
    if not isinstance(told, dict):
        raise ProblemError(f"{where}: input_output is no object, so the task has no tests")
    inputs, outputs = _lists(told, where)
    starter, solutions = optional(row, "starter_code", where), _solutions(row, where)
    name = told.get("fn_name")
    if name is not None and not (isinstance(name, str) and name.isidentifier()):
        raise ProblemError(f"{where}: fn_name is {value_shown(name)}, but must name a function")
    entry_point = _entry_point(name, starter, solutions)
    tests = tuple(_printed(inputs, outputs, where) if not name else _calls(inputs, outputs, where))
    return Problem(
        task_id=apps_id(row, where),
        entry_point=entry_point,
        tests=tests,
        kind=kind_of(entry_point),
        prompt=with_starter(_statement(row, where), starter),
        reference=_reference(solutions, entry_point),
        comparison=CALLED if name else PRINTED,
        origin=where,
        preamble=PREAMBLE,
    )


def first_python3(solutions: Sequence[str]) -> str | None:
    """The first solution that this Python compiles: these sets hold Python 2, too."""
    for source in solutions:
        try:
            parsed(source)
        except NOT_PYTHON:
            continue
        return source
    return None


def _statement(row: Row, where: str) -> str:
    return optional(row, "question", where) or required(row, "prompt", where)


def _lists(told: Row, where: str) -> tuple[list[Any], list[Any]]:
    inputs, outputs = told.get("inputs"), told.get("outputs")
    if not isinstance(inputs, list) or not isinstance(outputs, list) or not inputs:
        raise ProblemError(f"{where}: inputs and outputs are no lists, so the task has no tests")
    if len(inputs) != len(outputs):
        raise ProblemError(f"{where}: {len(inputs)} inputs, but {len(outputs)} outputs")
    return inputs, outputs


def _solutions(row: Row, where: str) -> list[str]:
    value = decoded(row, "solutions", where) if "solutions" in row else None
    value = row.get("canonical_solution") if value is None else value
    value = [value] if isinstance(value, str) else value or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ProblemError(f"{where}: solutions is no list of texts")
    return value


def _entry_point(name: str | None, starter: str, solutions: Sequence[str]) -> str:
    if name is None:
        return ""
    code = starter if starter.strip() else (first_python3(solutions) or "")
    return f"Solution.{name}" if "class Solution" in code else name


def _reference(solutions: Sequence[str], entry_point: str) -> str | None:
    fitting = [
        source for source in solutions if not entry_point or entry_point in entry_points_of(source)
    ]
    source = first_python3(fitting)
    return None if source is None else behind(PREAMBLE, Program(source)).source


def _printed(inputs: list[Any], outputs: list[Any], where: str) -> list[Example]:
    return [
        Example(
            f"test {i}",
            stdin=_lines(given, f"inputs[{i - 1}]", where),
            expected=_lines(printed, f"outputs[{i - 1}]", where),
        )
        for i, (given, printed) in enumerate(zip(inputs, outputs, strict=True), 1)
    ]


def _lines(value: Any, what: str, where: str) -> str:
    """Text, which may be given as a list of its lines."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if not isinstance(value, str):
        raise ProblemError(f"{where}: {what} is no text; a task without fn_name reads and prints")
    return value


def _calls(inputs: list[Any], outputs: list[Any], where: str) -> list[Example]:
    # Most outputs are wrapped in a list of one. Where all are, what is inside is expected.
    wrapped = all(isinstance(item, list) and len(item) == 1 for item in outputs)
    tests = []
    for i, (args, output) in enumerate(zip(inputs, outputs, strict=True), 1):
        if not isinstance(args, list):
            raise ProblemError(f"{where}: inputs[{i - 1}] is no list of arguments")
        expected = _int_keys(output[0] if wrapped else output)
        tests.append(Example(f"test {i}", tuple(map(_int_keys, args)), expected=expected))
    return tests


def _int_keys(value: Any) -> Any:
    """A dict whose keys JSON has made text of numbers, with numbers again."""
    if isinstance(value, dict) and value and all(_is_number(key) for key in value):
        return {integer(key): item for key, item in value.items()}
    return value


def _is_number(key: str) -> bool:
    digits = key.removeprefix("-")
    return digits.isdecimal() and digits.isascii() and len(digits) <= MAX_DIGITS
