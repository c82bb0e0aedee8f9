"""What the reference gives where nobody wrote down what to expect: run once, then remembered.

`GroundTruth` remembers it in memory, and in a folder where one is given: files of the wire's own
format, named by what they depend on (reference, inputs, Python), never pickles."""

from __future__ import annotations

import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from egca.errors import ProblemError
from egca.execution.answers import Answer, answer_with
from egca.execution.limits import Limits
from egca.execution.one_child import SessionSource
from egca.execution.runner import Call, Runner
from egca.execution.truth_files import load_answers, save_answers
from egca.problems import UNKNOWN, Example, Problem, Test
from egca.types import Cause

_MAX_ENTRIES = 512
_MAX_CALLS = 1 << 13  # of tests that are met again and again; they hold their values
_MAX_READY = 64
SLOWER = 5.0  # a reference gets this much more time than a candidate is granted at first
_PATIENCE = 4.0  # and a candidate this much more than the reference needs (as in EvalPlus)
_LARGE_BYTES = 1 << 25  # of one value, where a reference's own answer is over the limit


@dataclass(frozen=True, slots=True)
class Expected:
    """The reference's answer to each test (by its index) that the reference decides.

    limits are a candidate's, raised where the reference itself needs more time or room. complete
    fetches the value of an answer that is only remembered by its digest. calls and wanted are
    aligned with the tests: what each calls, None for code; and the answer that would be right, if
    that is a value of plain data. skipped: tests that cannot be judged, for the reference gives no
    answer in time or as data.
    """

    answers: dict[int, Answer]
    limits: Limits
    complete: Callable[[int], Answer]
    calls: tuple[Call | None, ...]
    wanted: tuple[Answer | None, ...]
    skipped: frozenset[int]

    def is_skipped(self, index: int) -> bool:
        """Whether this test cannot be judged."""
        return index in self.skipped

    def value(self, index: int) -> Any:
        """The value that this test wants. Raises: ProblemError if it cannot be had any more."""
        outcome = self.complete(index).outcome
        if outcome.failure is not None:
            raise ProblemError(f"the reference gives no answer any more: {outcome.failure}")
        return outcome.value


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of one reference; is_large when a value was over the usual limit."""

    answers: tuple[Answer, ...]
    is_large: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call of a reference, and whether it only counts that there is a value."""

    call: Call
    is_presence: bool


_calls: dict[int, tuple[Example, Call]] = {}  # an id is its test's while kept
_wanted: OrderedDict[int, tuple[Example, Answer | None]] = OrderedDict()


def call_of(test: Example) -> Call:
    """The call that an example makes: the same object each time, so that it is encoded once."""
    known = _calls.get(id(test))
    if known is None or known[0] is not test:
        if len(_calls) >= _MAX_CALLS:  # to let the oldest go one by one costs more than a call
            _calls.clear()
        known = _calls[id(test)] = test, Call(test.args, test.kwargs, test.stdin)
    return known[1]


def written_answer(test: Example) -> Answer | None:
    """What a test has written down to expect, as the wire has it; None for what is no data."""
    known = _wanted.get(id(test))
    if known is None or known[0] is not test:
        known = _wanted[id(test)] = test, answer_with(test.expected)
        while len(_wanted) > _MAX_CALLS:
            _wanted.popitem(last=False)
    return known[1]


def _written(tests: Sequence[Test], known: dict[int, Answer]) -> tuple[Answer | None, ...]:
    """The answer that each test wants: the reference's where that is known."""
    return tuple(
        known[i] if i in known else written_answer(test) if isinstance(test, Example) else None
        for i, test in enumerate(tests)
    )


def is_unknown(test: object) -> bool:
    """Whether the reference has to say what this test expects."""
    return isinstance(test, Example) and test.expected is UNKNOWN


class GroundTruth:
    """Answers of references, each run once.

    Args:
        folder: where they outlive this process; None: nowhere. What cannot be read there is made
            again, and what cannot be written is not an error.
        is_light: large values are remembered by their digest alone, and run again when asked for.
    """

    def __init__(self, folder: Path | None = None, is_light: bool = False) -> None:
        self.folder = folder
        self.is_light = is_light
        self._known: OrderedDict[tuple[bytes, Limits | None], Known] = OrderedDict()
        self._ready: OrderedDict[int, tuple[Problem, Limits, Expected]] = OrderedDict()
        self._lock = threading.Lock()

    def expected(self, problem: Problem, sandbox: SessionSource, limits: Limits) -> Expected:
        """Run the reference on every test that has no expectation of its own, or remember it.

        An exception of the reference is an outcome like another: the program has to raise the same.
        Raises: ProblemError when there is no reference, or when it answers none of these tests.
        """
        with self._lock:  # the same problem again: not even its inputs are looked at
            ready = self._ready.get(id(problem))
        if ready is not None and ready[0] is problem and ready[1] == limits:
            return ready[2]
        expected = self._expected(problem, sandbox, limits)
        with self._lock:
            self._ready[id(problem)] = problem, limits, expected
            n_tests = sum(len(known.tests) for known, _, _ in self._ready.values())
            while len(self._ready) > _MAX_READY or (len(self._ready) > 1 and n_tests > _MAX_CALLS):
                _, (gone, _, _) = self._ready.popitem(last=False)
                n_tests -= len(gone.tests)
        return expected

    def _expected(self, problem: Problem, sandbox: SessionSource, limits: Limits) -> Expected:
        tests = problem.tests
        calls = tuple(call_of(test) if isinstance(test, Example) else None for test in tests)
        indices = [i for i, test in enumerate(tests) if is_unknown(test)]
        if not indices:
            return Expected({}, limits, _nothing, calls, _written(tests, {}), frozenset())
        if problem.reference is None:
            name = tests[indices[0]].name
            raise ProblemError(
                f"{_place(problem)}: {name} expects nothing, and there is no reference to decide; "
                "give one of the two"
            )
        asked = [
            _Asked(call_of(test), (test.comparison or problem.comparison).view == "is_not_none")
            for i in indices
            if isinstance(test := tests[i], Example)
        ]
        known = self._remembered(problem, asked, sandbox, limits)
        if not any(map(_is_answer, known.answers)):
            name, failure = tests[indices[0]].name, known.answers[0].failure
            raise ProblemError(
                f"{_place(problem)}: the reference gives no answer to {name}: {failure}"
            )
        answers = dict(zip(indices, known.answers, strict=True))

        def complete(index: int) -> Answer:
            answer = answers[index]
            if answer.digest is None:
                return answer
            one = asked[indices.index(index)]
            return _run(problem, [one], sandbox, limits, is_light=False).answers[0]

        skipped = frozenset(i for i, answer in answers.items() if not _is_answer(answer))
        wanted = _written(tests, answers)
        return Expected(answers, _raised(limits, known), complete, calls, wanted, skipped)

    def _remembered(
        self, problem: Problem, asked: Sequence[_Asked], sandbox: SessionSource, limits: Limits
    ) -> Known:
        digest = _key(problem, asked)
        with self._lock:
            for key in ((digest, None), (digest, limits)):
                known = self._known.get(key)
                if known is not None:
                    self._known.move_to_end(key)
                    return known
        path = None if self.folder is None else self.folder / f"{digest.hex()}.truth"
        loaded = load_answers(path, len(asked)) if path is not None else None
        if loaded is not None:
            known = Known(*loaded)
        else:
            known = _run(problem, asked, sandbox, limits, self.is_light)
        # What it did not answer under these limits it may answer under others.
        is_whole = all(map(_is_answer, known.answers))
        if path is not None and loaded is None and is_whole:
            save_answers(path, known.answers, known.is_large)
        with self._lock:
            self._known[digest, None if is_whole else limits] = known
            while len(self._known) > _MAX_ENTRIES:
                self._known.popitem(last=False)
        return known


IN_MEMORY = GroundTruth()


def _nothing(index: int) -> Answer:
    raise KeyError(index)


def _is_answer(answer: Answer) -> bool:
    """A value or an exception."""
    return answer.failure is None or answer.failure.cause in (Cause.EXCEPTION, Cause.EXIT)


def presence(answer: Answer) -> Answer:
    """The answer where it only counts that there is a value: one without plain data will do."""
    if answer.failure is None or answer.failure.cause is not Cause.UNENCODABLE:
        return answer
    return replace(answer, failure=None, told=replace(answer.outcome, failure=None))


def _raised(limits: Limits, known: Known) -> Limits:
    """A candidate's limits, so that the reference would keep them with some room."""
    seconds = [answer.seconds for answer in known.answers if _is_answer(answer)]
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


def _key(problem: Problem, asked: Sequence[_Asked]) -> bytes:
    digest = hashlib.blake2b(digest_size=32)
    for text in (sys.version, problem.kind, problem.entry_point, problem.reference or ""):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    ends = (b"\0", b"\1")  # presence makes an answer of what else is none
    digest.update(
        b"".join([part for one in asked for part in (one.call.key, ends[one.is_presence])])
    )
    return digest.digest()


def _run(
    problem: Problem,
    asked: Sequence[_Asked],
    sandbox: SessionSource,
    limits: Limits,
    is_light: bool,
) -> Known:
    slower = replace(limits, call_s=limits.call_s * SLOWER, program_s=limits.program_s * SLOWER)
    calls = [one.call for one in asked]
    answers = _answers(problem, calls, sandbox, slower, is_light)
    answers = [
        presence(answer) if one.is_presence else answer
        for one, answer in zip(asked, answers, strict=True)
    ]
    large = [
        i
        for i, answer in enumerate(answers)
        if answer.failure is not None and answer.failure.cause is Cause.OUTPUT_LIMIT
    ]
    if large:
        roomy = replace(slower, value_bytes=_LARGE_BYTES)
        again = _answers(problem, [calls[i] for i in large], sandbox, roomy, is_light)
        for i, answer in zip(large, again, strict=True):
            answers[i] = answer
    return Known(tuple(answers), bool(large))


def _answers(
    problem: Problem,
    calls: Sequence[Call],
    sandbox: SessionSource,
    limits: Limits,
    is_light: bool,
) -> list[Answer]:
    reference = problem.reference or ""
    with Runner(sandbox, reference, problem.kind, problem.entry_point, limits) as runner:
        failure = runner.load()
        if failure is not None:
            raise ProblemError(f"{_place(problem)}: the reference does not run: {failure}")
        answers = runner.answers(calls, digests=is_light)
        return [replace(answer, told=None) for answer in answers] if is_light else answers


def _place(problem: Problem) -> str:
    return problem.origin or problem.task_id or "problem"
