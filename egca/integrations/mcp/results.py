"""What the tools answer: types from which clients get their schemas, with texts of bounded length.

Lines are 1-based, columns 0-based, both in characters; the end of a place is exclusive. Values are
the text of their Python literals. The docstring under a field is what an agent reads of it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class _Result(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True, frozen=True)


class Place(_Result):
    """Characters of a program."""

    line: int
    column: int
    end_line: int
    end_column: int
    code: str
    """The text there."""


class Repair(_Result):
    """One small edit with which every test passes; it was run."""

    line: int
    removed: list[str]
    added: list[str]
    source: str
    """The whole program after the edit."""


class Suspect(_Result):
    """Another line that may be wrong."""

    line: int
    code: str
    chance: float
    """In [0, 1], calibrated."""
    reason: str


class Failing(_Result):
    """A test that the program fails."""

    name: str
    cause: str
    """wrong_output, exception, timeout, memory, exit, crash, ..."""
    input: str
    """The call, or what a script reads."""
    expected: str | None
    """None where the test is code."""
    actual: str
    """What came back, or how the call ended."""
    detail: str


class PairedStep(_Result):
    """A step of both runs; a side is None where the other did something alone."""

    candidate: str | None
    reference: str | None
    is_equal: bool
    is_divergence: bool


class Localized(_Result):
    """Where a failing program first goes wrong, and the proof."""

    passes: bool
    """Every test passes: there is nothing to localize, and place is None."""
    summary: str
    finding: str
    """What goes wrong there, in one sentence; "" if it passes."""
    mode: str | None
    """syntax, constraint, logic or correct."""
    place: Place | None
    """The narrowest expression at which it goes wrong."""
    statement: Place | None
    """The statement that holds it."""
    confidence: float | None
    """Calibrated chance that the statement is faulty."""
    is_confirmed: bool
    """Changing this place, and nothing else, made a failing input right."""
    proof: str
    repair: Repair | None
    suspects: list[Suspect]
    failing: Failing | None
    steps: list[PairedStep]
    """The two runs on the failing input, around the divergence."""
    n_tests: int
    n_failing: int
    notes: list[str]


class Judged(_Result):
    """What the tests say of a program."""

    passes: bool
    mode: str | None
    cause: str
    evidence: str
    """What decided it, in one sentence."""
    n_tests: int
    n_failing: int
    failing: list[Failing]
    """The first failing tests."""


class Event(_Result):
    """One thing that happened in a run."""

    line: int
    kind: str
    """write, branch, item (of a loop), call, return or raise."""
    target: str
    """What holds the value: a name, the source of a condition, the function."""
    value: str
    iteration: int
    """Of the innermost loop, from 1; 0 outside loops."""
    call: int
    """Which call of the function it belongs to, from 1; 0 at module level."""


class Traced(_Result):
    """What a program did on one input."""

    outcome: str
    """The value it returned (for a script: what it printed), or how it failed."""
    failed: bool
    stdout: str
    events: list[Event]
    """In order, from the first one that was asked for."""
    n_events: int
    is_truncated: bool
    """There were more events after these, or the run was lost with them."""


class Constraint(_Result):
    """One demand on the form of a program."""

    kind: str
    sentence: str
    is_enforced: bool
    """A program that breaks it is turned away; the others are guidance."""
    parameters: dict[str, Any]


class Constraints(_Result):
    """What the form of a correct program demands of others."""

    entry_point: str
    constraints: list[Constraint]
