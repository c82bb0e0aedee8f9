"""From a ranking of lines to a divergence: the expression, the moment, the proof and the sentence.

Nothing here changes which line is first. What is shown is checked once more: a suggested repair is
applied to the text and judged on all tests, and the value at the moment is put in and the run
repeated."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from egca.execution.compare import short
from egca.execution.judging import judge
from egca.execution.reports import MAX_SOURCE
from egca.execution.tracer import TraceSession
from egca.localization import scoring
from egca.localization.edits import Edit, Replace, apply, header, statement_span
from egca.localization.evidence import closeness
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
from egca.localization.scope import simple_statements
from egca.types import (
    Cause,
    Divergence,
    Failure,
    Mode,
    Program,
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
N_REPAIRS = 3  # tried until one holds as text
MUTABLE = (list, dict, set)
RIGHT_ALONE = (
    "the call by itself gives what is right, so no value in its run can be shown to matter"
)


@dataclass(slots=True)
class Explanation:
    """What is known about a line, piece by piece."""

    line: int
    span: Span
    statement: Span
    repair: Repair | None = None
    moment: Moment | None = None
    proof: Proof = field(default_factory=lambda: Proof("none"))
    reason: str = ""


def unrunnable(found: Findings) -> Divergence:
    """The divergence of a program that does not compile, load or have its entry point."""
    source_map = SourceMap(found.program.source)
    failure = found.verdict.failure or Failure(found.verdict.cause)
    source = found.program.source
    span = failure.frames[-1] if failure.frames else _anywhere(source, source_map)
    lines = list(range(span.line, span.end_line + 1))
    whole = source_map.span(
        source_map.offset(lines[0], 0), max(source_map.offset(lines[-1], 1 << 30), span.start + 1)
    )
    sentence = f"line {span.line}: {found.verdict.evidence}"
    kind = "raise" if failure.frames else "none"
    return Divergence(
        mode=found.verdict.mode or Mode.SYNTAX,
        cause=found.verdict.cause,
        span=span,
        statement=whole,
        confidence=0.9 if failure.frames else 0.3,
        sentence=sentence,
        proof=Proof(kind, 0, 0, "the interpreter stops here" if failure.frames else ""),
        completion_span=found.program.completion_range(span.start, span.end),
        reason="" if failure.frames else "the program has no place that the error names",
    )


def _anywhere(source: str, source_map: SourceMap) -> Span:
    """The first definition, else the first line with anything on it."""
    try:
        for node in ast.parse(source).body if len(source) <= MAX_SOURCE else ():
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                return statement_span(source_map, node)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    start = len(source) - len(source.lstrip())
    line_end = source.find("\n", start)
    end = line_end if line_end > start else len(source)
    return source_map.span(min(start, max(end - 1, 0)), max(end, start + 1, 1))


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
        statement=known.statement,
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
        notes=tuple(_notes(raised, known.span, found)),
    ), moment


def explain_line(found: Findings, source_map: SourceMap, line: int) -> Explanation:
    """Narrow a line down, by its repair if there is one, else by interventions."""
    statement = statement_at(found.tree, line)
    whole = statement_span(source_map, statement) if statement is not None else None
    known = Explanation(line, *_spans(source_map, statement, whole, line))
    for edit in _repairs_at(found, line)[:N_REPAIRS]:
        span, text, source = apply(found.program.source, source_map, edit)
        # Inside one expression text and tree cannot differ; if all inputs were tried, that is it.
        is_tried = found.is_complete and all(isinstance(c, Replace) for c in edit.changes)
        if not is_tried and not _holds(found, source):
            continue
        original = found.program.source[span.start : span.end]
        known.repair = Repair(span, original, text, source)
        known.span = source_map.span_of(
            header(edit.anchor) if isinstance(edit.anchor, ast.stmt) else edit.anchor
        )
        n_failing = sum(not result.passed for result in found.verdict.results)
        known.proof = Proof("edit", n_failing, n_failing, "with this edit every test passes")
        break
    _find_moment(found, known, line)
    if not known.proof.confirmed:
        known.reason = known.reason or "no small edit and no single value makes the output right"
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


def _repairs_at(found: Findings, line: int) -> list[Edit]:
    """Full repairs on a line: those that change least of the text first."""
    full = [score.edit for score in found.evidence.repairs if score.edit.anchor.lineno == line]
    return sorted(
        full,
        key=lambda edit: (not isinstance(edit.changes[0], Replace), -closeness(edit), edit.n_nodes),
    )


def _holds(found: Findings, source: str) -> bool:
    """Whether an edited program passes every test, as text."""
    try:
        return judge(
            found.problem,
            Program(source),
            sandbox=found.sandbox,
            limits=found.limits,
            stop_at_first=True,
        ).passed
    except ValueError:
        return False


def statement_at(tree: ast.Module, line: int) -> ast.stmt | None:
    """The innermost statement that begins on a line, else the one that spans it."""
    best: ast.stmt | None = None
    for statement in simple_statements(tree):
        if statement.lineno == line:
            return statement
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            best = statement
    return best


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
    return source_map.span_of(header(statement)) if header(
        statement
    ) is not statement else whole, whole


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
        right = "the output is right" if known.proof.confirmed else "it would agree"
        expected = short(moment.expected, 60)
        if any(_knows(trace, moment) for trace in found.runs.reference_failing[:1]):
            expected += ", as in the reference,"
        said = (
            f"at {place}, {_named(moment)} is {short(moment.actual, 60)}; with {expected} {right}"
        )
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
        return f"{place} is in or before a loop that does not end"
    return f"{place} is the likeliest place; nothing could confirm it"


def _knows(trace: object, moment: Moment) -> bool:
    values = getattr(trace, "raw_values", ())
    table = getattr(trace, "table", ())
    return any((table[raw[0]] if type(raw) is list else raw) == moment.wire for raw in values)


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


def _notes(raised: Failure | None, span: Span, found: Findings) -> Sequence[str]:
    """A runtime error is reported at the raising expression too, when that is elsewhere."""
    if raised is None or not raised.frames or raised.cause is Cause.TIMEOUT:
        return found.notes
    last = raised.frames[-1]
    if last.line == span.line:
        return found.notes
    return [*found.notes, f"{raised} is raised at line {last.line}"]
