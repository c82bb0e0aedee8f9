"""Tests that are code meet a program as they would in one process: arguments, errors, sizes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from egca.errors import ProblemError
from egca.execution import Limits, Sandbox
from egca.execution.judging import judge
from egca.problems import Check, Example, Problem
from egca.types import Cause, Verdict

MB = 1_000_000


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(Limits(call_s=2.0), preload=["egca.execution.check_ops"]) as made:
        yield made


def verdict_of(
    sandbox: Sandbox, test: str, program: str, limits: Limits | None = None, setup: str = ""
) -> Verdict:
    problem = Problem("t", "f", (Check("check", textwrap.dedent(test), "f", setup),))
    return judge(problem, textwrap.dedent(program), sandbox=sandbox, limits=limits)


CHANGED = {
    "a keyword argument": ("x = [3, 1]\nf(xs=x)\nassert x == [1, 3]", "def f(xs): xs.sort()"),
    "one of several": (
        "x = {'a': [3, 1]}\nf([0], y=x, z=1)\nassert x == {'a': [1, 3]}",
        "def f(x, y, z): y['a'].sort()",
    ),
    "in a tuple": ("x = ([1], 2)\nf(x)\nassert x == ([1, 9], 2)", "def f(x): x[0].append(9)"),
    "in a tuple in a list": (
        "x = [([1], 2)]\ny = x[0][0]\nf(x)\nassert y == [1, 9]",
        "def f(x): x[0][0].append(9)",
    ),
    "a large one": (
        f"x = ['a' * {5 * MB}, 1]\nf(x)\nassert x[1:] == [2]",
        "def f(x): x[1] = 2",
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_call_changes_in_place_is_seen(sandbox: Sandbox, name: str) -> None:
    test, program = CHANGED[name]
    verdict = verdict_of(sandbox, test, program)
    assert verdict.passed, verdict.evidence
    parameters = program[: program.index(":") + 1]
    assert verdict_of(sandbox, test, f"{parameters} pass").cause is Cause.WRONG_OUTPUT


JSON = "import json\ndef f(x): return json.loads(x)"
RAISED = {
    "a class of a library": ("with pytest.raises(ValueError):\n    f('x')", JSON),
    "a class of the program": (
        "with pytest.raises(LookupError, match='^gone$') as caught:\n    f(1)\n"
        "assert caught.type.__name__ == 'Gone'",
        "class Gone(KeyError):\n    def __str__(self): return 'gone'\ndef f(x): raise Gone",
    ),
    "the argument of a KeyError": (
        "try:\n    f({})\nexcept KeyError as error:\n    assert error.args == ('a',)\n"
        "else:\n    assert False",
        "def f(x): return x['a']",
    ),
    "the text of a KeyError": (
        "with pytest.raises(KeyError, match=\"^'a'$\"):\n    f({})",
        "def f(x): return x['a']",
    ),
    "a class that keeps its text elsewhere": (
        "with pytest.raises(UnicodeError, match='surrogates not allowed'):\n    f('\\ud800')",
        "def f(x): return x.encode()",
    ),
    "the text by excinfo": (
        "with pytest.raises(ValueError) as caught:\n    f(1)\nassert caught.match('b.d')",
        "def f(x): raise ValueError('a bad one')",
    ),
    "a type to the letter": (
        "with pytest.raises(Exception) as error:\n    f(1)\nassert error.type is ZeroDivisionError",
        "def f(x): return x / 0",
    ),
}


@pytest.mark.parametrize("name", RAISED)
def test_what_a_program_raises_can_be_expected(sandbox: Sandbox, name: str) -> None:
    verdict = verdict_of(sandbox, *RAISED[name])
    assert verdict.passed, verdict.evidence


def test_another_error_than_the_one_expected_is_the_program_s(sandbox: Sandbox) -> None:
    for program, kind in (
        ("def f(x): raise ExceptionGroup('g', [ValueError('a')])", "ExceptionGroup"),
        ("class Other(ValueError): pass\ndef f(x): raise Other", "Other"),
    ):
        verdict = verdict_of(sandbox, "with pytest.raises(TypeError):\n    f(1)", program)
        assert verdict.cause is Cause.EXCEPTION
        assert verdict.failure is not None
        assert verdict.failure.type == kind
    other = verdict_of(
        sandbox,
        "with pytest.raises(ValueError) as caught:\n    f(1)\ncaught.match('good')",
        "def f(x): raise ValueError('bad')",
    )
    assert other.cause is Cause.WRONG_OUTPUT
    assert "'bad' does not match 'good'" in other.results[0].detail


@pytest.mark.parametrize(
    ("expected", "actual", "passes"),
    [
        ("float('inf')", "5.0", False),
        ("float('inf')", "float('inf')", True),
        ("[1.0, float('inf')]", "[1.0, -1e300]", False),
        ("float('nan')", "float('nan')", False),
        ("float('nan'), nan_ok=True", "float('nan')", True),
        ("float('nan'), nan_ok=True", "1.0", False),
        ("[1.0, float('nan')], nan_ok=True", "[1.0 + 1e-9, float('nan')]", True),
    ],
)
def test_approx_of_what_is_no_finite_number(
    sandbox: Sandbox, expected: str, actual: str, passes: bool
) -> None:
    test = f"assert f(1) == pytest.approx({expected})"
    assert verdict_of(sandbox, test, f"def f(x): return {actual}").passed is passes


def test_a_value_may_be_as_large_as_the_limits_say(sandbox: Sandbox) -> None:
    test, program = f"assert len(f(1)) == {5 * MB}", f"def f(x): return 'a' * {5 * MB}"
    assert verdict_of(sandbox, test, program).cause is Cause.OUTPUT_LIMIT
    assert verdict_of(sandbox, test, program, Limits(value_bytes=1 << 25)).passed


def test_arguments_have_a_bound_only_where_a_test_sends_them(sandbox: Sandbox) -> None:
    program = "def f(x): return len(x)"
    for argument in ("a" * 5 * MB, ("a" * 5 * MB,), {"a" * 5 * MB}, {1: "a" * 5 * MB}):
        problem = Problem("t", "f", (Example("one", (argument,), expected=len(argument)),))
        assert judge(problem, program, sandbox=sandbox).passed
    assert verdict_of(sandbox, f"assert f(('a' * {5 * MB},)) == 1", program).passed
    with pytest.raises(ProblemError, match="it passes more than 16 MB"):
        verdict_of(sandbox, f"f('a' * {20 * MB})", program)
