"""Types that two rooms share: frozen, small, and checked where they are made.

Standard library only, nothing here does I/O. Positions in source text are always Python characters
(never bytes or tokens); lines are 1-based and columns 0-based, as in `ast`, but in characters."""

from __future__ import annotations

import re
import reprlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """What a completion is, for credit: the first that matches (EGCA, mode gate)."""

    SYNTAX = "syntax"
    CONSTRAINT = "constraint"
    CORRECT = "correct"
    LOGIC = "logic"


class Cause(StrEnum):
    """The finer reason behind a failed call, test or mode."""

    NONE = "none"
    COMPILE = "compile"
    MISSING_ENTRY_POINT = "missing_entry_point"
    EXCEPTION = "exception"
    EXIT = "exit"  # SystemExit, os._exit: the program ended instead of returning
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"  # the process died: a signal, a broken interpreter
    OUTPUT_LIMIT = "output_limit"  # a value or printed text over the bounds
    UNENCODABLE = "unencodable"  # returned something that is not plain data
    WRONG_OUTPUT = "wrong_output"
    CONSTRAINT = "constraint"
    NOT_COMPARABLE = "not_comparable"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters [start, end) of a program, with the same place in lines and columns.

    line and end_line are 1-based, column and end_column 0-based, in characters; the end is
    exclusive.
    """

    start: int
    end: int
    line: int
    column: int
    end_line: int
    end_column: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"empty or reversed span: [{self.start}, {self.end})")

    def within(self, other: Span) -> bool:
        """Whether every character of this span lies in the other."""
        return other.start <= self.start and self.end <= other.end


@dataclass(frozen=True, slots=True)
class Segment:
    """`length` characters that are the same in the program and in its completion."""

    program_start: int
    completion_start: int
    length: int


@dataclass(frozen=True, slots=True)
class Program:
    """Source code, and where it sits inside the completion it was found in.

    segments map program characters to completion characters, ascending and disjoint in the
    program; a character in no segment (a prompt put in front, say) is not part of the completion.
    Without a completion the program is its own completion.
    """

    source: str
    completion: str | None = None
    segments: tuple[Segment, ...] = ()

    def completion_range(self, start: int, end: int) -> tuple[int, int] | None:
        """The smallest [start, end) of the completion that covers these program characters.

        None if none of them comes from the completion.

        >>> Program("ab", "xxab", (Segment(0, 2, 2),)).completion_range(0, 1)
        (2, 3)
        """
        if self.completion is None:
            return start, end
        hits: list[int] = []
        for segment in self.segments:
            first = max(start, segment.program_start)
            last = min(end, segment.program_start + segment.length)
            if first < last:
                shift = segment.completion_start - segment.program_start
                hits += [first + shift, last + shift]
        return (min(hits), max(hits)) if hits else None


_LINE_ENDS = re.compile(r"\r\n|\n|\r")


class SourceMap:
    """Line and column of a source text to character offsets, and back.

    `ast` counts columns in UTF-8 bytes; `span_of` converts. Line ends are those of the compiler
    ("\\n", "\\r\\n", "\\r"), not the wider set of str.splitlines.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        starts = [0]
        starts += [found.end() for found in _LINE_ENDS.finditer(source)]
        self._starts = starts

    def line_text(self, line: int) -> str:
        """Text of a 1-based line with its line end."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.source)
        return self.source[start:end]

    @property
    def n_lines(self) -> int:
        return len(self._starts)

    def offset(self, line: int, byte_column: int) -> int:
        """Character offset of a 1-based line and a 0-based UTF-8 byte column."""
        line = min(max(line, 1), len(self._starts))
        text = self.line_text(line)
        if text.isascii():
            column = min(byte_column, len(text))
        else:
            column = len(
                text.encode("utf-8", "surrogatepass")[:byte_column].decode("utf-8", "ignore")
            )
        return self._starts[line - 1] + column

    def position(self, offset: int) -> tuple[int, int]:
        """(1-based line, 0-based character column) of a character offset."""
        index = bisect_right(self._starts, offset) - 1
        return index + 1, offset - self._starts[index]

    def span(self, start: int, end: int) -> Span:
        """Span of the characters [start, end)."""
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        return Span(start, end, line, column, end_line, end_column)

    def span_of(self, node: Any) -> Span:
        """Span of an `ast` node that has a position."""
        return self.span(
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )


@dataclass(frozen=True, slots=True)
class Opaque:
    """Stands for a value that has no plain-data form; equal to nothing that a test expects.

    type_name is what the program calls the type, reason why there is no data ("type", "size",
    "depth", "cycle"). Two Opaque values are equal when both fields are, so traces can be compared.
    """

    type_name: str
    reason: str = "type"

    def __repr__(self) -> str:
        detail = "" if self.reason == "type" else f": {self.reason}"
        return f"<{self.type_name}{detail}>"


@dataclass(frozen=True, slots=True)
class Iterated:
    """What came out of an iterator that a program returned: all of its items.

    Equal to another Iterated by its items, whatever kind of iterator each was; never to a list or
    tuple. type_name is Python's name of the iterator's type.

    >>> Iterated((1, 2))
    <generator of [1, 2]>
    """

    items: tuple[Any, ...]
    type_name: str = field(default="generator", compare=False)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)

    def __repr__(self) -> str:
        return f"<{self.type_name} of {reprlib.repr([*self.items])}>"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave no value.

    type is the exception class ("ZeroDivisionError") where one ended it; frames are the places in
    the program, outermost first, so frames[-1] is the raising expression; empty when none is known.
    base is the nearest class of Python's own above `type`, "" where that is one itself.
    """

    cause: Cause
    type: str = ""
    message: str = ""
    frames: tuple[Span, ...] = ()
    base: str = field(default="", compare=False)

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.type, self.message) if part)
        return text or self.cause.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call of a program ended: a value as plain data, or a failure.

    args_after, kwargs_after: the arguments as the call left them, None unless they were asked for.
    """

    value: Any = None
    failure: Failure | None = None
    stdout: str = ""
    seconds: float = 0.0
    args_after: tuple[Any, ...] | None = None
    kwargs_after: dict[str, Any] | None = None

    @property
    def ok(self) -> bool:
        return self.failure is None


@dataclass(frozen=True, slots=True)
class Comparison:
    """How an actual value is held against the expected one.

    atol, rtol: |actual - expected| <= atol + rtol * |expected| for floats, at any depth; 0 is
    exact. types: "python" compares across types as == does (True == 1 == 1.0; never list with
    tuple), "exact" wants the same type at every depth. unordered: the top-level sequence is a bag.
    view: what of both values is compared, "" for all of it; the names are in execution/compare.py.
    """

    atol: float = 0.0
    rtol: float = 0.0
    types: str = "python"
    unordered: bool = False
    view: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call that a test made of a program, and how it ended."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test of one program. `expected` is data or None when the test is code; see `detail`.

    calls are those that a test of code made, in order, the last being args and actual; empty for a
    test that is data.
    """

    __test__ = False  # not a pytest class

    name: str
    passed: bool
    cause: Cause
    args: tuple[Any, ...] = ()
    expected: Any = None
    actual: Outcome = field(default_factory=Outcome)
    detail: str = ""  # the failing assert, or what differs
    calls: tuple[CallRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tests said of one program, and the mode the gate gave it.

    mode is None until the gate of egca/structure has run. `results` are in the order of the tests;
    a program that does not compile has none and a `failure`.
    """

    results: tuple[TestResult, ...] = ()
    cause: Cause = Cause.NONE
    failure: Failure | None = None
    mode: Mode | None = None
    evidence: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every test passed; what the gate says of the form changes nothing of it."""
        of_form = (Cause.NONE, Cause.CONSTRAINT, Cause.NOT_COMPARABLE)
        return self.cause in of_form and bool(self.results) and self.first_failure is None

    @property
    def first_failure(self) -> TestResult | None:
        return next((result for result in self.results if not result.passed), None)


@dataclass(frozen=True, slots=True)
class Moment:
    """When in a run something happened: the n-th (1-based) time that a statement was executed.

    call is the 1-based number of the call of `function` in which it happened, 0 at module level;
    iteration counts the innermost loop around it, 0 outside loops.
    """

    input_index: int
    occurrence: int
    function: str = ""
    call: int = 0
    iteration: int = 0


@dataclass(frozen=True, slots=True)
class Suspect:
    """A place that may be wrong, with a score in [0, 1] and the reason in a few words."""

    span: Span
    statement: Span
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class Repair:
    """One small edit that makes every input right: replace `span` by `replacement`."""

    span: Span
    original: str
    replacement: str
    source: str  # the whole program after the edit

    def __str__(self) -> str:
        return f"{self.original!r} -> {self.replacement!r}"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was changed in a run, and what became right.

    kind: "value" (a value replaced), "branch" (a decision flipped), "edit" (a verified repair),
    "raise" (the raising expression) or "none". n_repaired of n_failing inputs became right by it.
    """

    kind: str
    n_repaired: int = 0
    n_failing: int = 0
    text: str = ""

    @property
    def confirmed(self) -> bool:
        return self.kind != "none" and self.n_repaired > 0


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where a failing program first goes wrong, why, and how sure that is.

    span is the narrowest expression, statement what holds it; both in the program. completion_span
    is `span` in the completion that held the program, None if it is not part of it. actual and
    expected are the value there and the value the reference has (UNKNOWN text when there is none).
    confidence in [0, 1] is the calibrated chance that `statement` holds a faulty line.
    """

    mode: Mode
    cause: Cause
    span: Span
    statement: Span
    confidence: float
    sentence: str
    proof: Proof
    completion_span: tuple[int, int] | None = None
    moment: Moment | None = None
    target: str = ""  # what holds the value: a name, "return", "condition"
    actual: Any = None
    expected: Any = None
    has_values: bool = False  # whether actual and expected are known
    repair: Repair | None = None
    alternatives: tuple[Suspect, ...] = ()
    reason: str = ""  # why nothing could be confirmed, else ""
    notes: tuple[str, ...] = ()


def first_lines(divergence: Divergence) -> list[int]:
    """Lines in order of suspicion, the divergence's own first, each once."""
    lines = [divergence.span.line, *(suspect.span.line for suspect in divergence.alternatives)]
    return list(dict.fromkeys(lines))


def span_of_lines(source_map: SourceMap, lines: Sequence[int]) -> Span:
    """Span from the first to the last of some 1-based lines, without the final line end."""
    start = source_map.offset(min(lines), 0)
    text = source_map.line_text(max(lines)).rstrip("\r\n")
    end = source_map.offset(max(lines), 0) + len(text)
    return source_map.span(start, max(end, start + 1))
