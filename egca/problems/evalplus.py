"""HumanEval+ and MBPP+ in EvalPlus's file format.

Expected values are not in the files: the reference decides (UNKNOWN). JSON has lost MBPP+'s tuples
and sets; `argument_types` finds them again in each task's own `assertion`, and the tables below
name the tasks that EvalPlus runs otherwise. Its special oracles are restated in ORACLES."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from typing import Any

from egca.errors import ProblemError
from egca.problems.entry_points import kind_of
from egca.problems.literal_text import literal_text
from egca.problems.literals import NotLiteral, literal_node
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.problems.problem import Check, Example, Problem, Test
from egca.problems.rows import optional, required, value_shown
from egca.types import Comparison

ATOL, RTOL = 1e-6, 1e-7  # what EvalPlus allows floats where a task names no tolerance

SET_TASKS = frozenset({2, 7, 111, 140, 232, 249, 579, 769})  # MBPP+: order and repeats do not count
NOT_NONE_TASKS = frozenset({"check_str", "text_match_three", "text_starta_endb"})  # entry points
LIST_TASKS = frozenset({98, 104, 140, 145})  # run on lists, although their asserts show tuples
TUPLE_TASKS = frozenset({580, 615, 791})  # tuples at every depth
NUMBER_TASKS: dict[int, tuple[Callable[[Any], Any], ...]] = {124: (float, complex), 252: (complex,)}

_REFERENCE = "reference_solution"
# Code that decides instead of a comparison; {call} is the candidate's call, {args} its arguments.
ORACLES: dict[str, tuple[str, str]] = {
    # Where a polynomial is so steep that no float brings it near 0, an answer counts that has a
    # true root within 1e-9 of it, relatively; all exact, for since Python 3.12 `sum` adds up floats
    # in another way. So the canonical solution, a Newton iteration that gives up after 1000 steps,
    # ends elsewhere, and on 4 of the 888 inputs at no root at all: there any answer will do.
    "HumanEval/32": (
        "from fractions import Fraction\n"
        "def is_root(coefficients, answer, atol):\n"
        "    def value(x):\n"
        "        total = Fraction(0)\n"
        "        for coefficient in reversed(coefficients):\n"
        "            total = total * x + Fraction(coefficient)\n"
        "        return total\n"
        "    x = Fraction(0.0 + answer)\n"
        "    near = max(1, abs(x)) / 10**9\n"
        "    return abs(value(x)) <= atol or value(x - near) * value(x + near) <= 0",
        "answer = {call}\n"
        "assert is_root({first}, answer, {atol}) or "
        "not is_root({first}, " + _REFERENCE + "({args}), {atol})",
    ),
    "Mbpp/164": ("", "{call}"),  # any answer: the statement does not settle it
    "Mbpp/295": ("", "assert {call} in (" + _REFERENCE + "({args}), 0)"),
    "Mbpp/581": (
        "import math\n"
        "def perpendicular(base, height):\n"
        "    slant = math.hypot(base / 2, height)\n"
        "    return round(base * base + 2 * base * slant)",
        "result = {call}\n"
        "assert result == " + _REFERENCE + "({args}) or abs(result - perpendicular({args})) <= 0",
    ),
    "Mbpp/558": (
        "def padded_distance(one, two):\n"
        "    width = max(len(str(one)), len(str(two)))\n"
        "    pairs = zip(str(one).zfill(width), str(two).zfill(width))\n"
        "    return sum(abs(int(a) - int(b)) for a, b in pairs)",
        "assert {call} in (" + _REFERENCE + "({args}), padded_distance({args}))",
    ),
}


def evalplus_problem(row: dict[str, Any], where: str) -> Problem:
    """A row of HumanEval+ or MBPP+. Raises: ProblemError."""
    task_id, entry_point = required(row, "task_id", where), required(row, "entry_point", where)
    prompt, solution = required(row, "prompt", where), required(row, "canonical_solution", where)
    is_prefix = task_id.startswith("HumanEval/")
    reference = prompt + solution if is_prefix else solution
    inputs = _inputs(row, where)
    comparison = _comparison(row, where)
    tests: tuple[Test, ...]
    if task_id in ORACLES:
        tests = _oracle_checks(task_id, entry_point, reference, inputs, row.get("atol") or 0)
    else:
        tests = tuple(Example(name, args) for name, args in inputs)
    return Problem(
        task_id=task_id,
        entry_point=entry_point,
        tests=tests,
        kind=kind_of(entry_point),
        prompt=prompt,
        is_prefix=is_prefix,
        reference=reference,
        comparison=comparison,
        origin=where,
    )


def _inputs(row: dict[str, Any], where: str) -> list[tuple[str, tuple[Any, ...]]]:
    convert = _converter(row, where)
    inputs: list[tuple[str, tuple[Any, ...]]] = []
    for field, name in (("base_input", "base"), ("plus_input", "plus")):
        values = row.get(field)
        if values is None or isinstance(values, dict):  # EvalPlus writes {} for "none"
            values = []
        if not isinstance(values, list) or not all(isinstance(item, list) for item in values):
            raise ProblemError(f"{where}: {field} is no list of argument lists")
        for i, item in enumerate(values):
            try:
                args = convert(item)
                if not args and row["task_id"] in ORACLES:
                    raise ValueError("the oracle looks at the first argument")
                inputs.append((f"{name} {i + 1}", args))
            except (ValueError, TypeError, IndexError, OverflowError):
                raise ProblemError(f"{where}: {field}[{i}] does not fit {row['task_id']}") from None
    if not inputs:
        raise ProblemError(f'{where}: no "base_input", so {row["task_id"]} has no tests')
    return inputs


def _converter(row: dict[str, Any], where: str) -> Converter:
    number = _mbpp_number(row)
    if number in NUMBER_TASKS:
        casts = NUMBER_TASKS[number]
        return lambda values: tuple(cast(item) for cast, item in zip(casts, values, strict=True))
    if number < 0 or number in LIST_TASKS:
        return tuple
    if number in TUPLE_TASKS:
        return _all_tuples
    return argument_types(optional(row, "assertion", where), row["entry_point"])


def _all_tuples(value: Any) -> Any:
    return tuple(map(_all_tuples, value)) if isinstance(value, list) else value


def _mbpp_number(row: dict[str, Any]) -> int:
    head, _, tail = str(row["task_id"]).partition("/")
    return (
        int(tail)
        if head == "Mbpp" and tail.isdecimal() and tail.isascii() and len(tail) < 9
        else -1
    )


def _comparison(row: dict[str, Any], where: str) -> Comparison:
    atol = row.get("atol") or 0
    if (
        isinstance(atol, bool)
        or not isinstance(atol, int | float)
        or not 0 <= atol <= sys.float_info.max
    ):
        raise ProblemError(f"{where}: atol is {value_shown(atol)}, but must be a number from 0 on")
    number = _mbpp_number(row)
    view = "set" if number in SET_TASKS else ""
    if number >= 0 and row["entry_point"] in NOT_NONE_TASKS:
        view = "is_not_none"  # a match object or a truth value: both say "found"
    return Comparison(atol=float(atol) or ATOL, rtol=RTOL, view=view)


def _oracle_checks(
    task_id: str,
    entry_point: str,
    reference: str,
    inputs: list[tuple[str, tuple[Any, ...]]],
    atol: float,
) -> tuple[Check, ...]:
    setup, template = ORACLES[task_id]
    if _REFERENCE in template:
        setup = (  # in a space of its own, so that it does not call the candidate by its name
            f"space = {{}}\nexec({reference!r}, space)\n"
            f"{_REFERENCE} = space[{entry_point!r}]\n{setup}"
        )
    checks = []
    for name, args in inputs:
        values = [literal_text(item) for item in args]
        listed = ", ".join(values)
        source = template.format(
            call=f"candidate({listed})", args=listed, first=values[0], atol=repr(atol)
        )
        checks.append(Check(name, source, "candidate", setup, 1))
    return tuple(checks)


Converter = Callable[[list[Any]], tuple[Any, ...]]


def argument_types(assertion: str, entry_point: str) -> Converter:
    """How to turn JSON argument lists of a task into the types its own asserts use.

    The asserts give for each argument a nest of container types; every input is cast into it. A
    list of JSON stays a list where the asserts show a list, or show nothing.

    >>> argument_types("assert f((1, 2), [3]) == 1", "f")([[5, 6], [7]])
    ((5, 6), [7])
    """
    shapes: list[Shape] = []
    for args in _asserted_arguments(assertion, entry_point):
        for i, value in enumerate(args):
            if i == len(shapes):
                shapes.append(Shape())
            shapes[i].learn(value)
    return lambda values: tuple(
        shapes[i].cast(value) if i < len(shapes) else value for i, value in enumerate(values)
    )


class Shape:
    """Container types seen at one place: its own, and one Shape for everything inside."""

    def __init__(self) -> None:
        self.kinds: set[type] = set()
        self.inside: Shape | None = None

    def learn(self, value: Any) -> None:
        if isinstance(value, list | tuple | set | frozenset | dict):
            self.kinds.add(type(value))
            for item in value.values() if isinstance(value, dict) else value:
                self.inside = self.inside or Shape()
                self.inside.learn(item)

    def cast(self, value: Any) -> Any:
        inside = self.inside
        if isinstance(value, list):
            items = [inside.cast(item) if inside else item for item in value]
            if set in self.kinds:
                return set(items) if items else {}
            return tuple(items) if tuple in self.kinds and list not in self.kinds else items
        if isinstance(value, dict) and inside:
            return {key: inside.cast(item) for key, item in value.items()}
        return value


def _asserted_arguments(assertion: str, entry_point: str) -> list[tuple[Any, ...]]:
    try:
        tree = parsed(assertion)
    except NOT_PYTHON:
        return []
    found: list[tuple[Any, ...]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == entry_point:
            try:
                found.append(tuple(literal_node(item) for item in node.args))
            except NotLiteral:
                continue
    return found
