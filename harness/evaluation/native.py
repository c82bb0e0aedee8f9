"""The native engine: egca's own sandbox, expected outputs kept in the parent.

`handler` is what a worker process of egca/execution/workers.py makes: a warm sandbox, the problems
it has met, and the ground truth, which outlives it in a folder."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from egca.errors import EgcaError, SandboxError
from egca.execution.compare import short
from egca.execution.expectations import GroundTruth
from egca.execution.judging import judge
from egca.execution.limits import Limits
from egca.execution.sandbox import Sandbox
from egca.execution.session import SessionDied
from egca.problems import Problem
from egca.structure import ConstraintSet, extract_constraints, gate
from egca.types import Cause, Failure, Outcome, TestResult, Verdict
from harness.evaluation.results import Failed, Result
from harness.evaluation.samples import Sample

# How a data set's tests are called where some are extra ones, which come behind the others.
_BASE, _PLUS = re.compile(r"base \d+"), re.compile(r"plus \d+")
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
) -> Iterator[Callable[[Job], Result | float | SandboxError]]:
    """What does the jobs of one process.

    It answers with the result of a sample, with seconds of a reference, or with what keeps this
    machine from running anything.
    """
    truth = GroundTruth(truth_folder, is_light)
    with Sandbox(limits_of(call_s)) as sandbox:
        seen: dict[str, tuple[Problem, ConstraintSet]] = {}

        def handle(job: Job) -> Result | float | SandboxError:
            task_id = job.problem.task_id
            if task_id not in seen:
                if len(seen) >= _MAX_SEEN:
                    del seen[next(iter(seen))]
                seen[task_id] = job.problem, extract_constraints(job.problem)
            problem, constraints = seen[task_id]  # the same object, for what is remembered by it
            if job.sample is None:
                return remembered(problem, sandbox, truth)
            try:
                return judged(job.sample, problem, sandbox, truth, constraints)
            except SandboxError as error:
                return error

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
    """Judge one sample; what is wrong with it, or with its problem, is its result.

    Raises: SandboxError where nothing can be run.
    """
    started = time.perf_counter()
    try:
        program = sample.program(problem)
        verdict = judge(problem, program, sandbox=sandbox, stop_at_first=True, truth=truth)
    except EgcaError as error:
        if isinstance(error, SandboxError) and not isinstance(error, SessionDied):
            raise
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
    n_base = _n_base(problem)
    index, failing = next(
        ((i, one) for i, one in enumerate(verdict.results) if not one.passed), (0, None)
    )
    in_plus = failing is not None and n_base is not None and index >= n_base
    cause = failing.cause if failing is not None else verdict.cause
    if verdict.passed:
        cause = Cause.NONE
    failure = failing.actual.failure if failing is not None else verdict.failure
    return Result(
        sample.index,
        problem.task_id,
        verdict.passed or in_plus,
        None if n_base is None else verdict.passed,
        None if verdict.mode is None else verdict.mode.value,
        _cause_text(cause, failure),
        seconds,
        verdict.evidence,
        None if failing is None else _failed(failing, problem, index),
    )


def _n_base(problem: Problem) -> int | None:
    """How many tests stand before the extra ones; None where there are no extra ones."""
    names = (test.name for test in problem.tests)
    for index, name in enumerate(names):
        if not _BASE.fullmatch(name):
            is_extra = index > 0 and all(map(_PLUS.fullmatch, (name, *names)))
            return index if is_extra else None
    return None


def _cause_text(cause: Cause, failure: Failure | None) -> str:
    if cause is Cause.EXCEPTION and failure is not None and failure.type:
        return f"{cause.value}:{failure.type}"
    return cause.value


def _failed(result: TestResult, problem: Problem, index: int) -> Failed:
    if result.calls:
        expected = ""
    elif isinstance(result.expected, Failure):
        expected = f"raises {result.expected.type}"
    else:
        expected = short(result.expected, _MAX_TEXT)
    return Failed(
        result.name,
        _input_text(result, problem, index),
        expected,
        _actual_text(result.actual),
        result.detail[:_MAX_TEXT],
    )


def _input_text(result: TestResult, problem: Problem, index: int) -> str:
    if problem.kind == "script":
        return short(getattr(problem.tests[index], "stdin", None) or "", _MAX_TEXT)
    return ", ".join(short(item, _MAX_TEXT) for item in result.args)[:_MAX_TEXT]


def _actual_text(actual: Outcome) -> str:
    return str(actual.failure) if actual.failure else short(actual.value, _MAX_TEXT)
