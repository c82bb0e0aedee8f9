"""Op that runs test code in an oracle's child, away from the program it tests.

The test calls a stand-in. Each such call leaves the child as a frame with its arguments; the
parent has it made in the program's own child and sends back how it ended (check_runner.py). The
test runs in a thread of its own, so that it can wait in the middle of its code. Test code is
trusted to mean well, not to be right: its errors are data too."""

from __future__ import annotations

import ast
import builtins
import random
import sys
import threading
import types
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from egca.execution.iterators import fresh
from egca.execution.protocol import MAX_FRAME_BYTES
from egca.execution.pytest_subset import PYTEST
from egca.execution.wire import decode, encode_checked
from egca.types import Iterated, Opaque

TEST, SETUP = "<test>", "<setup>"  # file names of the two pieces of code
_MAX_MESSAGE = 500
_MAX_PASSED = MAX_FRAME_BYTES >> 1  # positional arguments of a call, and as much of the others


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
        passed = tuple(map(self._taken_back, args))
        encoded, reason = encode_checked(passed, max_bytes=_MAX_PASSED)
        encoded_kwargs, other = encode_checked(kwargs, max_bytes=_MAX_PASSED)
        if reason or other:
            # Likely the program's doing: the test hands on an iterator, what the program left in
            # an argument, or wraps a huge answer.
            is_wrapped = self.n_answers and {reason, other} <= {"", "depth", "size"}
            if self.lent or is_wrapped or _holds_opaque((args, kwargs)):
                raise TypeError("it passes on what is no plain data, such as an iterator")
            if "size" in (reason, other):
                raise NotPlain(f"it passes more than {_MAX_PASSED >> 20} MB")
            raise NotPlain("it passes something that is no plain data, such as a function")
        is_mutable = any(map(_is_mutable, (*args, *kwargs.values())))
        self.out.put({"args": encoded, "kwargs": encoded_kwargs, "args_after": is_mutable})
        answer = self.back.get()
        self.n_answers += 1
        if answer["args_after"] is not None:
            for item, after in zip(args, decode(answer["args_after"]), strict=True):
                reflect(item, after)
        if answer["kwargs_after"] is not None:
            for name, after in decode(answer["kwargs_after"]).items():
                if name in kwargs:
                    reflect(kwargs[name], after)
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


def _is_mutable(item: Any) -> bool:
    """Whether a call may change it, or something in it."""
    return isinstance(item, _MUTABLE) or (isinstance(item, tuple) and any(map(_is_mutable, item)))


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
    if type(before) is tuple and type(value) is tuple and len(before) == len(value):
        return tuple(map(_reflected, before, value))
    return value


def _exception(failed: dict[str, Any]) -> BaseException:
    """What the program raised, so that a test can expect it: by its name, or as one of its base.

    Its text is the program's, and so is the only argument of one that quotes it (KeyError).
    """
    name, message = failed["type"], failed["message"]
    if failed["cause"] != "exception":
        return CallFailed(message)
    kind = _builtin(name)
    if kind is None:
        kind = _subclass(name or "Error", _builtin(failed["base"]) or Exception)
    argument = message
    if issubclass(kind, KeyError):
        with suppress(ValueError, SyntaxError):
            argument = ast.literal_eval(message)
    try:
        error = kind.__new__(kind)
        error.args = (argument,)
        if str(error) == message:
            return error
        told = _subclass(kind.__name__, kind, __str__=lambda self: message)
        error = told.__new__(told)
        error.args = (argument,)
        return error
    except Exception:  # one that is not made without arguments, such as ExceptionGroup
        return _subclass(name, Exception)(message)


def _subclass(name: str, base: type[Exception], **attributes: Any) -> type[Exception]:
    return type(name, (base,), attributes)


def _builtin(name: str) -> type[Exception] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) else None


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
    namespace["pytest"] = PYTEST
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
