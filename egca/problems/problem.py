"""A programming problem: statement, reference and tests, whatever file they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from egca.types import Comparison

Kind = Literal["function", "method", "script"]


class Unknown(Enum):
    """The one value that says: nobody wrote this expectation down, the reference decides it."""

    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True)
class Example:
    """A test that is plain data: call with these arguments (or this stdin), expect this value.

    For scripts, stdin is the input and expected the text of stdout. comparison overrides the
    problem's own.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    stdin: str | None = None
    expected: Any = UNKNOWN
    comparison: Comparison | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # A data set has a hundred thousand; a dataclass's own way sets field by field, and slowly.
        fields = (self.name, self.args, self.kwargs, self.stdin, self.expected, self.comparison)
        return Example, fields


@dataclass(frozen=True, slots=True)
class Check:
    """A test that is code: it calls the program and asserts on what comes back.

    setup is what the code needs in front of it (imports, helpers), entry the name it calls the
    program by ("candidate" inside HumanEval's check functions).
    """

    name: str
    source: str
    entry: str
    setup: str = ""
    line: int = 0


Test = Example | Check


@dataclass(frozen=True, slots=True)
class Problem:
    """One task. entry_point is "f", "Solution.f" for a method, "" for a script.

    prompt is the statement a model sees; where it is code that a completion continues (HumanEval),
    is_prefix is true. reference is the source of a correct program, None if there is none.
    preamble is code that the data set puts in front of every program (imports); the reference has
    it in front already.
    """

    task_id: str
    entry_point: str
    tests: tuple[Test, ...]
    kind: Kind = "function"
    prompt: str = ""
    is_prefix: bool = False
    reference: str | None = None
    comparison: Comparison = field(default_factory=Comparison)
    origin: str = ""
    preamble: str = ""
