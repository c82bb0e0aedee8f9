"""What the reference gives where nobody wrote down what to expect: run once, then remembered."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from egca.errors import ProblemError
from egca.execution.limits import Limits
from egca.execution.one_child import SessionSource
from egca.execution.runner import Call, run_program
from egca.problems import UNKNOWN, Example, Problem
from egca.types import Cause, Failure, Outcome

_MAX_ENTRIES = 512
_MAX_CALLS = 4096
SLOWER = 5.0  # a reference gets this much more time than a candidate is granted at first
_PATIENCE = 4.0  # and a candidate this much more than the reference needs (as in EvalPlus)
_LARGE_BYTES = 1 << 25  # of one value, where a reference's own answer is over the limit


@dataclass(frozen=True, slots=True)
class Expected:
    """The reference's outcome for each test (by its index) that the reference decides.

    limits are a candidate's, raised where the reference itself needs more time or room.
    """

    outcomes: dict[int, Outcome]
    limits: Limits

    def is_skipped(self, index: int) -> bool:
        """Whether a test cannot be judged, for the reference gives no answer in time or as data."""
        outcome = self.outcomes.get(index)
        return outcome is not None and not _is_answer(outcome)


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of one reference; is_large when a value was over the usual limit."""

    outcomes: tuple[Outcome, ...]
    is_large: bool = False


_cache: OrderedDict[bytes, Known] = OrderedDict()
_lock = threading.Lock()
_calls: OrderedDict[int, tuple[Example, Call]] = OrderedDict()  # an id is its test's while kept


def call_of(test: Example) -> Call:
    """The call that an example makes: the same object each time, so that it is encoded once."""
    known = _calls.get(id(test))
    if known is None or known[0] is not test:
        known = _calls[id(test)] = test, Call(test.args, test.kwargs, test.stdin)
        while len(_calls) > _MAX_CALLS:
            _calls.popitem(last=False)
    return known[1]


def is_unknown(test: object) -> bool:
    """Whether the reference has to say what this test expects."""
    return isinstance(test, Example) and test.expected is UNKNOWN


def reference_outcomes(problem: Problem, sandbox: SessionSource, limits: Limits) -> Expected:
    """Run the reference on every test that has no expectation of its own.

    Remembered in memory by the content of reference and inputs. An exception of the reference is an
    outcome like another: the program has to raise the same.
    Raises: ProblemError when there is no reference, or when it answers none of these tests.
    """
    indices = [i for i, test in enumerate(problem.tests) if is_unknown(test)]
    if not indices:
        return Expected({}, limits)
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
        known = _run(problem, calls, sandbox, limits)
        with _lock:
            _cache[key] = known
            while len(_cache) > _MAX_ENTRIES:
                _cache.popitem(last=False)
    if not any(map(_is_answer, known.outcomes)):
        name, failure = problem.tests[indices[0]].name, known.outcomes[0].failure
        raise ProblemError(f"{_place(problem)}: the reference gives no answer to {name}: {failure}")
    return Expected(dict(zip(indices, known.outcomes, strict=True)), _raised(limits, known))


def _is_answer(outcome: Outcome) -> bool:
    """A value or an exception."""
    return outcome.failure is None or outcome.failure.cause in (Cause.EXCEPTION, Cause.EXIT)


def presence(outcome: Outcome) -> Outcome:
    """The outcome where it only counts that there is a value: one without plain data will do."""
    if outcome.failure is None or outcome.failure.cause is not Cause.UNENCODABLE:
        return outcome
    return replace(outcome, failure=None)


def _raised(limits: Limits, known: Known) -> Limits:
    """A candidate's limits, so that the reference would keep them with some room."""
    seconds = [outcome.seconds for outcome in known.outcomes if _is_answer(outcome)]
    call_s, program_s = _PATIENCE * max(seconds), _PATIENCE * sum(seconds)
    if known.is_large:  # encoding such a value takes its time, too
        call_s, program_s = (
            max(call_s, SLOWER * limits.call_s),
            max(program_s, SLOWER * limits.program_s),
        )
    if call_s <= limits.call_s and program_s <= limits.program_s and not known.is_large:
        return limits
    return replace(
        limits,
        call_s=max(limits.call_s, call_s),
        late_call_s=max(limits.late_call_s, call_s),
        program_s=max(limits.program_s, program_s),
        value_bytes=max(limits.value_bytes, _LARGE_BYTES) if known.is_large else limits.value_bytes,
    )


def _key(problem: Problem, calls: Sequence[Call]) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    for text in (problem.kind, problem.entry_point, problem.reference or ""):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    for call in calls:
        digest.update(call.key + b"\0")
    return digest.digest()


def _run(problem: Problem, calls: Sequence[Call], sandbox: SessionSource, limits: Limits) -> Known:
    slower = replace(limits, call_s=limits.call_s * SLOWER, program_s=limits.program_s * SLOWER)
    outcomes = _outcomes(problem, calls, sandbox, slower)
    if problem.comparison.view == "is_not_none":
        outcomes = [presence(outcome) for outcome in outcomes]
    large = [
        i
        for i, outcome in enumerate(outcomes)
        if outcome.failure is not None and outcome.failure.cause is Cause.OUTPUT_LIMIT
    ]
    if large:
        roomy = replace(slower, value_bytes=_LARGE_BYTES)
        again = _outcomes(problem, [calls[i] for i in large], sandbox, roomy)
        for i, outcome in zip(large, again, strict=True):
            outcomes[i] = outcome
    return Known(tuple(outcomes), bool(large))


def _outcomes(
    problem: Problem, calls: Sequence[Call], sandbox: SessionSource, limits: Limits
) -> list[Outcome]:
    reference = problem.reference or ""
    outcomes = run_program(sandbox, reference, problem.kind, problem.entry_point, calls, limits)
    if isinstance(outcomes, Failure):
        raise ProblemError(f"{_place(problem)}: the reference does not run: {outcomes}")
    return outcomes


def _place(problem: Problem) -> str:
    return problem.origin or problem.task_id or "problem"
