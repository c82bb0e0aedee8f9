"""What a program does, plain and with hooks in it, in a form that can be compared."""

from __future__ import annotations

import contextlib
import copy
import io
import random
import sys
import traceback
import types
from collections.abc import Iterator
from typing import Any

from egca.execution.instrument import instrument
from egca.execution.patching import Patcher
from egca.execution.recorder import Recorder, TraceLimits

FILENAME = "<program>"


def _positions(error: BaseException) -> list[Any]:
    """Where each frame of the program stood: lines and columns."""
    places = [
        (part.name, part.lineno, part.colno, part.end_lineno, part.end_colno)
        for part in traceback.extract_tb(error.__traceback__)
        if part.filename == FILENAME
    ]
    if isinstance(error, AssertionError | UnboundLocalError) and sys.version_info < (3, 12):
        # Columns that depend on the instruction before, in Python 3.11: of an assert that compares
        # those of its condition, else those of the statement; of an unbound local those of a
        # constant loaded together with it.
        return [place[:2] for place in places]
    return places


def described(error: BaseException | None) -> Any:
    """Type, message, traceback positions and chain of an exception."""
    if error is None:
        return None
    message = "" if isinstance(error, RecursionError) else str(error)  # says where the stack ended
    where = [] if isinstance(error, RecursionError) else _positions(error)
    chain = None if isinstance(error, RecursionError) else described(error.__context__)
    return type(error).__name__, message, where, chain, error.__suppress_context__


def shown(value: Any) -> str:
    """A value as text, without the addresses of objects."""
    if isinstance(value, types.GeneratorType | map | filter | zip):
        return f"{type(value).__name__} {list(value)!r}"
    return f"{type(value).__name__} {value!r}"


@contextlib.contextmanager
def _quiet() -> Iterator[io.StringIO]:
    limit = sys.getrecursionlimit()
    with contextlib.redirect_stdout(io.StringIO()) as text:
        try:
            yield text
        finally:
            sys.setrecursionlimit(limit)


def module_of(code: types.CodeType) -> tuple[dict[str, Any], Any]:
    """Execute a module; its namespace, and what was printed and raised."""
    namespace: dict[str, Any] = {"__name__": "program", "__builtins__": __builtins__}
    module = types.ModuleType("program")
    module.__dict__.update(namespace)
    sys.modules["program"] = module
    random.seed(0)
    error: BaseException | None = None
    with _quiet() as text:
        try:
            exec(code, module.__dict__)
        except BaseException as caught:
            error = caught
    return module.__dict__, (text.getvalue(), described(error))


def call_of(namespace: dict[str, Any], entry: str, args: list[Any]) -> Any:
    """What a call returned or raised, printed, and left of its arguments."""
    args = copy.deepcopy(args)
    random.seed(0)
    error: BaseException | None = None
    result = ""
    with _quiet() as text:
        try:
            result = shown(namespace[entry](*args))
        except BaseException as caught:
            error = caught
    return result, described(error), text.getvalue(), repr(args)


class Versions:
    """One program in three: plain, recorded, and with hooks that patch nothing."""

    def __init__(self, source: str, limits: TraceLimits | None = None) -> None:
        self.rewritten = instrument(source)
        self.recorder = Recorder(limits)
        self.patcher = Patcher()
        self.plain = compile(source, FILENAME, "exec", dont_inherit=True)
        self.recorded = self.rewritten.code(self.recorder.hooks())
        self.patched = self.rewritten.code(self.patcher.hooks())

    def modules(self) -> tuple[list[dict[str, Any]], list[Any]]:
        """The executed modules and what each did."""
        self.recorder.begin()
        self.patcher.begin([], None)
        pairs = [module_of(code) for code in (self.plain, self.recorded, self.patched)]
        return [namespace for namespace, _ in pairs], [observed for _, observed in pairs]


def differences(source: str, entry: str = "", inputs: Any = ()) -> list[Any]:
    """Where the three versions of a program do not do the same; empty if they all do."""
    versions = Versions(source)
    namespaces, observed = versions.modules()
    found = [] if observed[0] == observed[1] == observed[2] else [("module", observed)]
    for args in inputs:
        versions.recorder.begin()
        results = [call_of(namespace, entry, args) for namespace in namespaces]
        versions.recorder.finish()
        if not results[0] == results[1] == results[2]:
            found.append((args, results))
    return found
