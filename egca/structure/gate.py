"""The mode gate: what a judged program is, for credit, and the evidence for it.

Deterministic and total: a verdict of the tests, the program's text and the reference's go in, the
verdict with mode, finer cause and one sentence comes out. Nothing is executed here; what a mode
means for tokens is decided in egca/credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from egca.execution.compare import short
from egca.structure.comparability import THRESHOLD
from egca.structure.constraints import ConstraintSet, Effect, observed
from egca.structure.normalise import parse
from egca.structure.similarity import similarity
from egca.types import Cause, Failure, Mode, Program, TestResult, Verdict

# "Running it raises" in the published gate: the program ends instead of returning.
RUNTIME_ERRORS = frozenset({Cause.EXCEPTION, Cause.EXIT, Cause.MEMORY, Cause.CRASH})
_UNRUNNABLE = frozenset({Cause.COMPILE, Cause.MISSING_ENTRY_POINT})


def gate(
    verdict: Verdict,
    program: Program | str,
    reference_source: str | None,
    constraints: ConstraintSet | None = None,
    threshold: float = THRESHOLD,
    *,
    entry_point: str = "",
    effects: Sequence[Effect] = (),
    exceptions_as: Literal["syntax", "logic"] = "syntax",
    order: Literal["published", "correct_first"] = "published",
) -> Verdict:
    """The verdict with `mode`, `cause` and `evidence` set; the first mode that matches.

    syntax: does not compile, no entry point, or the first failing test ends in an exception, an
    exit or a dead process. constraint: violates an enforced constraint, or is not comparable with
    the reference. correct: every test passes. logic: everything else, timeouts included. The first
    failing test decides which failure counts, as in a harness that stops there.

    Args:
        verdict: of the tests alone.
        reference_source: None leaves comparability out.
        constraints: C; None leaves them out. effects: calls of the program observed besides those
            whose outcome in the verdict has args_after; they decide whether it changes its input.
        threshold: of similarity, in [0, 1]; 0 leaves comparability out.
        exceptions_as: "logic" lets a program that raises on an input be localized by its trace; one
            that cannot even be loaded stays syntax.
        order: "correct_first" calls a program that passes every test correct, whatever its form.
    Returns: `passed` is what it was: it speaks of the tests.

    >>> gate(Verdict(cause=Cause.COMPILE), "f(", None).mode
    <Mode.SYNTAX: 'syntax'>
    """
    source = program if isinstance(program, str) else program.source
    found = _syntax(verdict, source, exceptions_as)
    if found is None and order == "correct_first":
        found = _correct(verdict)
    if found is None and constraints is not None:
        results = verdict.results
        seen = observed([item.args for item in results], [item.actual for item in results])
        found = _violation(constraints, source, entry_point, (*effects, *seen))
    if found is None and reference_source is not None and threshold > 0:
        found = _incomparable(source, reference_source, entry_point, threshold)
    found = found or _correct(verdict) or _logic(verdict, entry_point)
    mode, cause, evidence = found
    return replace(verdict, mode=mode, cause=cause, evidence=evidence)


Finding = tuple[Mode, Cause, str]


def _syntax(verdict: Verdict, source: str, exceptions_as: str) -> Finding | None:
    failing = verdict.first_failure
    cause = failing.cause if failing is not None else verdict.cause
    if verdict.cause in _UNRUNNABLE or cause in _UNRUNNABLE:
        cause = verdict.cause if verdict.cause in _UNRUNNABLE else cause
        return Mode.SYNTAX, cause, _unrunnable(cause, verdict.failure)
    if cause in RUNTIME_ERRORS and (failing is None or exceptions_as == "syntax"):
        return Mode.SYNTAX, cause, _runtime_error(cause, verdict, failing)
    if not verdict.results and cause is Cause.NONE and parse(source) is None:
        return Mode.SYNTAX, Cause.COMPILE, "the program does not compile"
    return None


def _unrunnable(cause: Cause, failure: Failure | None) -> str:
    if cause is Cause.MISSING_ENTRY_POINT:
        said = f": {failure}" if failure is not None and failure.message else ""
        return f"the entry point is missing{said}"
    return f"the program does not compile{_said(failure)}"


def _said(failure: Failure | None) -> str:
    """ ": SyntaxError: invalid syntax (line 3)" where that much is known."""
    if failure is None:
        return ""
    line = f" (line {failure.frames[-1].line})" if failure.frames else ""
    return f": {failure}{line}"


def _runtime_error(cause: Cause, verdict: Verdict, failing: TestResult | None) -> str:
    failure = failing.actual.failure if failing is not None else verdict.failure
    words = {
        Cause.EXCEPTION: "raises an exception",
        Cause.EXIT: "ends the process instead of returning",
        Cause.MEMORY: "runs out of memory",
        Cause.CRASH: "kills its process",
    }
    where = f"on {_call(failing, '')}" if failing is not None else "when it is loaded"
    return f"the program {words[cause]} {where}{_said(failure)}"


def _violation(
    constraints: ConstraintSet, source: str, entry_point: str, effects: Sequence[Effect]
) -> Finding | None:
    violation = constraints.violation(source, entry_point, effects)
    if violation is None:
        return None
    line = f" (line {violation.span.line})" if violation.span is not None else ""
    asked = violation.constraint.sentence
    asked = asked if len(asked) <= 100 else f"{asked[:96]} ..."
    text = f"the program {violation.sentence}{line}; asked for: {asked}"
    return Mode.CONSTRAINT, Cause.CONSTRAINT, text


def _incomparable(
    source: str, reference: str, entry_point: str, threshold: float
) -> Finding | None:
    alike = similarity(source, reference, entry_point)
    if alike >= threshold:
        return None
    text = (
        "the control flow is not comparable with the reference: "
        f"similarity {alike:.3f} is under {threshold:g}"
    )
    return Mode.CONSTRAINT, Cause.NOT_COMPARABLE, text


def _correct(verdict: Verdict) -> Finding | None:
    if not verdict.results or verdict.first_failure is not None or verdict.cause is not Cause.NONE:
        return None
    n = len(verdict.results)
    return Mode.CORRECT, Cause.NONE, f"all {n} tests pass" if n > 1 else "the one test passes"


def _logic(verdict: Verdict, entry_point: str) -> Finding:
    failing = verdict.first_failure
    if failing is None:
        if verdict.cause is Cause.NONE:
            return Mode.LOGIC, Cause.NONE, "no test was run"
        said = _said(verdict.failure)
        return Mode.LOGIC, verdict.cause, f"the program failed outside the tests{said}"
    call = _call(failing, entry_point)
    actual = failing.actual
    if failing.cause is Cause.TIMEOUT:
        text = f"{call} does not end in time"
    elif actual.failure is not None:
        text = f"{call} fails: {actual.failure}"
    elif failing.expected is None and failing.detail:
        text = f"{call}: {failing.detail}"
    else:
        text = f"{call} gives {short(actual.value)}, expected {short(failing.expected)}"
    return Mode.LOGIC, failing.cause, text


def _call(failing: TestResult, entry_point: str) -> str:
    """The failing input as a call, or the test's name where the input is code or text."""
    if not failing.args:
        return f"test {failing.name}"
    arguments = ", ".join(short(argument) for argument in failing.args)
    shown = arguments if len(arguments) <= 160 else f"{arguments[:156]} ..."
    return f"{entry_point.rpartition('.')[2]}({shown})" if entry_point else f"input ({shown})"
