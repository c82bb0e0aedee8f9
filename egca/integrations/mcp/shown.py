"""Findings as the results of tools: the texts of the terminal, short enough for a model."""

from __future__ import annotations

from egca.integrations.mcp.results import (
    Event,
    Failing,
    Judged,
    Localized,
    PairedStep,
    Place,
    Repair,
    Suspect,
    Traced,
)
from egca.localization import Localization, Step
from egca.localization.render import wording
from egca.localization.render.runs import window
from egca.localization.render.values import glimpse, plain
from egca.problems import UNKNOWN, Check, Problem
from egca.types import Divergence, Outcome, Span, TestResult, Verdict

_TEXT = 400  # characters of a value or a detail
_CODE = 1_000
_STEP = 160
_STDOUT = 4_000
_BEFORE, _AFTER = 8, 4  # steps around the divergence
_N_FAILING = 5


def localized(found: Localization) -> Localized:
    """What `localize` found."""
    divergence = found.divergence
    mode = found.verdict.mode if divergence is None else divergence.mode
    source = found.program.source
    first, last = window(found.traces, _BEFORE, _AFTER) if found.traces else (0, 0)
    return Localized(
        passes=found.verdict.passed,
        summary=wording.title(found),
        finding=divergence.sentence if divergence else "",
        mode=None if mode is None else mode.value,
        place=_place(source, divergence.span) if divergence else None,
        statement=_place(source, divergence.statement) if divergence else None,
        confidence=round(divergence.confidence, 4) if divergence else None,
        is_confirmed=divergence is not None and divergence.proof.confirmed,
        proof=wording.proof_text(divergence) if divergence else "",
        repair=_repair(source, divergence),
        suspects=_suspects(source, divergence),
        failing=_failing(found.problem, found.verdict, found.failing) if found.failing else None,
        steps=[
            PairedStep(
                candidate=_step(pair.candidate),
                reference=_step(pair.reference),
                is_equal=pair.is_equal,
                is_divergence=pair.is_divergence,
            )
            for pair in found.traces[first:last]
        ],
        n_tests=found.n_tests,
        n_failing=found.n_failing,
        notes=wording.notes(found),
    )


def judged(problem: Problem, verdict: Verdict) -> Judged:
    """A verdict with its mode."""
    failing = [result for result in verdict.results if not result.passed]
    return Judged(
        passes=verdict.passed,
        mode=None if verdict.mode is None else verdict.mode.value,
        cause=verdict.cause.value,
        evidence=plain(verdict.evidence[:_CODE]),
        n_tests=len(problem.tests),
        n_failing=len(failing) if verdict.results else len(problem.tests),
        failing=[_failing(problem, verdict, result) for result in failing[:_N_FAILING]],
    )


def traced(
    outcome: Outcome, is_script: bool, events: list[Event], n_events: int, is_truncated: bool
) -> Traced:
    """How one run ended, and the events of it that are given."""
    said = outcome.stdout if is_script and outcome.value is None else outcome.value
    return Traced(
        outcome=plain(wording.failure_text(outcome)[:_TEXT] or glimpse(said, _CODE)),
        failed=not outcome.ok,
        stdout=plain(outcome.stdout[:_STDOUT]),
        events=events,
        n_events=n_events,
        is_truncated=is_truncated,
    )


def event(step: Step) -> Event:
    """One event of a run."""
    return Event(
        line=step.span.line,
        kind=step.kind,
        target=plain(step.target[:_STEP]),
        value=plain(glimpse(step.value, _STEP)),
        iteration=step.iteration,
        call=step.call,
    )


def _place(source: str, span: Span) -> Place:
    return Place(
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        code=source[span.start : span.end][:_CODE],
    )


def _repair(source: str, divergence: Divergence | None) -> Repair | None:
    if divergence is None or divergence.repair is None:
        return None
    repair = divergence.repair
    removed, added = wording.repair_lines(repair, source)
    return Repair(line=repair.span.line, removed=removed, added=added, source=repair.source)


def _suspects(source: str, divergence: Divergence | None) -> list[Suspect]:
    return [
        Suspect(
            line=one.span.line,
            code=source[one.span.start : one.span.end][:_STEP],
            chance=one.score,
            reason=one.reason,
        )
        for one in (divergence.alternatives if divergence else ())
        if divergence is not None and one.span != divergence.span
    ]


def _failing(problem: Problem, verdict: Verdict, result: TestResult) -> Failing:
    test = wording.judged_test(problem, verdict, result)
    is_code = isinstance(test, Check)
    outcome = result.actual
    is_printed = problem.kind == "script" and outcome.value is None
    said = outcome.stdout if is_printed else outcome.value
    is_known = not is_code and result.expected is not UNKNOWN
    return Failing(
        name=result.name,
        cause=result.cause.value,
        input=plain(_input(problem, result, test)),
        expected=plain(glimpse(result.expected, _TEXT)) if is_known else None,
        actual=plain(wording.failure_text(outcome)[:_TEXT] or glimpse(said, _TEXT)),
        detail=plain(result.detail[:_TEXT]),
    )


def _input(problem: Problem, result: TestResult, test: object) -> str:
    stdin = getattr(test, "stdin", None)
    if stdin is not None:
        return f"stdin {glimpse(stdin, _TEXT)}"
    if not result.args and isinstance(test, Check):
        return result.name
    texts = [glimpse(argument, _TEXT) for argument in result.args]
    texts += [
        f"{name}={glimpse(value, _TEXT)}" for name, value in getattr(test, "kwargs", {}).items()
    ]
    return f"{problem.entry_point}({', '.join(texts)})"


def _step(step: Step | None) -> str | None:
    return None if step is None else f"line {step.span.line}: {wording.step_text(step, _STEP)}"
