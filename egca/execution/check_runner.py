"""Runs tests that are code: an oracle's child runs the test, the program's child its calls.

The parent stands between the two, so the program never meets an expected value, and the test never
meets an object of the program. What the result means for a verdict is decided in judging.py."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any, Self

from egca.errors import ProblemError
from egca.execution.budget import BudgetedRunner
from egca.execution.decoding import WireError
from egca.execution.limits import Limits
from egca.execution.runner import Call
from egca.execution.sandbox import Sandbox
from egca.execution.session import Session, SessionDied
from egca.execution.wire import NO_LIMIT, decode, encode
from egca.problems import Check, Problem
from egca.types import CallRecord, Failure, Outcome

OPS = "egca.execution.check_ops"
_STEP = f"{OPS}:step"
_STEP_S = 10.0  # wall clock between two calls of a test
_ORACLE_S = 120.0  # processor time of an oracle, over all tests it runs
_MAX_CALLS = 20_000  # of one test
_MAX_DEATHS = 3  # of oracles; an answer can make a test hang, and each time costs all of _STEP_S


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one test of code ended.

    by says what ended a failing one: "assert", "program" (its exception, failure has it) or "test"
    (an error in the test's own code, which the program's answer may have caused). text is the
    failing statement in one line, line its place in the test file, 0 where none is known.
    """

    passed: bool
    calls: tuple[CallRecord, ...] = ()
    by: str = ""
    text: str = ""
    message: str = ""
    line: int = 0
    failure: Failure | None = None


class CheckRunner:
    """An oracle for the tests of one problem. Its child starts with the first test."""

    def __init__(self, sandbox: Sandbox, problem: Problem) -> None:
        self._sandbox = sandbox
        self._problem = problem
        self._session: Session | None = None
        self._n_deaths = 0
        limits = sandbox.limits
        self._limits: Limits = replace(limits, program_s=_ORACLE_S)

    def run(self, check: Check, runner: BudgetedRunner) -> CheckResult:
        """Run one test against the program that `runner` has.

        Raises: ProblemError if the test's own set-up fails, SandboxError if no child can be had.
        """
        if self._n_deaths == _MAX_DEATHS:
            message = f"not run: {_MAX_DEATHS} tests before it did not end well"
            return CheckResult(False, (), "test", message=message)
        names = {check.entry, self._problem.entry_point} - {""}
        start = {"setup": check.setup, "source": check.source, "names": sorted(names)}
        calls: list[CallRecord] = []
        try:
            frame = self._step({"start": start})
            while "done" not in frame:
                call = Call(decode(frame["args"]), decode(frame["kwargs"]))
                outcome = runner.run([call], args_after=bool(frame["args_after"]))[0]
                calls.append(CallRecord(call.args, call.kwargs, outcome))
                if len(calls) > _MAX_CALLS:
                    self.close()
                    return CheckResult(
                        False, tuple(calls), "test", message=f"made over {_MAX_CALLS} calls"
                    )
                frame = self._step({"answer": _answer(call, outcome)})
        except WireError as error:  # such as a set of the program's numbers, chosen for their hash
            self.close()
            if not calls:
                raise ProblemError(f"{self._where(check)}: {check.name}: {error}") from None
            return CheckResult(False, tuple(calls), "test", message=f"it passes on: {error}")
        except SessionDied as death:
            self.close()
            self._n_deaths += 1
            message = f"the test itself did not end well: {death.message}"
            return CheckResult(False, tuple(calls), "test", message=message)
        return self._result(check, frame["done"], tuple(calls))

    def _step(self, payload: dict[str, Any]) -> dict[str, Any]:
        if self._session is None or not self._session.alive:
            self._session = self._sandbox.session(self._limits)
        frame = self._session.call(_STEP, payload, _STEP_S)
        return frame if isinstance(frame, dict) else {}

    def _result(
        self, check: Check, done: dict[str, Any], calls: tuple[CallRecord, ...]
    ) -> CheckResult:
        if done["passed"]:
            return CheckResult(True, calls)
        if done["by"] == "relay":
            raise ProblemError(
                f"{self._where(check)}: {check.name} cannot be run: {done['message']}"
            )
        places = [line for file, line in done["places"] if file == "<test>"]
        if not places and done["by"] != "program":
            reason = f"{done['type']}: {done['message']}"
            if done["type"] == "SyntaxError" or not calls:
                raise ProblemError(
                    f"{self._where(check)}: the set-up of {check.name} fails ({reason})"
                )
        text, line = _statement(check.source, places)
        message = done["message"]
        if done["by"] == "test":
            message = f"{done['type']}: {message}" if message else done["type"]
        failure = calls[-1].outcome.failure if calls and done["by"] == "program" else None
        if done["by"] == "test" and not calls:
            raise ProblemError(
                f"{self._where(check)}: {check.name} fails before it calls "
                f"{self._problem.entry_point} ({message})"
            )
        at = check.line + line - 1 if check.line and line else check.line
        return CheckResult(False, calls, done["by"], text, message, at, failure)

    def _where(self, check: Check) -> str:
        origin = self._problem.origin or self._problem.task_id or "tests"
        return f"{origin}:{check.line}" if check.line and origin.endswith(".py") else origin

    def close(self) -> None:
        """End the oracle's child. Idempotent."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _answer(call: Call, outcome: Outcome) -> dict[str, Any]:
    """An outcome as the oracle needs it; arguments only where the call changed them."""
    after, named_after = outcome.args_after, outcome.kwargs_after
    failed = None
    if outcome.failure is not None:
        failed = {
            "cause": outcome.failure.cause.value,
            "type": outcome.failure.type,
            "message": outcome.failure.message,
            "base": outcome.failure.base,
        }
    return {
        "value": _whole(outcome.value) if failed is None else None,
        "failure": failed,
        "args_after": _whole(after) if after not in (None, call.args) else None,
        "kwargs_after": _whole(named_after) if named_after not in (None, call.kwargs) else None,
    }


def _whole(value: Any) -> bytes:
    """The bytes of a value that has kept the program's own limits."""
    return encode(value, max_bytes=NO_LIMIT)


def _statement(source: str, lines: list[int]) -> tuple[str, int]:
    """The test's own statement that failed, in one line, and its line in `source`.

    Of the lines on the way to the error the innermost assert counts, else the innermost statement.
    """
    tree = ast.parse(source)
    simple = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert | ast.Expr | ast.Assign | ast.Return)
    ]
    for kinds in ((ast.Assert,), (ast.Expr, ast.Assign, ast.Return)):
        for line in reversed(lines):
            for node in simple:
                if isinstance(node, kinds) and node.lineno <= line <= (node.end_lineno or 0):
                    shown = ast.Assert(node.test, None) if isinstance(node, ast.Assert) else node
                    return ast.unparse(shown).replace("\n", "\\n"), node.lineno
    return "", lines[-1] if lines else 0
