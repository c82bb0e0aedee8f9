"""The native engine: egca's own sandbox, expected outputs kept in the parent.

`handler` is what a worker process of egca/execution/workers.py makes: a warm sandbox, the problems
it has met, and the ground truth, which outlives it in a folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from egca.errors import EgcaError
from egca.execution.compare import short
from egca.execution.expectations import GroundTruth
from egca.execution.judging import judge
from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.problems import Problem
from egca.structure import ConstraintSet, extract_constraints, gate
from egca.types import Cause, Failure, Outcome, TestResult, Verdict
from harness.evaluation.results import Failed, Result
from harness.evaluation.samples import Sample

PLUS = "plus"  # how the names of a data set's extra tests begin
SECONDS = 2.0  # of one call, unless the reference needs more than a quarter of it
_PROGRAM_CALLS = 5  # calls at their limit that a whole program may take
_MAX_TEXT = 300
_MAX_SEEN = 8  # problems, with their tests; the samples of one come one after another


@dataclass(frozen=True, slots=True)
class Job:
    """A sample, with its problem; without one the reference is run, and its answers remembered."""

    sample: Sample | None
    problem: Problem


def limits_of(call_s: float) -> Limits:
    """The limits of a program whose calls may take so long."""
    return Limits(call_s=call_s, late_call_s=call_s, program_s=_PROGRAM_CALLS * call_s)


@contextlib.contextmanager
def handler(
    call_s: float, truth_folder: Path | None, is_light: bool = True
) -> Iterator[Callable[[Job], Result | float]]:
    """What does the jobs of one process: the result of a sample, or seconds of a reference."""
    truth = GroundTruth(truth_folder, is_light)
    with Sandbox(limits_of(call_s)) as sandbox:
        seen: dict[str, tuple[Problem, ConstraintSet]] = {}

        def handle(job: Job) -> Result | float:
            task_id = job.problem.task_id
            if task_id not in seen:
                if len(seen) >= _MAX_SEEN:
                    del seen[next(iter(seen))]
                seen[task_id] = job.problem, extract_constraints(job.problem)
            problem, constraints = seen[task_id]  # the same object, for what is remembered by it
            if job.sample is None:
                return remembered(problem, sandbox, truth)
            return judged(job.sample, problem, sandbox, truth, constraints)

        yield handle


def remembered(problem: Problem, sandbox: Sandbox, truth: GroundTruth) -> float:
    """Run the reference if nobody has; seconds of its calls, 0 where it cannot be used."""
    try:
        expected = truth.expected(problem, sandbox, sandbox.limits)
    except EgcaError:  # every sample of it will say so
        return 0.0
    return sum(answer.seconds for answer in expected.answers.values())


def judged(
    sample: Sample,
    problem: Problem,
    sandbox: Sandbox,
    truth: GroundTruth,
    constraints: ConstraintSet | None = None,
) -> Result:
    """Judge one sample; what is wrong with it, or with its problem, is its result."""
    started = time.perf_counter()
    try:
        program = sample.program(problem)
        verdict = judge(problem, program, sandbox=sandbox, stop_at_first=True, truth=truth)
    except EgcaError as error:
        seconds = time.perf_counter() - started
        return unreadable(sample, f"cannot be judged: {error}", seconds)
    verdict = gate(
        verdict, program, problem.reference, constraints, entry_point=problem.entry_point
    )
    return result_of(sample, problem, verdict, time.perf_counter() - started)


def unreadable(sample: Sample, reason: str, seconds: float = 0.0) -> Result:
    """The result of a sample that nobody could judge."""
    return Result(sample.index, sample.task_id, False, None, None, "unreadable", seconds, reason)


def result_of(sample: Sample, problem: Problem, verdict: Verdict, seconds: float) -> Result:
    """A verdict as a result."""
    has_plus = any(test.name.startswith(PLUS) for test in problem.tests)
    failing = verdict.first_failure
    in_plus = failing is not None and failing.name.startswith(PLUS)
    cause = failing.cause if failing is not None else verdict.cause
    if verdict.passed:
        cause = Cause.NONE
    failure = failing.actual.failure if failing is not None else verdict.failure
    return Result(
        sample.index,
        problem.task_id,
        verdict.passed or in_plus,
        verdict.passed if has_plus else None,
        None if verdict.mode is None else verdict.mode.value,
        _cause_text(cause, failure),
        seconds,
        verdict.evidence,
        None if failing is None else _failed(failing, problem),
    )


def _cause_text(cause: Cause, failure: Failure | None) -> str:
    if cause is Cause.EXCEPTION and failure is not None and failure.type:
        return f"{cause.value}:{failure.type}"
    return cause.value


def _failed(result: TestResult, problem: Problem) -> Failed:
    if result.calls:
        expected = ""
    elif isinstance(result.expected, Failure):
        expected = f"raises {result.expected.type}"
    else:
        expected = short(result.expected, _MAX_TEXT)
    return Failed(
        result.name,
        _input_text(result, problem),
        expected,
        _actual_text(result.actual),
        result.detail[:_MAX_TEXT],
    )


def _input_text(result: TestResult, problem: Problem) -> str:
    if problem.kind == "script":
        stdin = next(
            (getattr(t, "stdin", None) for t in problem.tests if t.name == result.name), ""
        )
        return short(stdin or "", _MAX_TEXT)
    return ", ".join(short(item, _MAX_TEXT) for item in result.args)[:_MAX_TEXT]


def _actual_text(actual: Outcome) -> str:
    return str(actual.failure) if actual.failure else short(actual.value, _MAX_TEXT)
