"""What the reference gives where nobody wrote down what to expect: run once, then remembered."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

from egca.errors import ProblemError
from egca.execution.limits import Limits
from egca.execution.runner import Call, run_program
from egca.execution.sandbox import Sandbox
from egca.execution.wire import encode
from egca.problems import UNKNOWN, Example, Problem
from egca.types import Cause, Failure, Outcome

_MAX_ENTRIES = 512
_TIME_FACTOR = 2.0  # a reference gets this much more time than a candidate

_cache: OrderedDict[bytes, tuple[Outcome, ...]] = OrderedDict()
_lock = threading.Lock()


def call_of(test: Example) -> Call:
    """The call that an example makes."""
    return Call(test.args, test.kwargs, test.stdin)


def is_unknown(test: object) -> bool:
    """Whether the reference has to say what this test expects."""
    return isinstance(test, Example) and test.expected is UNKNOWN


def reference_outcomes(
    problem: Problem, sandbox: Sandbox, limits: Limits | None = None
) -> dict[int, Outcome]:
    """The reference's outcome for each test (by its index) that has no expectation of its own.

    Remembered in memory by the content of reference and inputs. An exception of the reference is an
    outcome like another: the program has to raise the same.
    Raises: ProblemError when there is no reference or it gives no answer (too slow, no plain data).
    """
    indices = [i for i, test in enumerate(problem.tests) if is_unknown(test)]
    if not indices:
        return {}
    if problem.reference is None:
        name = problem.tests[indices[0]].name
        raise ProblemError(
            f"{_place(problem)}: {name} expects nothing, and there is no reference to decide; "
            "give one of the two"
        )
    calls = [
        call_of(test) for test in problem.tests if isinstance(test, Example) and is_unknown(test)
    ]
    key = _key(problem, calls)
    with _lock:
        known = _cache.get(key)
        if known is not None:
            _cache.move_to_end(key)
    if known is None:
        known = tuple(_run(problem, calls, sandbox, limits or sandbox.limits))
        with _lock:
            _cache[key] = known
            while len(_cache) > _MAX_ENTRIES:
                _cache.popitem(last=False)
    for index, outcome in zip(indices, known, strict=True):
        _require_answer(problem, problem.tests[index].name, outcome.failure)
    return dict(zip(indices, known, strict=True))


def _key(problem: Problem, calls: Sequence[Call]) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    for text in (problem.kind, problem.entry_point, problem.reference or ""):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    for call in calls:
        digest.update(encode((call.args, call.kwargs, call.stdin)))
    return digest.digest()


def _run(
    problem: Problem, calls: Sequence[Call], sandbox: Sandbox, limits: Limits
) -> list[Outcome]:
    slower = replace(
        limits, call_s=limits.call_s * _TIME_FACTOR, program_s=limits.program_s * _TIME_FACTOR
    )
    assert problem.reference is not None
    outcomes = run_program(
        sandbox, problem.reference, problem.kind, problem.entry_point, calls, slower
    )
    if isinstance(outcomes, Failure):
        raise ProblemError(f"{_place(problem)}: the reference does not run: {outcomes}")
    return outcomes


def _require_answer(problem: Problem, name: str, failure: Failure | None) -> None:
    if failure is not None and failure.cause not in (Cause.EXCEPTION, Cause.EXIT):
        raise ProblemError(f"{_place(problem)}: the reference gives no answer to {name}: {failure}")


def _place(problem: Problem) -> str:
    return problem.origin or problem.task_id or "problem"
