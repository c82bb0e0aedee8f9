"""From a ranking of lines to a divergence: the expression, the moment, the proof and the sentence.

Nothing here changes which line is first. What is shown is checked once more: a suggested repair is
judged as text on all tests (repairs.py), and the value at the moment is put in and the run
repeated."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace

from egca.execution.compare import short
from egca.execution.reports import MAX_SOURCE
from egca.execution.tracer import TraceSession
from egca.localization import scoring
from egca.localization.alignment import align
from egca.localization.edits import (
    anchor_span,
    header_span,
    statement_at,
    statement_of,
    statement_span,
)
from egca.localization.evidence import loops_around
from egca.localization.findings import Findings, tracer
from egca.localization.moments import (
    Moment,
    earliest_repairing,
    first_change,
    prove,
    replacements,
    steps_allowed,
)
from egca.localization.render.wording import ordinal
from egca.localization.repairs import suggested
from egca.structure.normalise import parse
from egca.types import (
    Cause,
    Divergence,
    Failure,
    Mode,
    Proof,
    Repair,
    SourceMap,
    Span,
    Suspect,
)
from egca.types import (
    Moment as When,
)

N_ALTERNATIVES = 5
MUTABLE = (list, dict, set)
RIGHT_ALONE = (
    "the call by itself gives what is right, so no value in its run can be shown to matter"
)


@dataclass(slots=True)
class Explanation:
    """What is known about a line, piece by piece.

    is_value_enough: the value of the moment, put in at its one step, makes the output right; else
    only the repair is known to.
    """

    line: int
    span: Span
    statement: Span
    repair: Repair | None = None
    moment: Moment | None = None
    is_value_enough: bool = False
    proof: Proof = field(default_factory=lambda: Proof("none"))
    reason: str = ""


def unrunnable(found: Findings) -> Divergence:
    """The divergence of a program that does not compile, load or have its entry point."""
    source_map = SourceMap(found.program.source)
    failure = found.verdict.failure or Failure(found.verdict.cause)
    source = found.program.source
    tree = parse(source) if len(source) <= MAX_SOURCE else None
    span = failure.frames[-1] if failure.frames else _anywhere(source_map, tree)
    sentence = f"line {span.line}: {found.verdict.evidence}"
    kind = "raise" if failure.frames else "none"
    return Divergence(
        mode=found.verdict.mode or Mode.SYNTAX,
        cause=found.verdict.cause,
        span=span,
        statement=_lines_of(source_map, span)
        if tree is None
        else statement_of(source_map, tree, span),
        confidence=0.9 if failure.frames else 0.3,
        sentence=sentence,
        proof=Proof(kind, 0, 0, "the interpreter stops here" if failure.frames else ""),
        completion_span=found.program.completion_range(span.start, span.end),
        reason="" if failure.frames else "the program has no place that the error names",
    )


def _anywhere(source_map: SourceMap, tree: ast.Module | None) -> Span:
    """The first definition, else the first line with anything on it."""
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            return statement_span(source_map, node)
    source = source_map.source
    start = len(source) - len(source.lstrip())
    line_end = source.find("\n", start)
    end = line_end if line_end > start else len(source)
    return source_map.span(min(start, max(end - 1, 0)), max(end, start + 1, 1))


def _lines_of(source_map: SourceMap, span: Span) -> Span:
    """The code on the lines of a place, without what is around it."""
    start, end = source_map.offset(span.line, 0), source_map.offset(span.end_line, 1 << 30)
    text = source_map.source[start:end]
    first = start + len(text) - len(text.lstrip())
    return source_map.span(min(first, span.start), max(start + len(text.rstrip()), span.end))


def divergence(
    found: Findings, known: Explanation | None = None
) -> tuple[Divergence, Moment | None]:
    """The divergence on the first ranked line, and its moment in the first traced run.

    Args:
        known: of another line than the first ranked one; that line's chance is its confidence.
    """
    source_map = SourceMap(found.program.source)
    if known is None:
        known = explain_line(found, source_map, found.ranked[0].line)
    line = known.line
    chance = next((one.chance for one in found.ranked if one.line == line), 0.0)
    rest = [one for one in found.ranked if one.line != line]
    others = [_suspect(found, source_map, one) for one in rest[:N_ALTERNATIVES]]
    # A run that is right says no more of where the fault is than one with nothing beside it.
    is_compared = found.problem.reference is not None and (not found.failing or found.fails_alone())
    confidence = scoring.confidence(found.evidence, chance, is_compared)
    raised = found.failing[0].result.actual.failure if found.failing else None
    moment = known.moment
    return Divergence(
        mode=found.verdict.mode or Mode.LOGIC,
        cause=found.verdict.cause,
        span=known.span,
        statement=statement_of(source_map, found.tree, known.span),
        confidence=round(confidence, 4),
        sentence=_sentence(found, known, source_map),
        proof=known.proof,
        completion_span=found.program.completion_range(known.span.start, known.span.end),
        moment=_when(found, moment),
        target=moment.site.target if moment else "",
        actual=moment.actual if moment else None,
        expected=moment.expected if moment else None,
        has_values=moment is not None,
        repair=known.repair,
        alternatives=tuple(others),
        reason=known.reason,
        notes=_notes(raised, known.span),
    ), moment


def explain_line(found: Findings, source_map: SourceMap, line: int) -> Explanation:
    """Narrow a line down, by its repair if there is one, else by interventions."""
    statement = statement_at(found.tree, line)
    whole = statement_span(source_map, statement) if statement is not None else None
    known = Explanation(line, *_spans(source_map, statement, whole, line))
    held, reason = suggested(found, source_map, line)
    if held is not None:
        edit, known.repair = held
        known.span = anchor_span(source_map, edit)
        n_failing = sum(not result.passed for result in found.verdict.results)
        known.proof = Proof("edit", n_failing, n_failing, "with this edit every test passes")
    _find_moment(found, known, line)
    if not known.proof.confirmed:
        nothing = "no small edit and no single value makes the output right"
        known.reason = reason or known.reason or nothing
    return known


def _find_moment(found: Findings, known: Explanation, line: int) -> None:
    """The first event on the line that a repair changes, or whose replacement repairs the
    output."""
    if not found.failing or not found.runs.failing or not found.failing[0].is_known:
        known.reason = known.reason or "without a reference no value can be checked"
        return
    one, trace = found.failing[0], found.runs.failing[0]
    others = [x for x in found.inputs if x.is_failing][1:]
    is_script = found.problem.kind == "script"
    session = found.tracer
    if session is None:
        return
    if not found.fails_alone():
        known.reason = known.reason or ("" if known.proof.confirmed else RIGHT_ALONE)
        return
    if known.repair is not None:
        with tracer(found, known.repair.source) as repaired:
            moment = first_change(trace, repaired.trace([one.call])[0])
        if moment is not None:
            proof = prove(session, moment, one, others, is_script, n_steps_allowed(found))
            known.moment = moment
            known.is_value_enough = proof.confirmed
            if proof.confirmed:
                known.proof = replace(known.proof, text=f"{known.proof.text}; {proof.text}")
        return
    moment = _intervened(found, session, line, is_script)
    if moment is not None:
        kind = "branch" if moment.site.kind == "branch" else "value"
        known.moment = moment
        known.proof = Proof(kind, 1, 1 + len(others), "replacing it makes the output right")
        start = known.statement.start
        source_map = SourceMap(found.program.source)
        site = moment.site
        span_start = source_map.offset(site.lineno, site.col_offset)
        span_end = source_map.offset(site.end_lineno, site.end_col_offset)
        if start <= span_start < span_end:
            known.span = source_map.span(span_start, span_end)


def _intervened(
    found: Findings, session: TraceSession, line: int, is_script: bool
) -> Moment | None:
    one, trace = found.failing[0], found.runs.failing[0]
    sites = [site.id for site in trace.sites if site.statement[0] == line or site.lineno == line]
    theirs = found.runs.reference_failing[0] if found.runs.reference_failing else None
    return earliest_repairing(
        session,
        one,
        replacements(trace, theirs, sites),
        is_script,
        lambda moment: is_answer(found, moment),
        n_steps_allowed(found),
        found.deadline,
    )


def is_answer(found: Findings, moment: Moment) -> bool:
    """Whether a value is what the entry point returns, or is to leave of an argument: making that
    right proves nothing."""
    one = found.failing[0]
    left = [arg for right in one.right for arg in right.args or () if isinstance(arg, MUTABLE)]
    if one.wants_args and moment.expected in left:
        return True
    last = found.problem.entry_point.rpartition(".")[2]
    return moment.site.kind == "return" and moment.site.function.rpartition(".")[2] == last


def n_steps_allowed(found: Findings) -> int:
    """Steps after which a changed run is taken to hang."""
    runs = found.runs
    return steps_allowed(runs.failing[0], [*runs.passing, *runs.reference_failing[:1]])


def _spans(
    source_map: SourceMap, statement: ast.stmt | None, whole: Span | None, line: int
) -> tuple[Span, Span]:
    if statement is None or whole is None:
        start = source_map.offset(line, 0)
        text = source_map.line_text(line)
        start += len(text) - len(text.lstrip())
        span = source_map.span(start, max(start + len(text.strip()), start + 1))
        return span, span
    if whole.line != line:
        text = source_map.line_text(line)
        start = source_map.offset(line, 0) + len(text) - len(text.lstrip())
        return source_map.span(start, start + max(len(text.strip()), 1)), whole
    return header_span(source_map, statement), whole


def _suspect(found: Findings, source_map: SourceMap, one: scoring.Ranked) -> Suspect:
    statement = statement_at(found.tree, one.line)
    whole = statement_span(source_map, statement) if statement is not None else None
    span, whole = _spans(source_map, statement, whole, one.line)
    return Suspect(span, whole, round(one.chance, 4), ", ".join(one.reasons))


def _when(found: Findings, moment: Moment | None) -> When | None:
    if moment is None:
        return None
    event = found.runs.failing[0].event(moment.index)
    index = found.verdict.results.index(found.failing[0].result)
    return When(index, moment.occurrence, moment.site.function, event.call, event.iteration)


def _sentence(found: Findings, known: Explanation, source_map: SourceMap) -> str:
    """What goes wrong, as one plain sentence."""
    line, moment = known.span.line, known.moment
    place = f"line {line}"
    if moment is not None:
        event = found.runs.failing[0].event(moment.index)
        if event.iteration:
            place = f"the {ordinal(event.iteration)} iteration of line {moment.site.lineno}"
        else:
            place = f"line {moment.site.lineno}"
        expected = short(moment.expected, 60)
        if _is_as_reference(found, moment, source_map):
            expected += ", as in the reference,"
        right = f"with {expected} the output is right"
        if known.repair is not None and not known.is_value_enough:
            expected = expected.removesuffix(",")
            right = f"with the suggested repair it is {expected}, and the output is right"
        said = f"at {place}, {_named(moment)} is {short(moment.actual, 60)}; {right}"
        if moment.site.lineno == line or known.repair is None:
            return said
        return f"line {line} is wrong; it first shows {said}"
    if known.repair is not None and "\n" in known.repair.replacement:  # no code in one line
        return f"with {place} changed as in the suggested repair the output is right"
    if known.repair is not None:
        old, new = short_code(known.repair.original), short_code(known.repair.replacement)
        return f"at {place}, with `{new}` in place of `{old}` the output is right"
    failure = found.failing[0].result.actual.failure if found.failing else None
    if failure is not None and failure.cause is Cause.TIMEOUT:
        return _hanging(found.tree, failure, source_map, line)
    return f"{place} is the likeliest place; nothing could confirm it"


def _hanging(tree: ast.Module, failure: Failure, source_map: SourceMap, line: int) -> str:
    """What does not end, as a sentence that names the likeliest line too."""
    loops = [loop for frame in failure.frames for loop in loops_around(tree, frame.line)]
    if any(line <= (loop.end_lineno or loop.lineno) for loop in loops):
        return f"line {line} is in or before a loop that does not end in time"
    hangs = "the run does not end in time"
    if failure.frames:
        last = failure.frames[-1]
        code = short_code(source_map.source[last.start : last.end])
        hangs = f"`{code}` at line {last.line} does not end in time"
        if last.line == line:
            return hangs
    return f"line {line} is the likeliest place; {hangs}"


def _is_as_reference(found: Findings, moment: Moment, source_map: SourceMap) -> bool:
    """Whether the reference has the expected value at its step beside the moment.

    That is the step its trace is aligned with there, or where two places part that had agreed.
    """
    reference = found.problem.reference
    if reference is None or not found.runs.reference_failing:
        return False
    theirs = found.runs.reference_failing[0]
    rows = align(
        found.runs.failing[0], source_map, theirs, SourceMap(reference), divergence=moment.index
    )
    partners = [row.reference.index for row in rows if row.is_divergence and row.reference]
    partners += [
        parting.reference_index
        for parting in found.evidence.partings
        if parting.index == moment.index and parting.reference_index is not None
    ]
    is_branch = moment.site.kind == "branch"
    values = [
        theirs.wire_value(index)
        for index in partners
        if is_branch == (theirs.sites[theirs.site_ids[index]].kind == "branch")
    ]
    return any(type(value) is type(moment.wire) and value == moment.wire for value in values)


def _named(moment: Moment) -> str:
    if moment.site.kind == "return":
        return "the returned value"
    if moment.site.kind == "call":
        names = ", ".join(moment.site.parameters)
        return f"`{names}`" if len(moment.site.parameters) == 1 else f"`({names})`"
    if moment.site.kind == "branch":
        return f"the condition `{short_code(moment.site.target)}`"
    return f"`{short_code(moment.site.target)}`"


def short_code(text: str, limit: int = 60) -> str:
    """Source text in one line of at most about `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 4].rstrip() + " ..."


def _notes(raised: Failure | None, span: Span) -> tuple[str, ...]:
    """A runtime error is reported at the raising expression too, when that is elsewhere."""
    if raised is None or not raised.frames or raised.cause is Cause.TIMEOUT:
        return ()
    last = raised.frames[-1]
    return () if last.line == span.line else (f"{raised} is raised at line {last.line}",)
