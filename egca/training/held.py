"""What variables of a program held when they were last assigned: answers of alignment tasks, from
traces.

The program runs in the sandbox, on an input of its problem's tests. Only what is sure is said:
values that nothing changes in place, of names that nothing binds unseen. So an answer is also what
the variable holds when the call under test is over."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from egca.execution.expectations import call_of
from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.execution.sites import Position, position_of
from egca.execution.trace import Event, Trace
from egca.execution.tracer import TraceSession
from egca.problems import Example, Problem
from egca.types import Program

_ASSIGNS = frozenset({"assign", "augmented", "walrus", "unpack", "with", "for"})
_UNCHANGING = (bool, int, float, complex, str, bytes, type(None))
_MAX_CHARS = 80  # of a value; longer ones are no exercise in reading programs
_UNSURE = object()  # in place of a value


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
    values = _last_assigned(trace, program, problem)[: asked.n]
    return Held(program.source, call_text(problem, test), tuple(values)) if values else None


def _last_assigned(trace: Trace, program: Program, problem: Problem) -> list[tuple[str, str]]:
    """(name, literal) of the variables of the call under test, the last assigned one first."""
    events = trace.events
    call = _call_under_test(events, problem)
    if call is None:
        return []
    code = _Code.of(program.source)
    here = [e for e in events if e.frame == call.frame and e.site.scope == call.site.scope]
    # Where all went its way, every statement has bound all of its targets.
    is_whole = not code.catches and any(event.site.kind == "return" for event in here)
    found: dict[str, Any] = {}
    for event in events:
        is_here = event.frame == call.frame and event.site.scope == call.site.scope
        is_sure = is_here and (is_whole or event.site.statement not in code.joint)
        for name, value in _bound(event, code.targets):
            found.pop(name, None)  # the order is that of the last assignments
            found[name] = value if is_sure and name not in code.unseen else _UNSURE
    literals = [(name, _literal(value)) for name, value in reversed(found.items())]
    return [(name, text) for name, text in literals if text is not None]


def _call_under_test(events: list[Event], problem: Problem) -> Event | None:
    """The call event of the test's call; of a script, whose run is the test, of its first call."""
    calls = [event for event in events if event.site.kind == "call"]
    if problem.kind != "script":
        # What a program does when it is loaded, calls of the same function too, is over by then.
        loaded = max((event.index for event in events if event.site.scope == 0), default=-1)
        calls = [
            event
            for event in calls
            if event.index > loaded and event.site.function == problem.entry_point
        ]
    return calls[0] if calls else None


def _bound(event: Event, targets: Mapping[Position, ast.expr]) -> Iterator[tuple[str, Any]]:
    """The names that an event assigns, each with its value or _UNSURE."""
    site = event.site
    if site.kind not in ("write", "item"):
        return
    value = event.value if site.role in _ASSIGNS else _UNSURE
    target = targets.get(site.position) if site.kind == "item" else None
    if target is not None:
        yield from _matched(target, value)
    elif site.target.isidentifier():
        yield site.target, value


def _matched(target: ast.expr, value: Any) -> Iterator[tuple[str, Any]]:
    """The names of a target with their parts of the value; _UNSURE where they do not fit."""
    if isinstance(target, ast.Name):
        yield target.id, value
        return
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
    if isinstance(value, tuple | list) and len(value) == len(parts):
        for part, one in zip(parts, value, strict=True):
            yield from _matched(part, one)
    else:
        names = [one for one in ast.walk(target) if isinstance(one, ast.Name)]
        yield from ((one.id, _UNSURE) for one in names if isinstance(one.ctx, ast.Store))


@dataclass(frozen=True, slots=True)
class _Code:
    """What the source says of its names.

    unseen: names that are bound without an event, or from within another function. targets: of
    loops and comprehensions, by position. joint: statements with several targets, one of which may
    fail after the events of all. catches: whether an exception may be caught.
    """

    unseen: frozenset[str]
    targets: Mapping[Position, ast.expr]
    joint: frozenset[Position]
    catches: bool

    @classmethod
    def of(cls, source: str) -> Self:
        nodes = list(ast.walk(ast.parse(source)))
        loops = [one.target for one in nodes if isinstance(one, _LOOPS)]
        joint = [one for one in nodes if isinstance(one, ast.Assign) and (
            len(one.targets) > 1 or not isinstance(one.targets[0], ast.Name))]  # fmt: skip
        return cls(
            frozenset(name for node in nodes for name in _unseen(node)),
            {position_of(target): target for target in loops},
            frozenset(map(position_of, joint)),
            any(isinstance(node, _CATCHES) for node in nodes),
        )


_LOOPS = (ast.For, ast.AsyncFor, ast.comprehension)
_CATCHES = (ast.Try, ast.TryStar, ast.With, ast.AsyncWith)


def _unseen(node: ast.AST) -> list[str]:
    match node:
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
        case ast.FunctionDef(name=str(name)) | ast.AsyncFunctionDef(name=str(name)):
            return [name]
        case ast.ClassDef(name=str(name)) | ast.ExceptHandler(name=str(name)):
            return [name]
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.alias(name=name, asname=other):
            return [other or name.partition(".")[0]]
    return []


def _literal(value: Any) -> str | None:
    """Python source of a value, None for what has none, can change in place, or is long."""
    if not _is_unchanging(value):
        return None
    text = repr(value)
    if len(text) > _MAX_CHARS:
        return None
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _is_unchanging(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_unchanging, value))
    return isinstance(value, _UNCHANGING)


def call_text(problem: Problem, test: Example) -> str:
    """The call of a test as Python, or what a script reads."""
    if problem.kind == "script":
        return f"standard input {test.stdin or ''!r}"
    arguments = [repr(argument) for argument in test.args]
    arguments += [f"{key}={value!r}" for key, value in test.kwargs.items()]
    return f"{problem.entry_point.rpartition('.')[2]}({', '.join(arguments)})"
