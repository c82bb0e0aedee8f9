"""The inputs of a localization: every call that the tests make, and what decides whether it is
right.

Tests come as data or as code (egca/problems); here both become calls with an expected outcome.
Where a test is code, the reference's answer to the same call is expected; in a test that passes the
candidate's own is as right. Without a reference, what a failing test expects is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from egca.execution import Call, Limits, run_program
from egca.execution.compare import equal, same_output
from egca.execution.expectations import call_of
from egca.execution.judging import inputs_of
from egca.execution.one_child import SessionSource
from egca.execution.wire import WireError, decode
from egca.localization.variants import RAISED, VALUE
from egca.problems import Example, Problem
from egca.types import Cause, Comparison, Failure, Outcome, TestResult, Verdict

MAX_INPUTS = 40  # more calls than this add little evidence, and each costs a run of every edit
MAX_BEFORE = 40  # calls that are made before another, where only these make it wrong
MAX_SLOW = 3
# Woven in, an assignment that is not on still makes its name a local one.
UNBOUND = frozenset(("NameError", "UnboundLocalError"))
SLOW_S = 0.05  # what takes longer is left out as long as there is other evidence


@dataclass(frozen=True, slots=True)
class Right:
    """One way in which a call may end.

    value: what it returns, or the Failure that it ends with. args: its positional arguments as it
    has to leave them; None where they do not matter.
    """

    value: Any
    args: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """One call, and what is right for it.

    actual: how it ended in the test. right: the ways it may end; where there is none, no run can be
    judged. wants_args: whether what it does to its arguments is judged, too.
    """

    call: Call
    result: TestResult
    actual: Outcome
    is_failing: bool
    right: tuple[Right, ...]
    comparison: Comparison
    wants_args: bool = False

    @property
    def is_known(self) -> bool:
        """Whether a run can be judged."""
        return bool(self.right)

    @property
    def expected(self) -> Any:
        """A value that is right, or the Failure; None where nothing is known."""
        return self.right[0].value if self.right else None

    @property
    def is_exact(self) -> bool:
        """Whether a run that is right here cannot fail the test for all that is known."""
        return not self.wants_args and all(right == self.right[0] for right in self.right)

    @property
    def is_slow(self) -> bool:
        """Whether the candidate takes long for it, or hangs."""
        if self.result.calls:
            return any(record.outcome.seconds > SLOW_S for record in self.result.calls)
        return self.result.cause is Cause.TIMEOUT or self.result.actual.seconds > SLOW_S

    def payload(self) -> dict[str, Any]:
        """The call for variants.load."""
        return {**self.call.encoded, "wants_args": self.wants_args}

    def accepts(self, outcome: Outcome, is_script: bool = False) -> bool:
        """Whether a run that ended like this is right."""
        raised = None if outcome.failure is None else outcome.failure.type
        return self._fits(raised, outcome.value, outcome.args_after, is_script)

    def accepts_output(self, output: bytes, is_script: bool = False) -> bool:
        """As accepts, for an output of variants.run."""
        if output[:1] == RAISED:
            return self._fits(output[1:].decode(errors="replace"), None, None, is_script)
        if output[:1] != VALUE:
            return False
        try:
            value = decode(output[1:])
        except WireError:
            return False
        if not self.wants_args:
            return self._fits(None, value, None, is_script)
        if type(value) is not tuple or len(value) != 2:  # a child may send anything
            return False
        return self._fits(None, value[0], value[1], is_script)

    def is_repeated(self, output: bytes, is_script: bool = False) -> bool:
        """Whether a run of the unchanged program, with an output of variants.run, did what it did
        in the test: it is as right as there, and gives a value or raises as there."""
        if self.accepts_output(output, is_script) == self.is_failing:
            return False
        failure = self.actual.failure
        if output[:1] == VALUE or failure is None:
            return output[:1] == VALUE
        raised = output[1:].decode(errors="replace")
        is_same = {raised, failure.type} <= UNBOUND or raised == failure.type
        return is_same or output[:1] != RAISED or failure.cause is not Cause.EXCEPTION

    def _fits(self, raised: str | None, value: Any, args: Any, is_script: bool) -> bool:
        return any(self._is(right, raised, value, args, is_script) for right in self.right)

    def _is(self, right: Right, raised: str | None, value: Any, args: Any, is_script: bool) -> bool:
        if isinstance(right.value, Failure):
            return raised == right.value.type != ""
        is_right = raised is None and self._equal(right.value, value, is_script)
        return is_right and (not self.wants_args or self.leaves(right.args, args))

    def leaves(self, wanted: tuple[Any, ...] | None, args: Any) -> bool:
        """Whether arguments after a call are as wanted."""
        plain = replace(self.comparison, view="", unordered=False)
        return wanted is None or equal(wanted, args, plain)

    def _equal(self, expected: Any, value: Any, is_script: bool) -> bool:
        if is_script and isinstance(expected, str) and isinstance(value, str):
            return same_output(expected, value, self.comparison)
        return equal(expected, value, self.comparison)


def gather(
    problem: Problem, verdict: Verdict, reference: SessionSource, limits: Limits | None = None
) -> list[Input]:
    """The calls of all judged tests.

    Args:
        reference: where the reference runs.

    Raises: SandboxError if nothing can run.
    """
    found: list[Input] = []
    for test, result, calls in zip(
        problem.tests, verdict.results, inputs_of(problem, verdict), strict=False
    ):
        comparison = problem.comparison
        if isinstance(test, Example):
            found.append(
                Input(
                    call_of(test),
                    result,
                    result.actual,
                    not result.passed,
                    (Right(result.expected),),
                    test.comparison or comparison,
                )
            )
            continue
        found += _of_check(problem, result, calls, reference, limits)
    if any(one.is_failing and one.wants_args for one in found):
        return [replace(one, wants_args=bool(one.result.calls)) for one in found]
    return found


def affordable(inputs: Sequence[Input]) -> list[Input]:
    """The inputs worth running every edit on: no slow ones, and not too many.

    Where all that fail are slow, the first few stay. If there are too many, failing ones are
    kept first.
    """
    found = [one for one in inputs if not one.is_slow]
    if not any(one.is_failing for one in found):
        found = [*[one for one in inputs if one.is_failing][:MAX_SLOW], *found]
    if len(found) > MAX_INPUTS:
        failing = [one for one in found if one.is_failing][: MAX_INPUTS // 2]
        passing = [one for one in found if not one.is_failing][: MAX_INPUTS - len(failing)]
        found = [*failing, *passing]
    return found


def after_earlier(inputs: Sequence[Input]) -> list[Input]:
    """The same inputs, each with the calls that the tests make before it."""
    calls = [one.call for one in inputs]
    return [
        replace(one, call=replace(one.call, before=tuple(calls[max(i - MAX_BEFORE, 0) : i])))
        for i, one in enumerate(inputs)
    ]


def _of_check(
    problem: Problem,
    result: TestResult,
    calls: Sequence[Call],
    reference: SessionSource,
    limits: Limits | None,
) -> list[Input]:
    """The calls of a test that is code.

    Of a failing one the last is known to be wrong, unless it is as the reference's while an earlier
    one is not. What a call did in a test that passes is right, however little the test asks.
    """
    answers: list[Outcome] | Failure = []
    if problem.reference is not None and calls:
        answers = run_program(
            reference,
            problem.reference,
            problem.kind,
            problem.entry_point,
            calls,
            limits,
            args_after=True,
        )
    known = answers if isinstance(answers, list) else []
    found: list[Input] = []
    for index, (call, record) in enumerate(zip(calls, result.calls, strict=False)):
        actual, comparison = record.outcome, problem.comparison
        own = Right(actual.failure or actual.value, actual.args_after)
        if not known:
            is_failing = not result.passed and index == len(calls) - 1
            right = () if is_failing else (own,)
            found.append(Input(call, result, actual, is_failing, right, comparison))
            continue
        answer = known[index]
        wanted = Right(answer.failure or answer.value, answer.args_after)
        one = Input(call, result, actual, False, (wanted,), comparison)
        if not result.passed:
            one = _compared(one, wanted, is_last=index == len(calls) - 1)
        if not one.is_failing:
            one = replace(one, right=(own, wanted))
        found.append(one)
    if any(one.is_failing for one in found[:-1]) and found[-1].accepts(found[-1].actual):
        found[-1] = replace(found[-1], is_failing=False)
    return found


def _compared(one: Input, wanted: Right, is_last: bool) -> Input:
    """A call of a failing test: whether it is at fault, and by what.

    Its arguments count where the value says nothing: it is right, or the reference returns none.
    """
    is_right, after = one.accepts(one.actual), one.actual.args_after
    leaves_others = after is not None and not one.leaves(wanted.args, after)
    wants_args = leaves_others and (wanted.value is None or (is_right and is_last))
    return replace(one, is_failing=is_last or not is_right or wants_args, wants_args=wants_args)
