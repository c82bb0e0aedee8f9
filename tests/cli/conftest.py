"""Hand-made localizations: what the renderings must show, independent of what `localize` finds."""

from __future__ import annotations

from typing import Any

import pytest

from egca.localization.result import AlignedStep, Localization, Step
from egca.problems import Example, Problem
from egca.types import (
    Cause,
    Divergence,
    Failure,
    Mode,
    Moment,
    Outcome,
    Program,
    Proof,
    Repair,
    SourceMap,
    Span,
    Suspect,
    TestResult,
    Verdict,
)

CANDIDATE = '''\
def total_above(values, limit):
    """Sum of the values that are above the limit."""
    total = 0
    for i in range(1, len(values)):
        if values[i] > limit:
            total += values[i]
    return total
'''
REFERENCE = """\
def total_above(values, limit):
    found = [value for value in values if value > limit]
    total = 0
    for value in found:
        total = total + value
    return total
"""
HOSTILE = '''\
def f(x):
    """</script><script>alert(1)</script><img src=x onerror=alert(2)> &amp; <!--"""
    name = "\x1b[31mred\x1b]0;title\x07 \u202e evil"
    é = "日本語" + name	# tab before this
    return {"</textarea>": é, "\u2028": x}
'''


def find(source: str, text: str, nth: int = 0) -> Span:
    """Span of the nth place where the text stands."""
    start = -1
    for _ in range(nth + 1):
        start = source.index(text, start + 1)
    return SourceMap(source).span(start, start + len(text))


def step(source: str, kind: str, text: str, target: str, value: Any, iteration: int = 0) -> Step:
    return Step(kind, find(source, text), target, value, iteration)


def _wrong_bound() -> Localization:
    span = find(CANDIDATE, "range(1, len(values))")
    example = Example("assert 1", ([5, 1, 7], 4), {}, None, 12)
    passing = Example("assert 2", ([], 4), {}, None, 0)
    problem = Problem("total_above", "total_above", (passing, example), reference=REFERENCE)
    failing = TestResult("assert 1", False, Cause.WRONG_OUTPUT, ([5, 1, 7], 4), 12, Outcome(7))
    passed = TestResult("assert 2", True, Cause.NONE, ([], 4), 0, Outcome(0))
    repaired = CANDIDATE.replace("range(1, ", "range(0, ")
    one = find(CANDIDATE, "1", 0)
    divergence = Divergence(
        mode=Mode.LOGIC,
        cause=Cause.WRONG_OUTPUT,
        span=span,
        statement=find(CANDIDATE, "for i in range(1, len(values)):"),
        confidence=0.93,
        sentence="At line 4 `i` begins with 1; with 0, as in the reference, the output is right.",
        proof=Proof("edit", 1, 1, "`1` replaced by `0` in `range(1, len(values))`"),
        completion_span=(span.start, span.end),
        moment=Moment(1, 1, "total_above", 1, 1),
        target="i",
        actual=1,
        expected=0,
        has_values=True,
        repair=Repair(one, "1", "0", repaired),
        alternatives=(
            Suspect(
                find(CANDIDATE, "values[i] > limit"),
                find(CANDIDATE, "if"),
                0.31,
                "runs only when it fails",
            ),
            Suspect(
                find(CANDIDATE, "total += values[i]"),
                find(CANDIDATE, "total +="),
                0.12,
                "writes the result",
            ),
        ),
        notes=("the reference has another algorithm",),
    )
    arguments = ([5, 1, 7], 4)
    ours = [
        ("call", "total_above", "total_above", arguments),
        None,
        ("write", "total", "total", 0),
        ("item", "i in", "i", 1, 1),
        ("branch", "values[i] > limit", "values[i] > limit", False, 1),
        ("item", "i in", "i", 2, 2),
        ("branch", "values[i] > limit", "values[i] > limit", True, 2),
        ("write", "total +=", "total", 7, 2),
        ("return", "return total", "return", 7),
    ]
    theirs = [
        ("call", "total_above", "total_above", arguments),
        ("write", "found", "found", [5, 7]),
        ("write", "total = 0", "total", 0),
        ("item", "value in found", "value", 5, 1),
        ("write", "total = total", "total", 5, 1),
        ("item", "value in found", "value", 7, 2),
        None,
        ("write", "total = total", "total", 12, 2),
        ("return", "return total", "return", 12),
    ]
    traces = tuple(
        AlignedStep(
            step(CANDIDATE, *left) if left else None,
            step(REFERENCE, *right) if right else None,
            is_equal=number in (0, 2),
            is_divergence=number == 3,
        )
        for number, (left, right) in enumerate(zip(ours, theirs, strict=True))
    )
    verdict = Verdict((passed, failing), Cause.WRONG_OUTPUT, None, Mode.LOGIC, "", 0.002)
    return Localization(
        problem, Program(CANDIDATE), Program(REFERENCE), verdict, divergence,
        failing, 2, 1, traces, False, 0.031,
    )  # fmt: skip


def _exception() -> Localization:
    source = "def mean(xs):\n    n = 0\n    for x in xs:\n        pass\n    return sum(xs) / n\n"
    span = find(source, "sum(xs) / n")
    failure = Failure(Cause.EXCEPTION, "ZeroDivisionError", "division by zero", (span,))
    failing = TestResult(
        "assert 1", False, Cause.EXCEPTION, ([1.5, float("nan")],), 1.5, Outcome(failure=failure)
    )
    divergence = Divergence(
        Mode.SYNTAX,
        Cause.EXCEPTION,
        span,
        find(source, "return sum(xs) / n"),
        0.5,
        "Line 5 raises ZeroDivisionError: division by zero.",
        Proof("raise", 1, 1, "the raising expression"),
        reason="no reference was given, so the answer is weaker",
    )
    problem = Problem("mean", "mean", (Example("assert 1", ([1.5, float("nan")],), expected=1.5),))
    traces = (
        AlignedStep(step(source, "write", "n = 0", "n", 0), None, False),
        AlignedStep(step(source, "raise", "sum(xs) / n", "", str(failure)), None, False, True),
    )  # fmt: skip
    verdict = Verdict((failing,), Cause.EXCEPTION, None, Mode.SYNTAX)
    return Localization(
        problem, Program(source), None, verdict, divergence, failing, 1, 1, traces, True, 0.2
    )


def _syntax() -> Localization:
    source = "def f(x):\n    y = (x +\n    return y\n"
    span = find(source, "(x +")
    failure = Failure(Cause.COMPILE, "SyntaxError", "'(' was never closed", (span,))
    divergence = Divergence(
        Mode.SYNTAX,
        Cause.COMPILE,
        span,
        find(source, "y = (x +"),
        0.9,
        "Line 2 does not compile: '(' was never closed.",
        Proof("none", text="the compiler's own position"),
    )
    problem = Problem("f", "f", (Example("assert 1", (1,), expected=2),))
    verdict = Verdict((), Cause.COMPILE, failure, Mode.SYNTAX)
    return Localization(problem, Program(source), None, verdict, divergence, None, 1, 1)


def _script() -> Localization:
    lines = ["import sys", "", "data = sys.stdin.read().split()"]
    lines += [f"step_{n} = {n}  # " + "long comment that goes on " * (n % 3) for n in range(40)]
    lines += ["def main():", "    for word in data:", "        print(word.title())", "main()"]
    source = "\r\n".join(lines) + "\r\n"
    span = find(source, "word.title()")
    actual = "".join(f"Word{n}\n" for n in range(60))
    failing = TestResult(
        "case 1", False, Cause.WRONG_OUTPUT, (), actual.upper(), Outcome(None, None, actual)
    )
    example = Example("case 1", stdin="word " * 60, expected=actual.upper())
    divergence = Divergence(
        Mode.LOGIC,
        Cause.WRONG_OUTPUT,
        span,
        find(source, "print(word.title())"),
        0.4,
        "At the 1st iteration of line 45, `word.title()` prints 'Word0' where 'WORD0' is expected.",
        Proof("none"),
        reason="no change that was tried makes the output right",
    )
    problem = Problem("shout", "", (example,), kind="script")
    verdict = Verdict((failing,), Cause.WRONG_OUTPUT, None, Mode.LOGIC)
    return Localization(
        problem, Program(source), None, verdict, divergence, failing, 1, 1, seconds=1.25
    )


def _hostile() -> Localization:
    span = find(HOSTILE, '"日本語" + name')
    value = ["</script><b>", "\x1b[2J", "\u2028", "x" * 5000, float("inf"), -0.0, {1: "é"}]
    failing = TestResult("</title>", False, Cause.WRONG_OUTPUT, (value,), {"<i>"}, Outcome(value))
    divergence = Divergence(
        Mode.LOGIC,
        Cause.WRONG_OUTPUT,
        span,
        find(HOSTILE, 'é = "日本語" + name'),
        0.999,
        "`</style><script>alert(3)</script>` is \x1b[31mwrong\u202e.",
        Proof("value", 1, 1, "<script>alert(4)</script>"),
        target="<svg onload=alert(5)>",
        actual=value,
        expected="</script>",
        has_values=True,
    )
    problem = Problem("</title><script>alert(6)</script>", "f", (Example("</title>", (value,)),))
    traces = (
        AlignedStep(step(HOSTILE, "value", "name", "</td><script>", value), None, False, True),
    )
    verdict = Verdict((failing,), Cause.WRONG_OUTPUT, None, Mode.LOGIC)
    return Localization(
        problem, Program(HOSTILE), Program(HOSTILE), verdict, divergence, failing, 1, 1, traces
    )


def _correct() -> Localization:
    problem = Problem("add", "add", (Example("assert 1", (1, 2), expected=3),))
    passed = TestResult("assert 1", True, Cause.NONE, (1, 2), 3, Outcome(3))
    verdict = Verdict((passed,), Cause.NONE, None, Mode.CORRECT)
    return Localization(
        problem, Program("def add(a, b):\n    return a + b\n"), None, verdict, None, None, 1
    )


LOCALIZATIONS = {
    "wrong_bound": _wrong_bound,
    "exception": _exception,
    "syntax": _syntax,
    "script": _script,
    "hostile": _hostile,
    "correct": _correct,
}


@pytest.fixture(params=sorted(LOCALIZATIONS))
def localization_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def localization(localization_name: str) -> Localization:
    """Each hand-made localization in turn."""
    return LOCALIZATIONS[localization_name]()


@pytest.fixture
def wrong_bound() -> Localization:
    """A wrong loop bound with all the evidence that there can be."""
    return _wrong_bound()


@pytest.fixture
def hostile() -> Localization:
    """Texts that would break out of HTML, of JSON in a script, and of a terminal."""
    return _hostile()
