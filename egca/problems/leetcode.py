"""LeetCode-style sets: a method of `class Solution`, tested by asserts or by examples as text.

The format is that of LeetCodeDataset; without its `test` the examples are the tests. Linked lists
and trees are refused: nodes are objects of a program, and only plain data goes in and out."""

from __future__ import annotations

import ast
import re
from typing import Any

from egca.errors import ProblemError
from egca.problems.entry_points import kind_of
from egca.problems.literals import NotLiteral, literal_node
from egca.problems.parsing import NOT_PYTHON, parsed_expression
from egca.problems.preamble import behind, with_starter
from egca.problems.problem import Example, Problem, Test
from egca.problems.python_tests import parse_python_tests
from egca.problems.rows import Row, number_or_text, optional, required
from egca.types import Program

_BOUND = re.compile(r"(\w+)\(\)\.(\w+)")
_NODES = re.compile(r"\b(?:list_node|tree_node|ListNode|TreeNode)\b")
_NAMES = {"true": True, "false": False, "null": None}


def leetcode_id(row: Row, where: str) -> str:
    """ "LeetCode/two-sum". Raises: ProblemError."""
    return f"LeetCode/{number_or_text(row, 'task_id', where)}"


def leetcode_problem(row: Row, where: str) -> Problem:
    """A row of a LeetCode-style set. Raises: ProblemError."""
    meta = row.get("meta")
    nested: Row = meta if isinstance(meta, dict) else {}
    starter = optional(row, "starter_code", where) or optional(nested, "lang_code", where)
    solution = optional(row, "completion", where)
    description = optional(row, "problem_description", where)
    description = description or optional(nested, "question_title", where)
    # A set without preamble has its statement in `prompt`.
    has_statement = bool(description or row.get("query") or nested.get("query"))
    preamble = optional(row, "prompt", where) if has_statement else ""
    entry_point = _entry_point(required(row, "entry_point", where), starter + solution)
    statement = with_starter(description, starter) if description else ""
    return Problem(
        task_id=leetcode_id(row, where),
        entry_point=entry_point,
        tests=_tests(row, entry_point, preamble, starter, where),
        kind=kind_of(entry_point),
        prompt=statement
        or optional(row, "query", where)
        or optional(nested, "query", where)
        or with_starter(optional(row, "prompt", where), starter),
        reference=behind(preamble, Program(solution)).source if solution else None,
        origin=where,
        preamble=preamble,
    )


def _entry_point(name: str, code: str) -> str:
    """ "Solution.f" of "Solution().f", or of a bare "f" where the code is a class."""
    bound = _BOUND.fullmatch(name)
    if bound:
        return f"{bound[1]}.{bound[2]}"
    return f"Solution.{name}" if "." not in name and "class Solution" in code else name


def _tests(row: Row, entry_point: str, preamble: str, starter: str, where: str) -> tuple[Test, ...]:
    source = optional(row, "test", where)
    if _NODES.search(source) or _NODES.search(_without_comments(starter)):
        raise ProblemError(
            f"{where}: its tests hand linked nodes to {entry_point}; only plain data can be passed"
        )
    if source:
        return parse_python_tests(source, entry_point, filename=f"{where}: test", context=preamble)
    field = "input_output" if row.get("input_output") else "examples"
    examples = row.get(field)
    if not isinstance(examples, list) or not examples:
        raise ProblemError(f'{where}: neither "test" nor a list "input_output" in this task')
    return tuple(_example(item, i, f"{where}: {field}") for i, item in enumerate(examples, 1))


def _without_comments(code: str) -> str:
    return "\n".join(line for line in code.split("\n") if not line.lstrip().startswith("#"))


def _example(item: Any, number: int, where: str) -> Example:
    """{"input": "nums = [3, 3], target = 6", "output": "[0, 1]"} as a test."""
    if not isinstance(item, dict):
        raise ProblemError(f"{where}[{number - 1}] is no object with input and output")
    call = _parsed(f"f({required(item, 'input', where)})", "input", number, where)
    if not isinstance(call, ast.Call) or any(word.arg is None for word in call.keywords):
        raise ProblemError(f"{where}[{number - 1}]: input is no list of arguments")
    output = _parsed(required(item, "output", where), "output", number, where)
    try:
        args = tuple(literal_node(node, _NAMES) for node in call.args)
        kwargs = {str(word.arg): literal_node(word.value, _NAMES) for word in call.keywords}
        return Example(f"example {number}", args, kwargs, expected=literal_node(output, _NAMES))
    except NotLiteral as error:
        raise ProblemError(f"{where}[{number - 1}] is no Python literal ({error})") from None


def _parsed(text: str, field: str, number: int, where: str) -> ast.expr:
    try:
        return parsed_expression(text)
    except NOT_PYTHON:
        raise ProblemError(f"{where}[{number - 1}]: {field} is no Python: {text!r:.60}") from None
