"""A claim from outside, such as a model's: that a program first goes wrong at a certain place.

A claim is believed no further than the runs show. The place has to exist and to hold code, the
failing run has to have executed it before it failed, and a change there has to make the output
right: the same repairs and interventions that prove the trace's own answer. Who makes claims is not
known here."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import Any

from egca.execution.sites import header_of
from egca.execution.trace import Trace
from egca.localization.edits import statement_span
from egca.localization.explain import Explanation, explain_line, is_answer, n_steps_allowed
from egca.localization.findings import Findings
from egca.localization.moments import is_value, moment_at, prove
from egca.localization.rounds import executed
from egca.localization.scope import simple_statements, walk
from egca.types import Proof, SourceMap, Span

N_SUSPECTS = 5  # of the ranking, among which a place may stand that nothing confirms
NO_VALUE = object()  # a claim that names no value


@dataclass(frozen=True, slots=True)
class Claim:
    """Where a program is said to go wrong first.

    line, end_line: of the statement, 1-based; a longer stretch means the statement it begins with.
    expression: the faulty part, quoted; "" for all of the statement. event: index of the event of
    the first failing trace at which it goes wrong; value: what it should have been there.
    """

    line: int
    end_line: int | None = None
    expression: str = ""
    event: int | None = None
    value: Any = NO_VALUE


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim does not stand, in one line that its maker may read."""

    reason: str


def checked(found: Findings, claim: Claim, rival: Proof) -> Explanation | Refusal:
    """What the runs say of a claim.

    Args:
        rival: the proof of the trace's own answer. A claim needs one that is as strong: an edit
            that makes every test pass beats a value that helps on one input, since many values of
            one run can be changed so that its output is right.
    Returns: the explanation of the claimed line, proved or at least among the suspects.
    """
    source_map = SourceMap(found.program.source)
    statement = _statement(found, source_map, claim)
    if isinstance(statement, Refusal):
        return statement
    quoted = _quoted(found, source_map, statement, claim)
    if isinstance(quoted, Refusal):
        return quoted
    refusal = _untimely(found, statement, claim)
    if refusal is not None:
        return refusal
    known = explain_line(found, source_map, statement.lineno)
    if not known.proof.confirmed:
        _prove_value(found, known, claim)
    line = statement.lineno
    if rival.kind == "edit" and rival.confirmed and known.proof.kind != "edit":
        return Refusal(
            f"no small edit of line {line} makes every test pass, but an edit elsewhere does"
        )
    if known.proof.confirmed:
        return known
    if rival.confirmed:
        return Refusal(
            f"no edit, value or decision at line {line} makes the output right, but one elsewhere "
            "does"
        )
    if line not in [one.line for one in found.ranked[:N_SUSPECTS]]:
        return Refusal(
            f"nothing at line {line} makes the output right, and the runs do not make it suspicious"
        )
    known.span = quoted or known.span
    return known


def _statement(found: Findings, source_map: SourceMap, claim: Claim) -> ast.stmt | Refusal:
    """The statement that is claimed, by its header for a compound one."""
    line, end_line = claim.line, claim.line if claim.end_line is None else claim.end_line
    if not 1 <= line <= end_line <= source_map.n_lines:
        return Refusal(
            f"there are no lines {line} to {end_line}; the program has {source_map.n_lines} lines"
        )
    source_lines = found.program.source.encode("utf-8", "surrogatepass").splitlines(keepends=True)
    best: ast.stmt | None = None
    for statement in simple_statements(found.tree):
        first, _, last, _ = header_of(statement, source_lines)
        if first <= line <= last and (best is None or statement.lineno >= best.lineno):
            best = statement
    if best is None or best.lineno not in found.evidence.features:
        return Refusal(
            f"line {line} holds no statement that can be at fault (a comment, a docstring, an "
            "import or the head of a function)"
        )
    return best


def _quoted(
    found: Findings, source_map: SourceMap, statement: ast.stmt, claim: Claim
) -> Span | Refusal | None:
    """Where the quoted expression stands in the statement; None if nothing is quoted."""
    wanted = claim.expression.strip().rstrip(":;").strip()
    if not wanted:
        return None
    whole = statement_span(source_map, statement)
    text = found.program.source[whole.start : whole.end]
    at = text.find(wanted)
    if at >= 0:
        return source_map.span(whole.start + at, whole.start + at + len(wanted))
    try:
        shape = ast.dump(ast.parse(wanted, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        shape = ""
    for node in walk(statement):
        if isinstance(node, ast.expr) and shape and ast.dump(node) == shape:
            span = source_map.span_of(node)
            if span.within(whole):
                return span
    if " ".join(text.split()).rstrip(":") == " ".join(wanted.split()):
        return whole
    return Refusal(f"the quoted expression does not stand in the statement at line {claim.line}")


def _untimely(found: Findings, statement: ast.stmt, claim: Claim) -> Refusal | None:
    """Refuses what the failing run did not execute, or only after it had failed."""
    if not found.runs.failing:
        return Refusal("no failing run could be traced, so that no place can be checked")
    trace = found.runs.failing[0]
    line = statement.lineno
    if line not in executed(found, trace):
        return Refusal(f"line {line} is not executed on the first failing input")
    events = [i for i, site in enumerate(trace.site_ids) if _is_on(trace, site, line)]
    failed_at = _failure(trace)
    if events and events[0] > failed_at:
        return Refusal(f"line {line} is executed only after the program has failed")
    if claim.event is None:
        return None
    if not 0 <= claim.event < len(trace):
        return Refusal("there is no such step")
    if claim.event not in events:
        at = trace.sites[trace.site_ids[claim.event]].statement[0]
        return Refusal(f"the step belongs to line {at}, not to line {line}")
    if claim.event > failed_at:
        return Refusal("the step lies behind the failure")
    return None


def _is_on(trace: Trace, site: int, line: int) -> bool:
    return trace.sites[site].statement[0] == line


def _failure(trace: Trace) -> int:
    """Index of the event at which the exception that ends the run leaves its first function."""
    failure = trace.outcome.failure
    first = len(trace)
    if failure is None or not failure.type:
        return first
    for index in range(len(trace) - 1, -1, -1):
        site = trace.sites[trace.site_ids[index]]
        if site.kind == "raise" and _raised(trace.value(index)) == failure.type:
            if site.role == "caught":
                break  # an earlier one, that was dealt with
            first = index
    return first


def _raised(value: Any) -> str:
    """The type of a recorded exception."""
    return str(value[0]) if isinstance(value, tuple) and value else ""


def _prove_value(found: Findings, known: Explanation, claim: Claim) -> None:
    """Put the claimed value in at the claimed event, and take it as the proof if that helps."""
    if claim.event is None or claim.value is NO_VALUE or found.tracer is None:
        return
    one, trace = found.failing[0], found.runs.failing[0]
    if (
        not one.is_known
        or not found.fails_alone()
        or not is_value(trace.sites[trace.site_ids[claim.event]])
    ):
        return
    moment = moment_at(trace, claim.event, claim.value, NO_VALUE)
    if is_answer(found, moment):
        return
    others = [other for other in found.inputs if other.is_failing][1:]
    is_script = found.problem.kind == "script"
    proof = prove(found.tracer, moment, one, others, is_script, n_steps_allowed(found))
    if proof.confirmed:
        known.moment, known.proof, known.reason = moment, proof, ""
