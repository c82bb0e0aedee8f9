"""Op that runs test code in an oracle's child, away from the program it tests.

The test calls a stand-in. Each such call leaves the child as a frame with its arguments; the
parent has it made in the program's own child and sends back how it ended (check_runner.py). The
test runs in a thread of its own, so that it can wait in the middle of its code. Test code is
trusted to mean well, not to be right: its errors are data too."""

from __future__ import annotations

import builtins
import random
import sys
import threading
import types
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from egca.execution.iterators import fresh
from egca.execution.wire import decode, encode_checked
from egca.types import Iterated, Opaque

TEST, SETUP = "<test>", "<setup>"  # file names of the two pieces of code
_MAX_MESSAGE = 500


class CallFailed(BaseException):
    """The program gave no value to go on with; no `except Exception` of a test may hide it."""


class NotPlain(BaseException):
    """The test passes what cannot be sent to the program."""


class Relay:
    """The stand-in for the program: sends a call out and waits for how it ended."""

    def __init__(self) -> None:
        self.out: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.back: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.raised: BaseException | None = None  # what the last failed call raised in the test
        self.n_answers = 0
        self.lent: list[Any] = []  # iterators that stand for those the program returned

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        encoded, reason = encode_checked(tuple(map(self._taken_back, args)))
        encoded_kwargs, other = encode_checked(kwargs)
        if reason or other:
            # Likely the program's doing: the test hands on an iterator, what the program left in
            # an argument, or wraps a huge answer.
            is_wrapped = self.n_answers and {reason, other} <= {"", "depth", "size"}
            if self.lent or is_wrapped or _holds_opaque((args, kwargs)):
                raise TypeError("it passes on what is no plain data, such as an iterator")
            raise NotPlain("it passes something that is no plain data, such as a function")
        is_mutable = any(isinstance(item, _MUTABLE) for item in args)
        self.out.put({"args": encoded, "kwargs": encoded_kwargs, "args_after": is_mutable})
        answer = self.back.get()
        self.n_answers += 1
        if answer["args_after"] is not None:
            for item, after in zip(args, decode(answer["args_after"]), strict=True):
                reflect(item, after)
        failed = answer["failure"]
        if failed is None:
            value = decode(answer["value"])
            given = fresh(value)
            if given is not value:
                self.lent.append(given)
            return given
        self.raised = _exception(failed)
        raise self.raised

    def _taken_back(self, item: Any) -> Any:
        """What is left of a lent iterator, for the program to iterate over; else the item."""
        return Iterated(tuple(item)) if any(item is lent for lent in self.lent) else item


def _holds_opaque(value: Any) -> bool:
    """Whether something of the program's that is no plain data is in here."""
    seen: set[int] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Opaque):
            return True
        if isinstance(item, list | tuple | set | frozenset | deque | dict) and id(item) not in seen:
            seen.add(id(item))
            todo += [*item, *item.values()] if isinstance(item, dict) else item
    return False


_MUTABLE = (list, dict, set, bytearray, deque)


def reflect(item: Any, after: Any) -> None:
    """Make a mutable argument what the call left of it, in place and as deep as it goes."""
    if type(item) is not type(after):
        return
    if isinstance(item, list | deque):
        _reflect_sequence(item, after)
    elif isinstance(item, dict):
        kept = {key: item[key] for key in after if key in item}
        item.clear()
        for key, value in after.items():
            item[key] = _reflected(kept[key], value) if key in kept else value
    elif isinstance(item, set):
        item.clear()
        item.update(after)
    elif isinstance(item, bytearray):
        item[:] = after
    elif isinstance(item, tuple) and len(item) == len(after):
        for inner, value in zip(item, after, strict=True):
            reflect(inner, value)


def _reflect_sequence(item: Any, after: Any) -> None:
    before = list(item)
    item.clear()
    for i, value in enumerate(after):
        item.append(_reflected(before[i], value) if i < len(before) else value)


def _reflected(before: Any, value: Any) -> Any:
    """The old object with the new contents where it can hold them, else the new one."""
    if type(before) is type(value) and isinstance(before, _MUTABLE):
        reflect(before, value)
        return before
    return value


def _exception(failed: dict[str, Any]) -> BaseException:
    """The builtin exception that the program raised, so that a test can expect it."""
    kind = getattr(builtins, failed["type"], None)
    if failed["cause"] == "exception" and isinstance(kind, type) and issubclass(kind, Exception):
        error: BaseException = kind.__new__(kind)
        error.args = (failed["message"],)
        return error
    if failed["cause"] == "exception":
        named: type[Exception] = type(failed["type"] or "Error", (Exception,), {})
        return named(failed["message"])
    return CallFailed(failed["message"])


def step(state: dict[str, Any], payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Start a test, or go on with the answer to its last call, up to its next call or its end.

    payload: {start: {setup, source, names}} or {answer: {value, failure, args_after}}.
    Yields {args, kwargs, args_after} of a call, or {done: {passed, by, type, message, places}}.
    """
    if "start" in payload:
        relay = state["relay"] = Relay()
        thread = threading.Thread(target=_run, args=(relay, payload["start"]), daemon=True)
        thread.start()
    else:
        relay = state["relay"]
        relay.back.put(payload["answer"])
    yield relay.out.get()


def _run(relay: Relay, test: dict[str, Any]) -> None:
    """The thread's work: the whole test, then word of its end."""
    done = {"passed": True, "by": "", "type": "", "message": "", "places": []}
    try:
        _execute(relay, test)
    except BaseException as error:
        done = _described(error, relay)
    relay.out.put({"done": done})


def _execute(relay: Relay, test: dict[str, Any]) -> None:
    random.seed(0)
    module = types.ModuleType("program_test")
    sys.modules["program_test"] = module
    namespace = module.__dict__
    namespace["pytest"] = types.SimpleNamespace(raises=raises, approx=Approx, fail=fail)
    proxies = {}
    for name in test["names"]:
        owner, _, method = name.rpartition(".")
        # A class of the test's own, whose instances are as good as each other.
        made: Any = type(owner, (), {method: staticmethod(relay)}) if owner else relay
        proxies[owner or method] = made
    namespace.update(proxies)
    exec(compile(test["setup"], SETUP, "exec", dont_inherit=True), namespace)
    namespace.update(proxies)  # a test file may bring a solution of its own along
    exec(compile(test["source"], TEST, "exec", dont_inherit=True), namespace)


def _described(error: BaseException, relay: Relay) -> dict[str, Any]:
    """How a test failed; places are [file, line] of its own code, outermost first."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename in (TEST, SETUP):
            places.append([trace.tb_frame.f_code.co_filename, trace.tb_lineno])
        trace = trace.tb_next
    if error is relay.raised:
        by = "program"
    elif isinstance(error, AssertionError):
        by = "assert"
    elif isinstance(error, NotPlain):
        by = "relay"
    else:
        by = "test"
    try:
        message = str(error)[:_MAX_MESSAGE]
    except Exception:
        message = ""
    return {
        "passed": False,
        "by": by,
        "type": type(error).__name__,
        "message": message,
        "places": places[-20:],
    }


# What tests use of pytest; the real one need not be installed, and is slow to import.


@contextmanager
def raises(expected: Any, match: str | None = None) -> Iterator[types.SimpleNamespace]:
    """pytest.raises as a context manager."""
    import re

    caught = types.SimpleNamespace(value=None, type=None)
    try:
        yield caught
    except expected as error:
        caught.value, caught.type = error, type(error)
        if match is not None and not re.search(match, str(error)):
            raise AssertionError(f"{str(error)!r} does not match {match!r}") from None
        return
    raise AssertionError(f"did not raise {getattr(expected, '__name__', expected)}")


def fail(reason: str = "") -> None:
    """pytest.fail."""
    raise AssertionError(reason)


class Approx:
    """pytest.approx: numbers, and lists and dicts of them, within a tolerance."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, expected: Any, rel: float | None = None, abs: float | None = None) -> None:
        self.expected = expected
        self.rel = rel if rel is not None else (0.0 if abs is not None else 1e-6)
        self.abs = abs if abs is not None else 1e-12

    def __eq__(self, other: object) -> bool:
        return self._near(self.expected, other)

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def _near(self, expected: Any, actual: Any) -> bool:
        if isinstance(expected, list | tuple):
            if not isinstance(actual, list | tuple) or len(expected) != len(actual):
                return False
            return all(map(self._near, expected, actual))
        if isinstance(expected, dict):
            if not isinstance(actual, dict) or expected.keys() != actual.keys():
                return False
            return all(self._near(value, actual[key]) for key, value in expected.items())
        if expected == actual:
            return True
        if not isinstance(expected, int | float | complex) or not isinstance(
            actual, int | float | complex
        ):
            return False
        bound = max(self.rel * builtins.abs(expected), self.abs)
        return bool(builtins.abs(actual - expected) <= bound)
