"""The mode gate on made verdicts: order, causes, evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egca.structure.constraints import (
    ConstraintSet,
    Effect,
    ForbiddenCalls,
    InputUnchanged,
    LoopRequired,
)
from egca.structure.gate import gate
from egca.types import Cause, Failure, Mode, Outcome, Program, Span, TestResult, Verdict

REFERENCE = "def f(xs):\n    return sum(x for x in xs if x > 0)"
NEAR = (
    "def f(xs):\n    t = 1\n    for x in xs:\n        if x > 0:\n            t += x\n    return t"
)
FAR = """def f(xs):
    while xs:
        while xs[0] ** 2 >> 3:
            with open(xs) as stream:
                for line in stream:
                    for word in line.split():
                        if word.isdigit() and int(word) % 7:
                            raise ValueError(word.upper())
    return xs[2:] ** 3 * xs[1] // xs[0]
"""
LINE = (Span(30, 33, 2, 11, 2, 14),)


def passed(name="t0"):
    return TestResult(name, True, Cause.NONE, ([1],), 1, Outcome(1))


def failed(cause=Cause.WRONG_OUTPUT, failure=None, value=2):
    return TestResult("t1", False, cause, ([1, -2], "a"), 1, Outcome(value, failure))


def judged(*results):
    wrong = next((item for item in results if not item.passed), None)
    return Verdict(results, wrong.cause if wrong else Cause.NONE)


def raising(cause=Cause.EXCEPTION):
    return judged(failed(cause, Failure(cause, "ZeroDivisionError", "division by zero", LINE)))


SYNTAX = [
    (Verdict(cause=Cause.COMPILE, failure=Failure(Cause.COMPILE, "SyntaxError", "bad", LINE)),
     Cause.COMPILE, "the program does not compile: SyntaxError: bad (line 2)"),
    (Verdict(cause=Cause.MISSING_ENTRY_POINT,
             failure=Failure(Cause.MISSING_ENTRY_POINT, message="no function f")),
     Cause.MISSING_ENTRY_POINT, "the entry point is missing: no function f"),
    (raising(), Cause.EXCEPTION,
     "the program raises an exception on input ([1, -2], 'a'): "
     "ZeroDivisionError: division by zero (line 2)"),
    (Verdict(cause=Cause.EXCEPTION, failure=Failure(Cause.EXCEPTION, "NameError", "q")),
     Cause.EXCEPTION, "the program raises an exception when it is loaded: NameError: q"),
    (judged(failed(Cause.EXIT)), Cause.EXIT, "the program ends the process instead of returning "
     "on input ([1, -2], 'a')"),
    (judged(failed(Cause.MEMORY)), Cause.MEMORY, "the program runs out of memory "
     "on input ([1, -2], 'a')"),
    (judged(failed(Cause.CRASH)), Cause.CRASH, "the program kills its process "
     "on input ([1, -2], 'a')"),
]  # fmt: skip


@pytest.mark.parametrize(("verdict", "cause", "evidence"), SYNTAX)
def test_syntax(verdict, cause, evidence):
    found = gate(verdict, NEAR, REFERENCE, entry_point="f")
    assert (found.mode, found.cause) == (Mode.SYNTAX, cause)
    assert found.evidence == evidence


@pytest.mark.parametrize("cause", [Cause.EXCEPTION, Cause.EXIT, Cause.MEMORY, Cause.CRASH])
def test_exceptions_can_be_left_to_the_trace(cause):
    found = gate(raising(cause), NEAR, REFERENCE, entry_point="f", exceptions_as="logic")
    assert (found.mode, found.cause) == (Mode.LOGIC, cause)
    assert found.evidence == "f([1, -2], 'a') fails: ZeroDivisionError: division by zero"
    unloaded = Verdict(cause=cause, failure=Failure(cause))
    assert gate(unloaded, NEAR, REFERENCE, exceptions_as="logic").mode is Mode.SYNTAX


def test_the_first_failing_test_decides():
    verdict = judged(passed(), failed(), raising().results[0])
    assert gate(verdict, NEAR, REFERENCE, entry_point="f").mode is Mode.LOGIC


@pytest.mark.parametrize(
    ("result", "evidence"),
    [
        (failed(), "f([1, -2], 'a') gives 2, expected 1"),
        (failed(Cause.TIMEOUT), "f([1, -2], 'a') does not end in time"),
        (failed(value="x" * 10_000), None),
        (failed(Cause.OUTPUT_LIMIT, Failure(Cause.OUTPUT_LIMIT)),
         "f([1, -2], 'a') fails: output limit"),
        (TestResult("check", False, Cause.WRONG_OUTPUT, detail="assert f(1) == 2 fails"),
         "test check: assert f(1) == 2 fails"),
    ],
)  # fmt: skip
def test_logic(result, evidence):
    found = gate(judged(passed(), result), NEAR, REFERENCE, entry_point="Solution.f")
    assert (found.mode, found.cause) == (Mode.LOGIC, result.cause)
    assert len(found.evidence) < 400
    assert evidence is None or found.evidence == evidence


def test_correct():
    found = gate(judged(passed(), passed("t1")), NEAR, REFERENCE, entry_point="f")
    assert (found.mode, found.cause) == (Mode.CORRECT, Cause.NONE)
    assert found.evidence == "all 2 tests pass"


def test_not_comparable_comes_before_correct_unless_asked_otherwise():
    verdict = judged(passed())
    found = gate(verdict, FAR, REFERENCE, entry_point="f")
    assert (found.mode, found.cause) == (Mode.CONSTRAINT, Cause.NOT_COMPARABLE)
    assert "similarity 0." in found.evidence
    assert found.passed
    assert (
        gate(verdict, FAR, REFERENCE, entry_point="f", order="correct_first").mode is Mode.CORRECT
    )
    assert gate(verdict, FAR, REFERENCE, entry_point="f", threshold=0.0).mode is Mode.CORRECT
    assert gate(verdict, FAR, None, entry_point="f").mode is Mode.CORRECT


def test_violated_constraint():
    constraints = ConstraintSet((LoopRequired(enforced=False), ForbiddenCalls(names=("open",))))
    found = gate(judged(failed()), Program(FAR), REFERENCE, constraints, entry_point="f")
    assert (found.mode, found.cause) == (Mode.CONSTRAINT, Cause.CONSTRAINT)
    assert found.evidence == (
        "the program calls open, which is forbidden (line 4); asked for: Do not call open."
    )
    assert not found.passed


def test_effects_come_from_the_verdict_too():
    constraints = ConstraintSet((InputUnchanged(),))
    changed = TestResult("t", True, Cause.NONE, ([1],), 1, Outcome(1, args_after=([2],)))
    found = gate(judged(changed), NEAR, REFERENCE, constraints, entry_point="f")
    assert found.cause is Cause.CONSTRAINT
    assert "changes its argument [1] to [2]" in found.evidence
    given_effect = [Effect(([1],), ([3],))]
    found = gate(
        judged(passed()), NEAR, REFERENCE, constraints, entry_point="f", effects=given_effect
    )
    assert "to [3]" in found.evidence


def test_no_test_at_all():
    assert gate(Verdict(), NEAR, REFERENCE).evidence == "no test was run"
    assert gate(Verdict(), "def f(:", REFERENCE).cause is Cause.COMPILE


@given(
    st.lists(st.sampled_from([c for c in Cause if c is not Cause.NONE]), max_size=3),
    st.sampled_from(list(Cause)),
    st.sampled_from([NEAR, FAR, "def f(:", "", "\0"]),
    st.sampled_from([REFERENCE, None, "def f(:"]),
    st.sampled_from(["syntax", "logic"]),
    st.sampled_from(["published", "correct_first"]),
)
def test_every_verdict_gets_a_mode_and_evidence(causes, cause, source, reference, as_mode, order):
    results = tuple(failed(item) for item in causes) or (passed(),)
    verdict = Verdict(results, causes[0] if causes else cause)
    found = gate(verdict, source, reference, exceptions_as=as_mode, order=order)
    assert found.mode is not None
    assert found.evidence
    assert found == gate(verdict, source, reference, exceptions_as=as_mode, order=order)
    assert found.results == verdict.results
