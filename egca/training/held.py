"""What variables of a program held at the end of a run: answers of alignment tasks, from traces.

The program runs in the sandbox, on the first input of its problem's tests. Only what is sure is
said: a value that was changed in place after its last assignment, or that is no literal, is left
out."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from egca.execution.expectations import call_of
from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.execution.trace import Trace
from egca.execution.tracer import TraceSession
from egca.problems import Example, Problem
from egca.types import Program

_ASSIGNS = frozenset({"assign", "augmented", "walrus", "unpack", "with", "for"})
_MAX_CHARS = 80  # of a value; longer ones are no exercise in reading programs


@dataclass(frozen=True, slots=True)
class Held:
    """A run. call: its input as Python; values: (name, literal), the last assigned one first."""

    source: str
    call: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """n: variables at most. takes_longest: not the first input, but the longest of all tests."""

    n: int
    takes_longest: bool = False


def held_after(
    program: Program, problem: Problem, sandbox: Sandbox, limits: Limits | None, asked: Asked
) -> Held | None:
    """The values of the variables assigned last, from a run on an input of the tests.

    None where the tests are code, the run does not end by itself, or no value is sure.
    """
    tests = [test for test in problem.tests if isinstance(test, Example)]
    if not tests:
        return None
    test = tests[0]
    if asked.takes_longest:
        test = max(tests, key=lambda one: len(call_text(problem, one)))
    with TraceSession(sandbox, program, problem.kind, problem.entry_point, limits) as session:
        trace = session.trace([call_of(test)])[0]
    failure = trace.outcome.failure
    ends = failure is None or failure.type  # by itself: a result, or an exception of the program's
    if trace.truncated or not ends:
        return None
    values = last_assigned(trace)[: asked.n]
    return Held(program.source, call_text(problem, test), tuple(values)) if values else None


def last_assigned(trace: Trace) -> list[tuple[str, str]]:
    """(name, literal) of the variables of the call under test, the last assigned one first."""
    found: dict[str, str | None] = {}
    functions = [event.site.function for event in trace.events if event.site.kind == "call"]
    if not functions:
        return []
    for event in trace.events:
        site = event.site
        if event.frame != 1 or site.function != functions[0] or not site.target.isidentifier():
            continue
        if site.kind in ("write", "item"):
            found.pop(site.target, None)  # the order is that of the last assignments
            is_known = site.role in _ASSIGNS
            found[site.target] = _literal(event.value) if is_known else None
    return [(name, text) for name, text in reversed(found.items()) if text is not None]


def _literal(value: Any) -> str | None:
    """Python source of a value, None for what has none or a long one."""
    text = repr(value)
    if len(text) > _MAX_CHARS:
        return None
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def call_text(problem: Problem, test: Example) -> str:
    """The call of a test as Python, or what a script reads."""
    if problem.kind == "script":
        return f"standard input {test.stdin or ''!r}"
    arguments = [repr(argument) for argument in test.args]
    arguments += [f"{key}={value!r}" for key, value in test.kwargs.items()]
    return f"{problem.entry_point.rpartition('.')[2]}({', '.join(arguments)})"
