"""Runs a program against a problem's tests and says what came of each: the verdict.

Expected values stay in this process. Examples run in the program's child and are compared here;
tests of code run in an oracle's child that only meets answers (check_runner.py). What equal means
is decided in compare.py; the mode of a verdict is the gate's (egca/structure)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from egca.errors import ProblemError
from egca.execution.answers import Answer
from egca.execution.budget import BudgetedRunner
from egca.execution.check_runner import CheckResult, CheckRunner
from egca.execution.compare import difference, output_difference, short
from egca.execution.expectations import (
    IN_MEMORY,
    Expected,
    GroundTruth,
    call_of,
    presence,
)
from egca.execution.limits import Limits
from egca.execution.one_child import Children, SessionSource
from egca.execution.runner import Call
from egca.execution.sandbox import Sandbox
from egca.problems import Check, Example, Problem, near_name
from egca.types import Cause, Comparison, Failure, Outcome, Program, TestResult, Verdict

_FIRST_BATCH = 4  # tests run before looking, when the first failure ends it; then twice as many


def judge(
    problem: Problem,
    program: Program | str,
    *,
    sandbox: Sandbox,
    limits: Limits | None = None,
    stop_at_first: bool = False,
    children: Children | None = None,
    truth: GroundTruth = IN_MEMORY,
) -> Verdict:
    """Run every test of a problem, in order, in one child; the program's globals live on.

    Args:
        limits: of the program; the sandbox's own if None.
        stop_at_first: end with the first failing test; results then end with it.
        children: where program and reference run; None: each in a fresh child of the sandbox.
        truth: what is known of references. Where it is light, the results of tests that pass have
            no values: most of the time and memory of large ones goes into building them.
    Returns: a verdict without mode. A program that does not load has no results and a failure. A
        test that the reference has to decide but does not answer in time is skipped: passed, and
        its detail says so.
    Raises: ProblemError for a test or reference that cannot be used, InputError for a standard
        input longer than a file may be, SandboxError if nothing runs.
    """
    if not problem.tests:
        raise ProblemError(f"{problem.origin or problem.task_id or 'problem'}: it has no tests")
    started = time.perf_counter()
    children = children or Children(sandbox, sandbox)
    expected = truth.expected(problem, children.reference, limits or sandbox.limits)
    runner = BudgetedRunner(
        children.candidate, program, problem.kind, problem.entry_point, expected.limits
    )
    with runner, CheckRunner(sandbox, problem) as oracle:
        failure = runner.load()
        if failure is not None:
            evidence = _load_evidence(problem, runner.source, failure)
            seconds = time.perf_counter() - started
            return Verdict((), failure.cause, failure, None, evidence, seconds)
        judging = _Judging(problem, runner, oracle, expected, stop_at_first, truth.is_light)
        results = tuple(judging.results())
    index = next((i for i, result in enumerate(results) if not result.passed), None)
    failing = None if index is None else results[index]
    n_skipped = sum(expected.is_skipped(i) for i in range(len(results)))
    return Verdict(
        results,
        failing.cause if failing else Cause.NONE,
        failing.actual.failure if failing else None,
        None,
        _all_passed(len(results), n_skipped)
        if index is None
        else evidence_of(problem, index, results[index]),
        time.perf_counter() - started,
    )


def check_reference(
    problem: Problem,
    sandbox: Sandbox,
    limits: Limits | None = None,
    child: SessionSource | None = None,
) -> None:
    """Make sure that the reference passes the problem's own tests.

    Nothing to check where there is no reference. It runs in `child`, or in a fresh one.
    Raises: ProblemError with the first failing test.
    """
    if problem.reference is None:
        return
    verdict = judge(
        problem,
        Program(problem.reference),
        sandbox=sandbox,
        limits=limits,
        stop_at_first=True,
        children=Children(child or sandbox, child or sandbox),
    )
    if not verdict.passed:
        failing = verdict.first_failure
        name = f" {failing.name}" if failing else " to load"
        where = problem.origin or problem.task_id or "problem"
        raise ProblemError(f"{where}: the reference itself fails{name}: {verdict.evidence}")


def inputs_of(problem: Problem, verdict: Verdict) -> tuple[tuple[Call, ...], ...]:
    """The calls that each judged test made, in order: one for an example, any number for code.

    Aligned with verdict.results; where a test failed its last call is the one that failed it.
    """
    return tuple(
        (call_of(test),)
        if isinstance(test, Example)
        else tuple(Call(record.args, record.kwargs) for record in result.calls)
        for test, result in zip(problem.tests, verdict.results, strict=False)
    )


@dataclass
class _Judging:
    """One run over the tests; `results` yields them in order."""

    problem: Problem
    runner: BudgetedRunner
    oracle: CheckRunner
    expected: Expected
    stop_at_first: bool
    is_light: bool

    def results(self) -> Iterator[TestResult]:
        tests = self.problem.tests
        i, batch = 0, _FIRST_BATCH
        while i < len(tests):
            test = tests[i]
            if isinstance(test, Check):
                results = [check_result(test, self.oracle.run(test, self.runner))]
            else:
                results = self._examples(i, batch if self.stop_at_first else len(tests))
                batch *= 2
            for result in results:
                yield result
                if self.stop_at_first and not result.passed:
                    return
            i += len(results)

    def _examples(self, start: int, limit: int) -> list[TestResult]:
        """Results of the examples from `start` on, up to the next code or the limit."""
        examples: list[Example] = []
        for test in self.problem.tests[start : start + limit]:
            if not isinstance(test, Example):
                break
            examples.append(test)
        known, skipped = self.expected, self.expected.skipped
        indices = [i for i in range(start, start + len(examples)) if i not in skipped]
        calls = [call for i in indices if (call := known.calls[i]) is not None]
        wanted = [known.wanted[i] for i in indices]
        given = iter(
            self.runner.answers(calls, wanted=wanted, digests=self.is_light) if calls else ()
        )
        results: list[TestResult] = []
        for i, test in enumerate(examples, start):
            if i in skipped:
                results.append(self._skipped(test, i))
            else:
                results.append(self._result(test, i, next(given), known.wanted[i]))
            if self.stop_at_first and not results[-1].passed:
                break  # nobody will look at the others
        return results

    def _skipped(self, test: Example, index: int) -> TestResult:
        failure = self.expected.answers[index].failure
        detail = f"skipped: the reference gives no answer ({failure})"
        return TestResult(test.name, True, Cause.NONE, test.args, None, Outcome(), detail)

    def _result(
        self, test: Example, index: int, answer: Answer, wanted: Answer | None
    ) -> TestResult:
        if wanted is None or not answer.is_wanted:
            return self._compared(test, answer, index)
        value = None if self.is_light else wanted.outcome.value
        outcome = Outcome(value, None, answer.stdout, answer.seconds)
        return TestResult(test.name, True, Cause.NONE, test.args, value, outcome)

    def _compared(self, test: Example, answer: Answer, index: int) -> TestResult:
        """The result where bytes alone do not say that it passes."""
        known = self.expected.answers.get(index)
        comparison = test.comparison or self.problem.comparison
        answer = self.runner.complete(answer, call_of(test))
        if comparison.view == "is_not_none":
            answer = presence(answer)
        outcome = answer.outcome
        if known is not None and known.failure is not None:
            expected: object = known.failure
            cause, detail = against_failure(known.failure, outcome)
        else:
            expected = self.expected.value(index) if known is not None else test.expected
            if outcome.failure is not None:
                cause, detail = outcome.failure.cause, str(outcome.failure)
            else:
                detail = self._difference(expected, outcome, comparison)
                cause = Cause.WRONG_OUTPUT if detail else Cause.NONE
        return TestResult(
            test.name, cause is Cause.NONE, cause, test.args, expected, outcome, detail
        )

    def _difference(self, expected: object, outcome: Outcome, comparison: Comparison) -> str:
        if self.problem.kind == "script" and isinstance(expected, str):
            return output_difference(expected, str(outcome.value), comparison)
        return difference(expected, outcome.value, comparison)


def _all_passed(n_tests: int, n_skipped: int) -> str:
    if not n_skipped:
        return f"all {n_tests} tests pass"
    return (
        f"all {n_tests - n_skipped} tests pass; {n_skipped} skipped, "
        "for the reference gives no answer to them"
    )


def against_failure(expected: Failure, outcome: Outcome) -> tuple[Cause, str]:
    """The cause and detail of a call that should end as the reference's did: by this exception."""
    actual = outcome.failure
    if actual is None:
        return Cause.WRONG_OUTPUT, f"expected {expected}, got {short(outcome.value)}"
    if actual.cause is expected.cause and actual.type == expected.type:
        return Cause.NONE, ""
    return actual.cause, f"expected {expected}, got {actual}"


def check_result(test: Check, result: CheckResult) -> TestResult:
    """The result of a test of code: failing assert as detail, last call as args and actual."""
    last = result.calls[-1] if result.calls else None
    detail = result.text
    if result.message and not result.passed:
        detail = f"{detail}: {result.message}" if detail else result.message
    failure = result.failure
    cause = Cause.NONE if result.passed else failure.cause if failure else Cause.WRONG_OUTPUT
    return TestResult(
        test.name,
        result.passed,
        cause,
        last.args if last else (),
        None,
        last.outcome if last else Outcome(),
        detail,
        result.calls,
    )


def evidence_of(problem: Problem, index: int, result: TestResult) -> str:
    """One sentence on a failing test: the call, what came of it, and what was expected.

    Args:
        index: of the test among the problem's; names may repeat.
    """
    call = _call_text(problem, index, result)
    failure = result.actual.failure
    if result.cause is Cause.TIMEOUT:
        return f"{call} does not end in time"
    if failure is not None:
        said = f"{call} {_failed(failure)}"
    elif problem.kind == "script":
        return f"{call}: {result.detail}"
    else:
        said = f"{call} returns {short(result.actual.value)}"
    if result.calls:
        return f"{said}, so the test fails: {short_text(result.detail)}"
    if isinstance(result.expected, Failure):
        return f"{said}, but the reference raises {result.expected.type}"
    if failure is not None:
        return said
    if result.detail.startswith("expected "):
        return f"{said}, but {short(result.expected)} is expected"
    return f"{said}: {result.detail}"


def short_text(text: str, limit: int = 160) -> str:
    """A text cut to about `limit` characters."""
    return text if len(text) <= limit else text[: limit - 4].rstrip() + " ..."


def _failed(failure: Failure) -> str:
    match failure.cause:
        case Cause.EXCEPTION:
            return f"raises {failure}"
        case Cause.EXIT:
            return "ends the whole program"
        case Cause.MEMORY:
            return "runs out of memory"
        case Cause.CRASH:
            return f"crashes ({failure})"
        case Cause.OUTPUT_LIMIT | Cause.UNENCODABLE:
            return f"gives no usable value: {failure}"
    return f"fails: {failure}"


def _call_text(problem: Problem, index: int, result: TestResult) -> str:
    if problem.kind == "script":
        return f"the script on {result.name}"
    test = problem.tests[index]
    kwargs = test.kwargs if isinstance(test, Example) else {}
    if result.calls:
        kwargs = result.calls[-1].kwargs
    parts = [short(item, 60) for item in result.args]
    parts += [f"{name}={short(value, 60)}" for name, value in kwargs.items()]
    return short_text(f"{problem.entry_point}({', '.join(parts)})")


def _load_evidence(problem: Problem, source: str, failure: Failure) -> str:
    if failure.cause is Cause.COMPILE:
        line = f"line {failure.frames[-1].line}: " if failure.frames else ""
        return f"the program does not compile: {line}{failure.message or failure.type}"
    if failure.cause is Cause.MISSING_ENTRY_POINT:
        near = near_name(problem.entry_point, source)
        hint = f'; did you mean "{near}"?' if near else ""
        return f'the program does not define "{problem.entry_point}"{hint}'
    line = f" (line {failure.frames[-1].line})" if failure.frames else ""
    return f"the program ends while it is loaded: {failure}{line}"
