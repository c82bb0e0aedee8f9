"""Rows of a batch of localization cases as problems.

Reads case_id, task_id, entry_point, candidate, reference, inputs and atol, and nothing else: a case
may carry its truth, which is never looked at."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from egca.errors import ProblemError
from egca.problems.entry_points import kind_of
from egca.problems.literals import NotLiteral, literal
from egca.problems.problem import Example, Problem
from egca.problems.rows import value_shown
from egca.types import Comparison


@dataclass(frozen=True, slots=True)
class Case:
    """One failing program with its problem; problem.reference decides what is right."""

    case_id: str
    candidate: str
    problem: Problem


def case_of(row: Mapping[str, Any], where: str = "<case>") -> Case:
    """A row as a case. Raises: ProblemError naming the field."""
    candidate = _text(row, "candidate", where)
    return Case(_text(row, "case_id", where), candidate, problem_from_case(row, where))


def problem_from_case(row: Mapping[str, Any], where: str = "<case>") -> Problem:
    """The problem of a row: each input is a test whose expectation the reference decides.

    Raises: ProblemError naming the field.
    """
    entry_point = _text(row, "entry_point", where)
    inputs = row.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise ProblemError(f'{where}: no "inputs", a list of argument tuples as Python literals')
    tests = tuple(
        Example(f"input {i}", _arguments(item, i, where)) for i, item in enumerate(inputs, 1)
    )
    atol = row.get("atol", 0)
    if (
        isinstance(atol, bool)
        or not isinstance(atol, int | float)
        or not 0 <= atol <= sys.float_info.max
    ):
        raise ProblemError(f"{where}: atol is {value_shown(atol)}, but must be a number from 0 on")
    return Problem(
        task_id=str(row.get("task_id") or row.get("case_id") or ""),
        entry_point=entry_point,
        tests=tests,
        kind=kind_of(entry_point),
        reference=_text(row, "reference", where),
        comparison=Comparison(atol=float(atol)),
        origin=where,
    )


def _arguments(item: Any, number: int, where: str) -> tuple[Any, ...]:
    if not isinstance(item, str):
        raise ProblemError(
            f'{where}: inputs[{number - 1}] is not text; write a tuple such as "(1, [2])"'
        )
    try:
        value = literal(item)
    except NotLiteral as error:
        raise ProblemError(
            f"{where}: inputs[{number - 1}] is no Python literal ({error})"
        ) from None
    if not isinstance(value, tuple):
        raise ProblemError(
            f"{where}: inputs[{number - 1}] is no tuple of arguments; for one argument write (x,)"
        )
    return value


def _text(row: Mapping[str, Any], field: str, where: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value:
        raise ProblemError(f'{where}: no "{field}" (text)')
    return value
