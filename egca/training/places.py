"""Where a completion goes wrong, in characters of the completion: what credit rules ask for.

Everything comes from one examination of the program (egca/localization) or from a debugger's answer
to it; turning characters into tokens is crediting.py's. Plain data, so that it crosses processes
and can be kept on disk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache

from egca.credit import Need
from egca.execution.trace import Trace
from egca.localization.edits import statement_span
from egca.localization.examination import Examination
from egca.localization.result import AlignedStep, Localization
from egca.localization.scope import simple_statements
from egca.problems.parsing import NOT_PYTHON, parsed
from egca.types import Divergence, Failure, Program, SourceMap, Span

Range = tuple[int, int]
# What needs no traced run.
PLAIN_NEEDS = frozenset({Need.LOCATION, Need.EXCEPTIONS, Need.STATEMENTS, Need.REPAIR})
# What the traces alone tell, whoever localizes.
TRACED_NEEDS = frozenset({Need.EXECUTED, Need.LATE, Need.UNCONFIRMED})
# Statements that leave no event.
_SILENT = re.compile(r"(?:break|continue|pass|else|def|class|import|from)\b")


@dataclass(frozen=True, slots=True)
class Places:
    """Ranges [start, end) of characters of the completion; None or empty: not asked, not found.

    statement, expression: where it goes wrong (T_err or T_k*), the statement and what is narrower.
    late, unconfirmed: statements of the last and the first aligned state that differ. statements:
    all of the program in order, compound ones by their header; steps: for each the statement of the
    reference, counted from 0, that most of its states are aligned with; dies_at: that of the
    divergence. executed: statements that the traced inputs reached. repair: range and text of a
    verified repair. proof, confidence: of the place; fell_back: a model was asked in vain.
    """

    statement: Range | None = None
    expression: Range | None = None
    late: Range | None = None
    unconfirmed: Range | None = None
    statements: tuple[Range, ...] = ()
    steps: tuple[int | None, ...] | None = None
    dies_at: int | None = None
    executed: tuple[Range, ...] | None = None
    repair: tuple[Range, str] | None = None
    proof: str = "none"
    confidence: float = 0.0
    fell_back: bool = False


@dataclass(frozen=True, slots=True)
class _Runs:
    """What is known of the runs on traced inputs: aligned steps of the first, and all traces."""

    steps: Sequence[AlignedStep]
    traces: Sequence[Trace]


def places_of(answer: Localization, needs: Set[Need], at: Examination | None = None) -> Places:
    """The places of one program that a rule asks for.

    Args:
        answer: of a debugger, for a program that may also be right.
        at: the examination behind it, for what the traces tell; None: nothing was traced.
    """
    program, divergence = answer.program, answer.divergence
    found = _places_at(program, divergence, needs)
    traces = [*at.found.runs.failing, *at.found.runs.passing] if at is not None else []
    runs = _Runs(answer.traces, traces)
    if answer.opinion is not None:
        found["fell_back"] = answer.opinion.fell_back
    spans = _statements(program.source)
    if needs & {Need.STATEMENTS, Need.STEPS}:
        spans = tuple(span for span in spans if _range(program, span) is not None)
    if needs & {Need.LATE, Need.UNCONFIRMED}:
        differing = _differing(runs.steps)
        for name, step in (("unconfirmed", differing[:1]), ("late", differing[-1:])):
            at_span = _around(spans, step[0]) if step else None
            found[name] = None if at_span is None else _range(program, at_span)
    if Need.EXECUTED in needs:
        found["executed"] = _executed(program, spans, runs)
    if Need.STEPS in needs and answer.reference is not None:
        theirs = _statements(answer.reference.source)
        found["steps"] = _aligned_steps(spans, theirs, runs.steps)
        if divergence is not None:
            found["dies_at"] = _death(divergence.statement, spans, found["steps"])
    return Places(**found)  # type: ignore[arg-type]


def places_at(program: Program, divergence: Divergence, needs: Set[Need]) -> Places:
    """As places_of where there are no traces; needs: some of PLAIN_NEEDS."""
    return Places(**_places_at(program, divergence, needs))  # type: ignore[arg-type]


def place_raised(program: Program, failure: Failure | None) -> tuple[Range | None, Range | None]:
    """Statement and expression that a failure names as its place; None where it names none."""
    if failure is None or not failure.frames:
        return None, None
    span = failure.frames[-1]
    statement = _around(_statements(program.source), span) or span
    return _range(program, statement), _range(program, span)


def _places_at(
    program: Program, divergence: Divergence | None, needs: Set[Need]
) -> dict[str, object]:
    """What the divergence and the text alone tell."""
    found: dict[str, object] = {}
    if divergence is not None:
        found["statement"] = _range(program, divergence.statement)
        found["expression"] = _range(program, divergence.span)
        found["proof"] = divergence.proof.kind
        found["confidence"] = divergence.confidence
        repair = divergence.repair
        if repair is not None and Need.REPAIR in needs:
            place = _range(program, repair.span)
            found["repair"] = None if place is None else (place, repair.replacement)
    if needs & {Need.STATEMENTS, Need.STEPS}:
        ranges = [_range(program, span) for span in _statements(program.source)]
        found["statements"] = tuple(place for place in ranges if place is not None)
    return found


def _range(program: Program, span: Span) -> Range | None:
    return program.completion_range(span.start, span.end)


@lru_cache(maxsize=4096)
def _statements(source: str) -> tuple[Span, ...]:
    """Spans of all statements that do something, in order; headers of compound ones."""
    try:
        tree = parsed(source)
    except NOT_PYTHON:
        return ()
    source_map = SourceMap(source)
    return tuple(sorted(statement_span(source_map, node) for node in simple_statements(tree)))


def _differing(steps: Sequence[AlignedStep]) -> list[Span]:
    """Spans of the candidate's states that are not those of the reference, in order."""
    return [step.candidate.span for step in steps if step.candidate and not step.is_equal]


def _around(spans: Sequence[Span], inner: Span) -> Span | None:
    """The narrowest statement that holds a span, else the one on its line."""
    holding = [span for span in spans if inner.within(span)]
    holding = holding or [span for span in spans if span.line <= inner.line <= span.end_line]
    return min(holding, key=lambda span: span.end - span.start, default=None)


def _executed(program: Program, spans: Sequence[Span], runs: _Runs) -> tuple[Range, ...] | None:
    """Statements with an event in some traced run; those that have none by nature count too."""
    if not runs.traces:
        return None
    lines = {trace.sites[site].statement[0] for trace in runs.traces for site in trace.counts}
    ranges = [
        _range(program, span)
        for span in spans
        if span.line in lines or _SILENT.match(program.source, span.start)
    ]
    return tuple(place for place in ranges if place is not None)


def _aligned_steps(
    ours: Sequence[Span], theirs: Sequence[Span], steps: Sequence[AlignedStep]
) -> tuple[int | None, ...]:
    """For each statement the reference's with which most of its states are aligned."""
    votes: list[Counter[int]] = [Counter() for _ in ours]
    for step in steps:
        if step.candidate is None or step.reference is None:
            continue
        left = _around(ours, step.candidate.span)
        right = _around(theirs, step.reference.span)
        if left is not None and right is not None:
            votes[ours.index(left)][theirs.index(right)] += 2 if step.is_equal else 1
    return tuple(
        min(counted, key=lambda k: (-counted[k], k)) if counted else None for counted in votes
    )


def _death(place: Span, ours: Sequence[Span], steps: object) -> int | None:
    """The step at which it dies: of the divergent statement, else of the nearest before it."""
    if not isinstance(steps, tuple):
        return None
    at = _around(ours, place)
    if at is None:
        return None
    before = [step for step in steps[: ours.index(at) + 1] if step is not None]
    return before[-1] if before else None
