"""Running a program in the sandbox, typed: calls in, outcomes out, dead children hidden.

A child that dies at a call gives that call its failure, and a fresh child goes on with the rest.
What outcomes mean for a test is decided in egca/execution/judging.py."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from egca.errors import InputError
from egca.execution.answers import Answer
from egca.execution.decoding import Room
from egca.execution.limits import Limits
from egca.execution.one_child import SessionSource
from egca.execution.protocol import GRACE_S
from egca.execution.reports import answer_of, believed, failure_of, garbage, too_long
from egca.execution.session import Session, SessionDied, SessionLost
from egca.execution.wire import NO_LIMIT, encode, encode_arguments, encode_checked
from egca.types import Cause, Failure, Outcome, Program, SourceMap

_LOAD = "egca.execution.program:load"
_RUN = "egca.execution.program:run"
_KEPT = "egca.execution.program:kept"
_NO_KWARGS = encode({})


@dataclass(frozen=True)
class Call:
    """One call of a program: arguments for a function or method, stdin for a script.

    before: calls of a function that come first, so that it finds what they leave behind. They are
    for what starts every call from a fresh module, such as traces; a Runner knows its calls.
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    stdin: str | None = None
    before: tuple[Call, ...] = ()

    @property
    def encoded(self) -> dict[str, Any]:
        """The call as ops read it. Raises: InputError if an argument is no plain data."""
        known: dict[str, Any] | None = self.__dict__.get("_encoded")
        if known is not None:  # a cached_property of Python 3.11 would take a lock
            return known
        args, reason = encode_arguments(self.args)
        kwargs, other = _NO_KWARGS, ""
        if self.kwargs:
            kwargs, other = encode_checked(self.kwargs, max_bytes=NO_LIMIT)
        if reason or other:
            raise InputError(f"an argument of {self!r:.200} is no plain data ({reason or other})")
        known = self.__dict__["_encoded"] = {"args": args, "kwargs": kwargs, "stdin": self.stdin}
        if self.before:
            known["before"] = [call.encoded for call in self.before]
        return known

    @property
    def key(self) -> bytes:
        """Bytes that differ between different calls. Raises: as encoded."""
        stdin = b"" if self.stdin is None else b"=" + self.stdin.encode("utf-8", "surrogatepass")
        parts = self.encoded
        before = [b"<" + call.key for call in self.before]
        return b"".join((*before, parts["args"], parts["kwargs"], stdin))


def run_program(
    sandbox: SessionSource,
    program: Program | str,
    kind: str,
    entry_point: str,
    calls: Sequence[Call],
    limits: Limits | None = None,
    *,
    args_after: bool = False,
) -> list[Outcome] | Failure:
    """Load a program in a fresh child and make these calls, in order, in one process.

    Returns: an outcome for each call, or the failure if the program does not load.
    Raises: SandboxError if no child can be had, InputError if an argument is not plain data.
    """
    with Runner(sandbox, program, kind, entry_point, limits) as runner:
        failure = runner.load()
        return failure or runner.run(calls, args_after=args_after)


class Runner:
    """One loaded program for repeated calls; after a death it is loaded anew by itself.

    Module-level state of the program lives from call to call until then.
    """

    def __init__(
        self,
        sandbox: SessionSource,
        program: Program | str,
        kind: str,
        entry_point: str,
        limits: Limits | None = None,
    ) -> None:
        self.source = program if isinstance(program, str) else program.source
        self.kind = kind
        self.entry_point = entry_point
        self.limits = limits or sandbox.limits
        self._sandbox = sandbox
        self._session: Session | None = None
        self._source_map: SourceMap | None = None
        self._n_lost = 0
        self._n_answers = 0  # of the child that is there now
        self._room = Room.of(self.limits.value_bytes)

    def load(self) -> Failure | None:
        """Load the program unless it is; None when it is ready for calls. Raises: SandboxError."""
        if self._session is not None and self._session.alive:
            return None
        failure = too_long(self.source)
        if failure is not None:
            return failure
        payload = {
            "source": self.source,
            "kind": self.kind,
            "entry_point": self.entry_point,
            "call_s": self.limits.call_s,
            "stdout_bytes": self.limits.stdout_bytes,
            "value_bytes": self.limits.value_bytes,
        }
        for is_last_try in (False, True):
            self._session = self._sandbox.session(self.limits)
            self._n_answers = 0
            try:
                answer = self._session.call(_LOAD, payload, 3 * self.limits.call_s + GRACE_S)
                failure = self._failure(answer)
            except SessionDied as death:
                if isinstance(death, SessionLost) and not is_last_try:
                    continue
                failure = Failure(death.cause, message=death.message)
            break
        if failure is not None:
            self.close()
        return failure

    def run(self, calls: Sequence[Call], *, args_after: bool = False) -> list[Outcome]:
        """An outcome for each call. Loads first if need be. Raises: SandboxError, InputError."""
        return [answer.outcome for answer in self.answers(calls, args_after=args_after)]

    def answers(
        self,
        calls: Sequence[Call],
        *,
        args_after: bool = False,
        wanted: Sequence[Answer | None] = (),
        digests: bool = False,
    ) -> list[Answer]:
        """As `run`, with the bytes of the values.

        Args:
            wanted: for each call the answer that would be right, if there is one: a value of the
                same bytes is not decoded.
            digests: of large values only a digest comes; `complete` gets the rest.
        """
        encoded = [call.encoded for call in calls]
        self._check_stdin(calls)
        answers: list[Answer] = []
        self._n_lost = 0
        deadline = time.monotonic() + self.limits.program_s
        while len(answers) < len(calls):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                failure: Failure | None = Failure(
                    Cause.TIMEOUT, message="time limit of the whole program"
                )
            else:
                failure = self.load()
            if failure is not None:
                told = Outcome(failure=failure)
                answers += [Answer(failure=failure, told=told)] * (len(calls) - len(answers))
                break
            how = {"args_after": args_after, "digests": digests, "program_s": left_s}
            self._run_some(encoded, wanted, how, answers)
        return answers

    def _check_stdin(self, calls: Sequence[Call]) -> None:
        """The child keeps it in a file. Raises: InputError for one that is longer than a file."""
        limit = max(self.limits.file_bytes, 2 * self.limits.stdout_bytes)  # as isolation.py has it
        for call in calls:
            if call.stdin is not None and 4 * len(call.stdin) > limit:  # else it cannot be longer
                n_bytes = len(call.stdin.encode("utf-8", "surrogatepass"))
                if n_bytes > limit:
                    raise InputError(
                        f"a standard input of {n_bytes} bytes is over the limit of one file "
                        f"(file_bytes, {limit})"
                    )

    def complete(self, answer: Answer, call: Call) -> Answer:
        """The answer with its value, where only a digest or the wanted bytes came.

        The child still has a large one, or a fresh child makes this call alone.
        """
        if answer.digest is None:
            return answer
        if self._session is not None and self._session.alive:
            try:
                data = self._session.call(_KEPT, {"number": answer.number}, self.limits.program_s)
                if data is not None:
                    return self._completed(answer, data)
            except SessionDied:
                self.close()
        self.close()
        return self.answers([call])[0]

    def _completed(self, answer: Answer, data: Any) -> Answer:
        frame = {
            "value": data,
            "digest": None,
            "failure": None,
            "stdout": answer.stdout,
            "seconds": answer.seconds,
            "args_after": None,
        }
        return believed(lambda: answer_of(frame, self._map, self._room, answer.seconds))

    def _run_some(
        self,
        encoded: Sequence[dict[str, Any]],
        wanted: Sequence[Answer | None],
        how: dict[str, Any],
        answers: list[Answer],
    ) -> None:
        """Append answers up to the last call, or to the one that the child died of."""
        assert self._session is not None
        n_wanted = len(encoded)
        payload = {
            "calls": encoded[len(answers) :],
            "call_s": self.limits.call_s,
            "late_call_s": self.limits.late_call_s,
            **how,
        }
        longest_s = min(self.limits.call_s, how["program_s"]) + GRACE_S
        started = time.monotonic()
        spent_s = 0.0  # that answers told; together they cannot tell of more than went by
        try:
            for frame in self._session.stream(_RUN, payload, longest_s):
                i = len(answers)
                if i == n_wanted:
                    raise SessionDied(Cause.CRASH, "the child sent too many messages")
                right = wanted[i] if wanted else None
                left_s = time.monotonic() - started - spent_s
                sent = encoded[i]["args"]
                answers.append(self._answer(frame, left_s, sent, right, how["digests"]))
                spent_s += answers[-1].seconds
            if len(answers) < n_wanted:
                raise SessionDied(Cause.CRASH, "the child left calls out")
        except SessionDied as death:
            self._session.close()
            if isinstance(death, SessionLost) and not self._n_lost:
                self._n_lost += 1  # again, from the call that has no answer yet
                return
            del answers[n_wanted - 1 :]
            failure = Failure(death.cause, message=death.message)
            told = Outcome(failure=failure, seconds=time.monotonic() - started - spent_s)
            answers.append(Answer(failure=failure, seconds=told.seconds, told=told))

    def close(self) -> None:
        """End the child. Idempotent."""
        if self._session is not None:
            self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _answer(
        self, frame: Any, longest_s: float, sent: bytes, wanted: Answer | None, digests: bool
    ) -> Answer:
        """A frame of the child, that may be forged. Raises: SessionDied."""
        number, self._n_answers = self._n_answers, self._n_answers + 1
        try:  # as `believed` does it; once for each call
            answer = answer_of(
                frame,
                self._map,
                self._room,
                longest_s,
                sent,
                number=number,
                wanted=wanted,
                digests=digests,
            )
        except SessionDied:
            raise
        except Exception as error:
            raise garbage(error) from None
        told = answer.told
        if self.kind == "script" and told and told.ok and type(told.value) is not str:
            raise SessionDied(Cause.CRASH, "the child gave a script a value that is no text")
        return answer

    def _failure(self, answer: Any) -> Failure | None:
        """The failure in an answer of `load`, that may be forged. Raises: SessionDied."""

        def read() -> Failure | None:
            data = answer["failure"]
            return None if data is None else failure_of(data, self._map())

        return believed(read)

    def _map(self) -> SourceMap:
        if self._source_map is None:
            self._source_map = SourceMap(self.source)
        return self._source_map
