"""Failures of a program as envelope data: where they lie in it, and what they are called.

Runs in the sandbox's child, outside of the guard: nothing of the program is called here. The typed
side, that believes little of it, is reports.py."""

from __future__ import annotations

import builtins
import types
from itertools import islice
from typing import Any

from egca.execution.wire import name_of

FILE_NAME = "<program>"  # in code objects and tracebacks
_MAX_FRAMES = 32
_classes_above = type.__dict__["__mro__"].__get__  # a metaclass of the program is not asked
_EXCEPTIONS = {
    id(kind): kind.__name__
    for kind in vars(builtins).values()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}


def failure(
    cause: str, type_: str = "", message: str = "", frames: Any = (), base: str = ""
) -> dict[str, Any]:
    """A failure as envelope data; frames as [line, end_line, column, end_column] in bytes."""
    return {"cause": cause, "type": type_, "message": message, "frames": [*frames], "base": base}


def base_of(kind: type) -> str:
    """The nearest exception of Python's own above a class, "" for one of those."""
    if id(kind) in _EXCEPTIONS:
        return ""
    return next(_EXCEPTIONS[id(one)] for one in _classes_above(kind) if id(one) in _EXCEPTIONS)


def frames_of(trace: types.TracebackType | None) -> list[list[int | None]]:
    """Positions of a traceback in the program, outermost first, the middle left out if long."""
    found: list[list[int | None]] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        if code.co_filename == FILE_NAME:
            if len(found) >= _MAX_FRAMES:
                del found[_MAX_FRAMES // 4]
            positions = next(islice(code.co_positions(), trace.tb_lasti // 2, None), None)
            found.append([*(positions or (trace.tb_lineno, None, None, None))])
        trace = trace.tb_next
    return found


def value_failure(reason: str, value: Any) -> dict[str, Any] | None:
    """The failure of a value that is not all plain data; reason is encode_checked's."""
    if not reason:
        return None
    name = name_of(value)
    if reason == "size":
        return failure("output_limit", message=f"the {name} returned is too large")
    detail = {"depth": "is nested too deep", "cycle": "contains itself"}.get(reason)
    return failure("unencodable", message=f"the {name} returned {detail or 'is not plain data'}")
